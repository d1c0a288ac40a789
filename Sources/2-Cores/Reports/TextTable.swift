/// Columns below each other: text to the left, numbers to the right.
public struct TextTable {
    private let head: [String]
    private let rows: [[String]]
    private let leftAligned: Set<String>
    /// How a row stands out; none if it is missing.
    private let tones: [TextStyle.Tone]
    /// Between columns.
    private let gap: String

    /// - Parameter gap: blanks between columns.
    public init(
        head: [String], rows: [[String]], leftAligned: Set<String>, tones: [TextStyle.Tone] = [], gap: Int = 2
    ) {
        (self.head, self.rows, self.leftAligned, self.tones) = (head, rows, leftAligned, tones)
        self.gap = String(repeating: " ", count: gap)
    }

    public var text: String { text(.plain) }

    public func text(_ style: TextStyle) -> String {
        let all = [head] + rows
        let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        let tones = [.heading] + rows.indices.map { self.tones.indices.contains($0) ? self.tones[$0] : .plain }
        return zip(all, tones).map { row, tone in
            let cells = head.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return leftAligned.contains(head[column]) ? row[column] + space : space + row[column]
            }
            var line = cells.joined(separator: gap)
            while line.last == " " { line.removeLast() }
            return style.painted(line, tone) + "\n"
        }.joined()
    }
}
