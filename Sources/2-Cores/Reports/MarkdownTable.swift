/// A table in Markdown, as the documents hold it.
public struct MarkdownTable {
    private let head: [String]
    private let rows: [[String]]

    public init(head: [String], rows: [[String]]) { (self.head, self.rows) = (head, rows) }

    public var text: String {
        let rule = "|" + String(repeating: "---|", count: head.count) + "\n"
        return line(head) + rule + rows.map(line).joined()
    }

    private func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |\n" }
}
