import Assumptions
import Host
import IG
@testable import Inspection
import MarketData
import Planning
import Reports
import Settings
import Store
import Streams
import TestKit
import Testing
import Wire

/// The findings of two collectors, `eu` and `main`: EUR_USD is streamed by both.
@Suite struct CollectorVerdictTests {
    /// 2026-05-12 08:00 UTC, a Tuesday.
    private static let tuesday: UTCSeconds = 1_778_572_800
    private static let eu = Collector("eu")!

    private struct Situation {
        var pairs: [Collector: [String]] = [eu: ["EUR_USD", "USD_JPY"], .main: ["EUR_USD", "GBP_USD"]]
        /// Those that do not answer.
        var down: [String] = []
        /// Seconds.
        var heartbeatAges: [Collector: Double] = [:]
        /// By collector and pair, seconds; 1 of others.
        var tickAges: [String: Double] = [:]
        var blind: [(Collector, String)] = []
        var withoutFile: [Collector] = []
        /// Why store-writer cannot take the candles.
        var unstored: [Collector: String] = [:]
        var quotas: [Collector: Int] = [:]

        private var host: UTCNanos { UTCNanos(seconds: CollectorVerdictTests.tuesday) }

        private func heard(_ stage: Stage, _ collector: Collector) -> StatusListener.Heard {
            var metrics = MetricValues()
            let name = "\(collector) \(stage)"
            metrics.set(.marketTime, CollectorVerdictTests.tuesday.rawValue)
            metrics[.ticksPerSecond] = 7
            metrics.set(.heartbeatTime, nanos: host.rawValue - Int64((heartbeatAges[collector] ?? 0.5) * 1e9))
            for pair in pairs[collector] ?? [] {
                metrics[.tickTime, pair] = Double(host.rawValue) / 1e9 - (tickAges["\(collector) \(pair)"] ?? 1)
            }
            let inputs =
                stage == .aggregator
                ? [StageStatus.Input(.ticks, position: 100, isLive: true)]
                : pairs.keys.sorted().map {
                    StageStatus.Input(.candles, of: $0, position: 100, isLive: true, failure: unstored[$0])
                }
            let output = StageStatus.Output(stage == .ingestStream ? .ticks : .candles, position: 120)
            let status = StageStatus(
                stage, time: host, state: stage == .ingestStream ? "streaming" : "live",
                inputs: stage == .ingestStream ? [] : inputs, outputs: [output],
                metrics: stage == .ingestStream ? metrics : MetricValues())
            return StatusListener.Heard(
                stage, of: collector, down.contains(name) ? nil : status, receivedAt: down.contains(name) ? nil : host)
        }

        var collectors: Collectors {
            let files = pairs.keys.sorted().reversed().filter { !withoutFile.contains($0) }.map { collector in
                var configuration = Configuration()
                configuration.collector = collector
                configuration.instruments = Instrument.defaults.filter {
                    pairs[collector]?.contains($0.pair.description) == true
                }
                return configuration
            }
            return Collectors(
                own: files[0], others: Array(files.dropFirst()),
                files: Dictionary(uniqueKeysWithValues: files.map { ($0.collector, place($0.collector)) }),
                ran: withoutFile)
        }

        private func place(_ collector: Collector) -> String {
            collector == .main ? "/etc/candlewick/candlewick.yaml" : "/etc/candlewick/collectors/\(collector).yaml"
        }

        var seen: Verdict.Observation {
            let collectors = collectors
            var stored = StoreSnapshot(collectors, now: CollectorVerdictTests.tuesday)
            for collector in collectors.all {
                let quota = QuotaLedger.Estimate(
                    remaining: quotas[collector] ?? 9_000, total: 10_000,
                    renewal: CollectorVerdictTests.tuesday + 3 * 86_400, isTold: true)
                var facts = StoreSnapshot.OfCollector(quota: quota)
                facts.pairs = (pairs[collector] ?? []).compactMap { Pair($0) }
                for (owner, pair) in blind where owner == collector {
                    facts.continuity.pairs[pair, default: Blindness()].since =
                        UTCNanos(seconds: CollectorVerdictTests.tuesday - 900)
                }
                stored.collectors[collector] = facts
            }
            let pairs = Set(pairs.values.joined()).sorted().map { Pair($0)! }
            stored.candles = [Timeframe.fiveMinutes, .fifteenMinutes].flatMap { timeframe in
                pairs.map {
                    SeriesStatistics(
                        series: Series($0, timeframe), count: 9, complete: 9, oldest: 0,
                        newest: CollectorVerdictTests.tuesday - 100 - timeframe.seconds, close: Price("1.08415")!,
                        bySource: [.streamed: 9])
                }
            }
            let stages = collectors.all.flatMap { collector in
                [Stage.ingestStream, .aggregator].map { heard($0, collector) }
            }
            return Verdict.Observation(
                stages: stages + [heard(.storeWriter, .main)], stored: stored, collectors: collectors, now: host,
                free: 50_000_000_000, assumptions: [:])
        }
    }

    private func findings(_ change: (inout Situation) -> Void) -> [String] {
        var situation = Situation()
        change(&situation)
        return Verdict(situation.seen).findings.map { "\($0.state) \($0.check) \($0.sentence)" }
    }

    @Test func `all is well`() { #expect(findings { _ in }.isEmpty) }

    @Test func `a pair that another collector sees is a warning, one that nobody sees is a failure`() {
        #expect(
            findings { $0.blind = [(Self.eu, "EUR_USD")] } == [
                "warning pair eu: EUR_USD blind since 2026-05-12 07:45:00; main sees it"
            ])
        #expect(
            findings { $0.blind = [(Self.eu, "USD_JPY")] } == [
                "failed pair eu: USD_JPY blind since 2026-05-12 07:45:00"
            ])
        #expect(
            findings { $0.blind = [(Self.eu, "EUR_USD"), (.main, "EUR_USD")] } == [
                "failed pair eu: EUR_USD blind since 2026-05-12 07:45:00",
                "failed pair main: EUR_USD blind since 2026-05-12 07:45:00",
            ])
    }

    @Test func `a silent pair is no failure while it ticks elsewhere`() {
        #expect(
            findings { $0.tickAges = ["eu EUR_USD": 160] } == [
                "warning pair eu: EUR_USD no tick for 2.7 min while other pairs tick; main sees it"
            ])
        #expect(
            findings { $0.tickAges = ["eu EUR_USD": 160, "main EUR_USD": 170] } == [
                "failed pair eu: EUR_USD no tick for 2.7 min while other pairs tick",
                "failed pair main: EUR_USD no tick for 2.8 min while other pairs tick",
            ])
    }

    @Test func `a dead feed is a failure unless others see all of its pairs`() {
        let dead = "no heartbeat for 30.0 s, since 2026-05-12 07:59:30 UTC (streaming)"
        #expect(findings { $0.heartbeatAges = [Self.eu: 30] } == ["failed feed eu: \(dead)"])
        #expect(
            findings {
                $0.heartbeatAges = [Self.eu: 30]
                $0.pairs[.main]?.append("USD_JPY")
            } == ["warning feed eu: \(dead); main sees its pairs"])
        #expect(
            findings {
                $0.heartbeatAges = [Self.eu: 30, .main: 30]
                $0.pairs[.main]?.append("USD_JPY")
            } == ["failed feed eu: \(dead)", "failed feed main: \(dead)"], "the helper is dead too")
    }

    @Test func `a stage that is down is a failure unless others see all of its pairs, store-writer always`() {
        #expect(findings { $0.down = ["eu aggregator"] } == ["failed stages eu: not running: aggregator"])
        #expect(
            findings {
                $0.down = ["eu aggregator"]
                $0.pairs[Self.eu] = ["EUR_USD"]
            } == ["warning stages eu: not running: aggregator; main sees its pairs"])
        #expect(findings { $0.down = ["main store-writer"] } == ["failed stages not running: store-writer"])
        var situation = Situation()
        situation.down = ["eu aggregator"]
        #expect(Verdict(situation.seen).findings[0].advice.hasSuffix("journalctl -u candlewick-aggregator@eu"))
    }

    @Test func `a collector without a file that does not run may have gone for good`() {
        #expect(
            findings {
                $0.withoutFile = [Self.eu]
                $0.down = ["eu ingest-stream", "eu aggregator"]
            } == ["warning stages eu: does not run, and has no configuration file"])
        #expect(
            findings {
                $0.withoutFile = [Self.eu]
                $0.down = ["eu aggregator"]
            } == ["failed stages eu: not running: aggregator"])
    }

    @Test func `candles that cannot be stored are a failure unless others see the pairs`() {
        #expect(
            findings { $0.unstored = [Self.eu: "damaged"] } == [
                "failed store eu: store-writer cannot take the candles: damaged"
            ])
        #expect(
            findings {
                $0.unstored = [Self.eu: "damaged"]
                $0.pairs[Self.eu] = ["EUR_USD"]
            } == ["warning store eu: store-writer cannot take the candles: damaged; main sees its pairs"])
    }

    @Test func `each account has an allowance of its own`() {
        let found = findings { $0.quotas = [Self.eu: 100] }
        #expect(found.count == 1 && found[0].hasPrefix("warning quota eu: 100 of 10000 points left"), "\(found)")
    }

    // MARK: Reports

    @Test func `status shows whose everything is, and keeps the own collector's facts where they were`() throws {
        let folder = TemporaryFolder()
        let report = StatusReport(Situation().seen, paths: try Paths(state: folder.path))
        let text = report.text(.plain)
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(lines.contains("eu ingest-stream streaming 120 7"), "\(text)")
        let writer = try #require(lines.first { $0.hasPrefix("store-writer live ") }, "\(text)")
        #expect(writer.contains("eu ") && writer.contains("main ") && writer.hasSuffix(" 26"), "\(writer)")
        #expect(text.contains("continuity of eu") && text.contains("continuity of main"))
        #expect(text.contains("quota     eu: 9000 of 10000 points left"))
        let json = report.json
        #expect(json.contains(#""collectors":{"eu":{"#) && json.contains(#""store-writer":{"#))
    }

    @Test func `with one collector no name is shown`() throws {
        var situation = Situation()
        situation.pairs[Self.eu] = nil
        situation.down = ["main aggregator"]
        let report = StatusReport(situation.seen, paths: try Paths(state: TemporaryFolder().path))
        let text = report.text(.plain)
        #expect(text.hasPrefix("failed   stages: not running: aggregator\n"), "\(text)")
        #expect(!text.contains("main") && !text.contains("collector"), "\(text)")
        #expect(!report.json.contains("collector"), "\(report.json)")
        #expect(!LiveFrame(situation.seen).screen(.usual).contains { $0.text.contains("collector") })
    }

    @Test func `top fits 80 columns, a line for each collector`() {
        var situation = Situation()
        situation.down = ["eu aggregator"]
        let lines = LiveFrame(situation.seen).screen(.usual).map(\.text)
        #expect(lines.contains("main       ingest-stream streaming, aggregator live      13        7"), "\(lines)")
        #expect(lines.contains("eu         ingest-stream streaming, aggregator down                7"), "\(lines)")
        #expect(lines.contains("           store-writer live                             13"), "\(lines)")
        #expect(lines.contains { $0.hasPrefix("USD_JPY") } && lines.allSatisfy { $0.count <= 80 }, "\(lines)")
        let line = LiveFrame(situation.seen).line
        #expect(line.contains("| eu ingest-stream streaming | eu aggregator down | main ingest-stream"), "\(line)")
    }
}
