import Host
import Inspection
import MarketData
import Streams
import TestKit
import Testing
import Wire

@testable import Web

/// The text in which Prometheus reads values. Source: Prometheus, exposition formats, text 0.0.4.
@Suite struct ExpositionTests {
    private let time = UTCNanos(rawValue: 1_778_572_800_000_000_000)

    private func heard(
        _ stage: Stage, of collector: Collector = .main, inputs: [StageStatus.Input] = [],
        outputs: [StageStatus.Output] = [], _ set: (inout MetricValues) -> Void = { _ in }
    ) -> StatusListener.Heard {
        var metrics = MetricValues()
        set(&metrics)
        let status = StageStatus(stage, time: time, state: "live", inputs: inputs, outputs: outputs, metrics: metrics)
        return StatusListener.Heard(stage, of: collector, status, receivedAt: time)
    }

    private func lines(_ heard: [StatusListener.Heard], hasSeveral: Bool = false) -> [String] {
        var exposition = Exposition()
        for heard in heard { exposition.add(heard, hasSeveral: hasSeveral) }
        return exposition.text.split(separator: "\n").map(String.init)
    }

    @Test func `meaning and type come once, before all values of the family`() {
        let lines = lines([
            heard(.ingestStream) { $0.set(.processFiles, 7) }, heard(.aggregator) { $0.set(.processFiles, 9) },
        ])
        #expect(
            lines.prefix(4) == [
                "# HELP candlewick_process_open_files Files and sockets that a program has open",
                "# TYPE candlewick_process_open_files gauge",
                #"candlewick_process_open_files{stage="ingest-stream"} 7"#,
                #"candlewick_process_open_files{stage="aggregator"} 9"#,
            ])
    }

    @Test func `a silent stage has no other value than that it is down`() {
        let lines = lines([StatusListener.Heard(.storeWriter, nil, receivedAt: nil)])
        #expect(lines.filter { !$0.hasPrefix("#") } == [#"candlewick_stage_up{stage="store-writer"} 0"#])
    }

    @Test func `labels are escaped`() {
        let lines = lines([heard(.ingestStream) { $0[.transport, "a\"b\\c\r\nd"] = 1 }])
        #expect(
            lines.contains(
                #"candlewick_stream_transport{stage="ingest-stream",transport="a\"b\\c"# + "\r" + #"\nd"} 1"#))
    }

    @Test(arguments: [
        (1_778_572_800.0, "1778572800"), (0.25, "0.25"), (-2, "-2"), (1_778_572_800.125, "1778572800.125"),
        (1e300, "1e+300"), (0.1 + 0.2, "0.3"), (0.00006, "6e-05"),
    ])
    func `whole numbers have no point`(value: Double, text: String) {
        let lines = lines([heard(.ingestStream) { $0[.clockOffset] = value }])
        #expect(lines.contains(#"candlewick_clock_offset_seconds{stage="ingest-stream"} \#(text)"#))
    }

    @Test func `a histogram's buckets come in order and end with all`() {
        var histogram = DurationHistogram()
        for milliseconds: Int64 in [1, 30, 30, 70_000] { histogram.note(milliseconds * 1_000_000) }
        let lines = lines([heard(.storeWriter) { $0.set(.candleDelay, byLabel: ["busy": histogram.value]) }])
        let name = "candlewick_candle_delay_seconds"
        let values = lines.filter { $0.hasPrefix(name) }
        #expect(lines.contains("# TYPE \(name) histogram"))
        #expect(values[0] == #"\#(name)_bucket{stage="store-writer",group="busy",le="0.001"} 1"#)
        #expect(
            values.suffix(3) == [
                #"\#(name)_bucket{stage="store-writer",group="busy",le="+Inf"} 4"#,
                #"\#(name)_sum{stage="store-writer",group="busy"} 70.061"#,
                #"\#(name)_count{stage="store-writer",group="busy"} 4"#,
            ])
        let counts = values.dropLast(2).compactMap { Double($0.split(separator: " ")[1]) }
        #expect(counts.count == 16 && counts == counts.sorted())
    }

    @Test func `each collector's values have its name, also in what serves all`() {
        let eu = Collector("eu")!
        let both = [
            heard(.ingestStream, of: eu, outputs: [.init(.ticks, position: 4)]) { $0.set(.ticks, 4) },
            heard(.ingestStream, outputs: [.init(.ticks, position: 5)]) {
                $0.set(.ticks, 5)
                $0[.journalSync, "ticks"] = 0.5
            },
            heard(
                .storeWriter,
                inputs: [
                    .init(.candles, of: eu, position: 6, isLive: true),
                    .init(.candles, position: 7, isLive: true, failure: "damaged"),
                ], outputs: [.init(.stored, of: eu, position: 6)]
            ) {
                $0.set(.commits, 9)
                $0[.recordsLive, "eu/candles"] = 1
                $0[.recordsLive, "candles"] = 2
            },
        ]
        let several = Set(lines(both, hasSeveral: true))
        #expect(
            several.isSuperset(of: [
                #"candlewick_ticks_total{stage="ingest-stream",collector="eu"} 4"#,
                #"candlewick_ticks_total{stage="ingest-stream",collector="main"} 5"#,
                #"candlewick_journal_sync_seconds{stage="ingest-stream",collector="main",stream="ticks"} 0.5"#,
                #"candlewick_commits_total{stage="store-writer"} 9"#,
                #"candlewick_records_live_total{stage="store-writer",collector="eu",stream="candles"} 1"#,
                #"candlewick_records_live_total{stage="store-writer",collector="main",stream="candles"} 2"#,
                #"candlewick_stream_position{stage="ingest-stream",collector="eu",stream="ticks"} 4"#,
                #"candlewick_stream_position{stage="store-writer",collector="eu",stream="stored"} 6"#,
                #"candlewick_consumer_position{stage="store-writer",collector="main",stream="candles"} 7"#,
                #"candlewick_consumer_live{stage="store-writer",collector="eu",stream="candles"} 1"#,
                #"candlewick_consumer_live{stage="store-writer",collector="main",stream="candles"} 0"#,
            ]))
        let one = lines([both[0]])
        #expect(one.contains(#"candlewick_ticks_total{stage="ingest-stream"} 4"#))
    }

    @Test func `no series comes twice, whatever a stage says`() {
        let twice = heard(
            .aggregator,
            inputs: [
                .init(.ticks, position: 1, isLive: true), .init(.ticks, position: 2, isLive: true),
            ])
        let values = lines([twice, twice]).filter { !$0.hasPrefix("#") }
        #expect(Set(values.map { $0.split(separator: " ")[0] }).count == values.count)
        #expect(values.contains(#"candlewick_consumer_position{stage="aggregator",stream="ticks"} 1"#))
    }

    @Test func `every metric of a stage appears`() {
        let all = Stage.allCases.map { stage in
            heard(stage) { metrics in
                for metric in Metric.allCases {
                    switch (metric.kind, metric.label) {
                    case (.histogram, nil): metrics.set(metric, DurationHistogram().value)
                    case (.histogram, _): metrics.set(metric, byLabel: ["x": DurationHistogram().value])
                    case (_, nil): metrics.set(metric, 1)
                    case (_, let label?): metrics[metric, label] = 1
                    }
                }
            }
        }
        let lines = lines(all)
        for metric in Metric.allCases {
            #expect(lines.count { $0 == "# TYPE \(metric.name) \(metric.kind.rawValue)" } == 1)
            let name = metric.name + (metric.kind == .histogram ? "_count" : "")
            let label = metric.label.map { ",\($0)=" } ?? "stage="
            #expect(lines.count { $0.hasPrefix("\(name){stage=\"") && $0.contains(label) } == Stage.allCases.count)
        }
    }
}
