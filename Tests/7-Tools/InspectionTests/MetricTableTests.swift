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
    func `names follow the conventions`(metric: Metric) {
        #expect(metric.name.hasPrefix("candlewick_") && !metric.help.isEmpty && metric.help.last != ".")
        #expect(metric.name.allSatisfy { $0.isLowercase || $0 == "_" })
        #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"))
        if metric.name.contains("timestamp") { #expect(metric.unit == "seconds") }
    }
}
