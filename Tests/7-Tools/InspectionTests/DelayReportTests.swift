import Assumptions
import Host
@testable import Inspection
import MarketData
import Reports
import Settings
import Streams
import TestKit
import Testing
import Wire

@Suite struct DelayReportTests {
    /// Percentiles 50, 90, 99 and 100, in seconds.
    private func status(busy: [Double] = [], quiet: [Double] = []) -> StageStatus {
        var metrics = MetricValues()
        for (metric, values) in [(Metric.busyDelay, busy), (.quietDelay, quiet)] {
            for (percentile, value) in zip(["50", "90", "99", "100"], values) { metrics[metric, percentile] = value }
        }
        metrics.set(.recentCandles, byLabel: ["busy": 84, "quiet": quiet.isEmpty ? 0 : 1_250, "revised": 3])
        return StageStatus(.storeWriter, time: UTCNanos(rawValue: 0), state: "live", outputs: [], metrics: metrics)
    }

    @Test func `a table shows the percentiles of busy and quiet pairs, and the revised candles`() {
        let report = DelayReport(status(busy: [0.008, 0.02, 0.035, 0.06], quiet: [0.44, 0.6, 0.72, 75]))
        #expect(
            report.text(.plain) == """
                delay, last hour  candles     p50     p90     p99    worst
                busy pairs             84    8 ms   20 ms   35 ms    60 ms
                quiet pairs          1250  440 ms  600 ms  720 ms  1.3 min
                revised                 3

                """)
    }

    @Test func `what is not measured is a dash`() {
        let rows = DelayReport(status(busy: [0.008, 0.02, 0.035, 0.06])).text(.plain).split(separator: "\n")
        #expect(rows[2].split(separator: " ") == ["quiet", "pairs", "0", "-", "-", "-", "-"])
        #expect(DelayReport(nil).line == "delay p50/90/99/max  busy -  quiet -")
    }

    @Test func `the line fits 80 columns, whatever the delays`() {
        let usual = DelayReport(status(busy: [0.008, 0.02, 0.035, 0.06], quiet: [0.44, 0.6, 0.72, 9.9]))
        #expect(usual.line == "delay p50/90/99/max  busy 8/20/35/60 ms  quiet 440/600/720/9900 ms")
        let longest = DelayReport(status(busy: [9.9, 9.9, 9.9, 9.9], quiet: [3_600, 3_600, 3_600, 3_600]))
        #expect(longest.line.hasSuffix("quiet 3600/3600/3600/3600 s") && longest.line.count <= 80)
    }

    @Test func `status and top show it`() throws {
        let folder = TemporaryFolder()
        let (host, collectors) = (UTCNanos(rawValue: 0), Collectors(own: Configuration()))
        let store = status(busy: [0.008, 0.02, 0.035, 0.06])
        let seen = Verdict.Observation(
            stages: [StatusListener.Heard(.storeWriter, store, receivedAt: host)],
            stored: StoreSnapshot(collectors, now: 0), collectors: collectors, now: host, free: nil, assumptions: [:])
        let report = StatusReport(seen, paths: try Paths(state: folder.path))
        #expect(report.text(.plain).contains("busy pairs             84"))
        #expect(report.json.contains("\"worstSeconds\":0.06") && report.json.contains("\"revised\":3"))
        let lines = LiveFrame(seen).screen(.usual).map(\.text)
        #expect(lines.contains("delay p50/90/99/max  busy 8/20/35/60 ms  quiet -"))
        #expect(lines[1].contains("3 revised"))
        #expect(LiveFrame(seen).line.contains("busy 8/20/35/60 ms"))
    }
}
