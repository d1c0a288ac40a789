public import Reports
internal import Host
internal import Streams

/// Every metric that the stages publish.
public struct MetricTable: Report {
    public init() {}

    /// A table in Markdown.
    public func text(_ style: TextStyle) -> String {
        let rows = Metric.allCases.map {
            ["`\($0.name)`", $0.kind.rawValue, $0.label.map { "`\($0)`" } ?? "", $0.help]
        }
        return MarkdownTable(head: ["Name", "Kind", "Label", "Meaning"], rows: rows).text
    }

    private struct Line: Encodable {
        let name: String
        let kind: String
        let unit: String
        let label: String?
        let help: String
    }

    public var json: String {
        encodedJSON(
            Metric.allCases.map {
                Line(name: $0.name, kind: $0.kind.rawValue, unit: $0.unit, label: $0.label, help: $0.help)
            }) + "\n"
    }
}
