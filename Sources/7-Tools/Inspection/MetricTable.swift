public import Reports
internal import Host
internal import Streams

/// Every metric that the stages publish, and those that `candlewick-web` adds to them.
public struct MetricTable: Report {
    public init() {}

    /// Two tables in Markdown.
    public func text(_ style: TextStyle) -> String {
        table(of: Metric.self) + "\n`candlewick-web` adds:\n\n" + table(of: PipelineMetric.self)
    }

    private func table<Family: MetricFamily>(of families: Family.Type) -> String {
        let rows = families.allCases.map { family in
            [
                "`\(family.name)`", family.kind.rawValue, family.labels.map { "`\($0)`" }.joined(separator: ", "),
                family.help,
            ]
        }
        return MarkdownTable(head: ["Name", "Kind", "Labels", "Meaning"], rows: rows).text
    }

    private struct Line: Encodable {
        let name: String
        let kind: String
        let unit: String
        let labels: [String]
        let help: String
        /// Whether a stage's status has it.
        let isInStatus: Bool

        init(_ family: some MetricFamily) {
            (name, kind, unit) = (family.name, family.kind.rawValue, family.unit)
            (labels, help, isInStatus) = (family.labels, family.help, family is Metric)
        }
    }

    public var json: String {
        encodedJSON(Metric.allCases.map { Line($0) } + PipelineMetric.allCases.map { Line($0) }) + "\n"
    }
}
