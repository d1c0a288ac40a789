import Foundation
@testable import Inspection
import Reports
import Streams
import Testing
import TestKit

@Suite struct MetricTableTests {
    @Test func `the document shows the table of the code`() throws {
        let document = try String(contentsOfFile: "\(Golden.folder)/../../docs/metrics.md", encoding: .utf8)
        #expect(document.hasSuffix(MetricTable().text(.plain)), "candlewick status --metrics prints it")
    }

    /// Source: Prometheus, metric and label naming.
    @Test(arguments: Metric.allCases)
    func `names of a stage's metrics follow the conventions`(metric: Metric) { expectConventions(metric) }

    @Test(arguments: PipelineMetric.allCases)
    func `names of the pipeline's metrics follow the conventions`(metric: PipelineMetric) {
        expectConventions(metric)
        #expect(Metric(rawValue: metric.name) == nil)
    }

    private func expectConventions(_ metric: some MetricFamily) {
        #expect(metric.name.hasPrefix("candlewick_") && !metric.help.isEmpty && metric.help.last != ".")
        #expect(metric.name.allSatisfy { $0.isLowercase || $0 == "_" })
        #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"))
        if metric.name.contains("timestamp") { #expect(metric.unit == "seconds") }
    }
}
