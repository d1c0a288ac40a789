/// A table in Markdown, as the documents hold it.
public struct MarkdownTable {
    private let head: [String]
    private let rows: [[String]]

    /// - Parameter rows: as many cells each as `head`.
    public init(head: [String], rows: [[String]]) { (self.head, self.rows) = (head, rows) }

    /// Lines with their ends.
    public var text: String {
        let rule = "|" + String(repeating: "---|", count: head.count) + "\n"
        return line(head) + rule + rows.map(line).joined()
    }

    private func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |\n" }
}
