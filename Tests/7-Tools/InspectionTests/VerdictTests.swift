import Assumptions
@testable import Host
import IG
@testable import Inspection
import MarketData
import Planning
import Reports
import Settings
@testable import SQLiteStore
import Store
import Streams
import TestKit
import Testing
import Wire

/// The findings in each situation. Times are those of a Tuesday, unless stated otherwise.
@Suite struct VerdictTests {
    /// 2026-05-12 08:00 UTC.
    private static let tuesday: UTCSeconds = 1_778_572_800
    /// 2026-05-16 12:00 UTC.
    private static let saturday: UTCSeconds = 1_778_932_800
    private static let pairs = ["EUR_USD", "NZD_USD", "USD_JPY"].map { Pair($0)! }

    /// The differences from a healthy pipeline.
    private struct Situation {
        var now = VerdictTests.tuesday
        /// Seconds, and what ingest-stream says of itself.
        var heartbeatAge: Double = 0.4
        var state = "streaming"
        var tickAges: [Double] = [0.2, 1.5, 3]
        var clockOffset: Double = 1.4
        var down: [Stage] = []
        var blind: [(pair: String, seconds: Int64)] = []
        /// Seconds since the newest candle's end; `nil`: none is stored.
        var candleAge: Int64? = 100
        /// By the pair's name; FX's without.
        var hours: [String: TradingHours] = [:]
        var free: Int64 = 50_000_000_000
        var assumptions = AssumptionTally()
        var quota = QuotaLedger.Estimate(remaining: 9_000, total: 10_000, renewal: nil, isTold: true)

        var verdict: Verdict {
            let host = UTCNanos(rawValue: now.rawValue * UTCNanos.perSecond - Int64(clockOffset * 1e9))
            var metrics = MetricValues()
            metrics.set(.marketTime, now.rawValue)
            metrics[.clockOffset] = clockOffset
            metrics.set(.heartbeatTime, nanos: host.rawValue - Int64(heartbeatAge * 1e9))
            for (pair, age) in zip(VerdictTests.pairs, tickAges) {
                metrics[.tickTime, pair.description] = Double(host.rawValue) / 1e9 - age
            }
            let stages = Stage.daemons.map { stage in
                let isIngest = stage == .ingestStream
                let status = StageStatus(
                    stage, time: host, state: isIngest ? state : "live", outputs: [],
                    metrics: isIngest ? metrics : MetricValues())
                return down.contains(stage)
                    ? StatusListener.Heard(stage, nil, receivedAt: nil)
                    : StatusListener.Heard(stage, status, receivedAt: host)
            }
            var configuration = Configuration()
            configuration.instruments = Instrument.defaults.filter { VerdictTests.pairs.contains($0.pair) }.map {
                Instrument(pair: $0.pair, epic: $0.epic, hours: hours[$0.pair.description] ?? .fx)
            }
            let collectors = Collectors(own: configuration)
            var stored = StoreSnapshot(collectors, now: now)
            var facts = StoreSnapshot.OfCollector(quota: quota)
            for blind in blind {
                facts.continuity.pairs[blind.pair, default: Blindness()].since =
                    UTCNanos(seconds: now - blind.seconds)
            }
            stored.collectors[.main] = facts
            if let candleAge {
                stored.candles = configuration.timeframes.flatMap { timeframe in
                    VerdictTests.pairs.map {
                        SeriesStatistics(
                            series: Series($0, timeframe), count: 9, complete: 9, oldest: 0,
                            newest: now - candleAge - timeframe.seconds, close: Price(rawValue: 1),
                            bySource: [.streamed: 9])
                    }
                }
            }
            return Verdict(
                Verdict.Observation(
                    stages: stages, stored: stored, collectors: collectors, now: host, free: free,
                    assumptions: [.main: assumptions]))
        }
    }

    private func findings(_ change: (inout Situation) -> Void) -> [String] {
        var situation = Situation()
        change(&situation)
        return situation.verdict.findings.map { "\($0.state) \($0.check) \($0.subject): \($0.finding)" }
    }

    @Test func `all is well`() {
        #expect(Situation().verdict.findings.isEmpty)
        #expect(Situation().verdict.state == .ok)
    }

    @Test func `a heartbeat that is late is reported after ten seconds, with its moment`() {
        #expect(findings { $0.heartbeatAge = 9.9 }.isEmpty)
        #expect(
            findings { ($0.heartbeatAge, $0.clockOffset) = (42, 0) }
                == ["failed feed : no heartbeat for 42.0 s, since 2026-05-12 07:59:18 UTC (streaming)"])
    }

    @Test func `each state of a dead feed has its advice`() {
        let states = ["streaming", "logging in", "recovering"]
        let advices = states.map { state -> String in
            var situation = Situation()
            (situation.heartbeatAge, situation.state) = (30, state)
            return situation.verdict.findings.map(\.advice).joined()
        }
        #expect(Set(advices).count == 3 && advices.allSatisfy { !$0.isEmpty })
    }

    @Test func `over the weekend a silent feed, silent pairs and old candles are nothing`() {
        #expect(
            findings {
                $0.now = Self.saturday
                ($0.heartbeatAge, $0.state) = (40_000, "logging in")
                $0.tickAges = [40_000, 40_000, 40_000]
                $0.blind = [("EUR_USD", 40_000)]
                $0.candleAge = 15 * 3_600
            }.isEmpty)
    }

    @Test func `over the weekend a pair with other hours is judged alone`() {
        let found = findings {
            $0.now = Self.saturday
            $0.hours = ["USD_JPY": .always]
            $0.tickAges = [40_000, 40_000, 40_000]
            $0.blind = [("EUR_USD", 40_000), ("USD_JPY", 61)]
            $0.candleAge = 15 * 3_600
        }
        #expect(found.count == 1 && found[0].hasPrefix("failed pair USD_JPY: blind since"), "\(found)")
        let silent = findings {
            ($0.now, $0.hours, $0.candleAge) = (Self.saturday, ["USD_JPY": .always], 15 * 3_600)
            ($0.heartbeatAge, $0.state) = (40_000, "logging in")
        }
        #expect(silent.count == 1 && silent[0].hasPrefix("failed feed"), "\(silent)")
    }

    @Test func `a market that has just opened was not silent through the night`() {
        func silent(opened time: String) -> [String] {
            findings {
                $0.hours["EUR_USD"] = TradingHours(
                    zone: ZoneRule("UTC")!, named: "UTC", sessions: [WeeklySession("Mon-Fri \(time)-16:00")!])
                $0.tickAges = [40_000, 1, 1]
            }
        }
        #expect(silent(opened: "07:58").isEmpty)
        #expect(silent(opened: "07:57") == ["failed pair EUR_USD: no tick for 3.0 min while other pairs tick"])
        // Before its opening it is not looked at, nor counted among the others.
        #expect(silent(opened: "08:01").isEmpty)
    }

    @Test func `a stage that is down is reported over the weekend too`() {
        let found = findings {
            $0.now = Self.saturday
            $0.candleAge = 15 * 3_600
            $0.down = [.aggregator]
        }
        #expect(found == ["failed stages : not running: aggregator"])
    }

    @Test func `without ingest-stream only that is reported, until candles are overdue`() {
        #expect(findings { $0.down = [.ingestStream] } == ["failed stages : not running: ingest-stream"])
        #expect(findings { ($0.down, $0.candleAge) = ([.ingestStream], 400) }.count == 2)
    }

    @Test func `a blind pair is reported after a minute, and no other`() {
        #expect(findings { $0.blind = [("EUR_USD", 59)] }.isEmpty)
        #expect(
            findings { $0.blind = [("EUR_USD", 61)] }
                == ["failed pair EUR_USD: blind since 2026-05-12 07:58:59"])
        #expect(findings { $0.blind = [("AUD_USD", 900)] }.isEmpty, "it is not configured")
    }

    @Test func `a dead feed is one finding, not one for each pair`() {
        let found = findings {
            $0.heartbeatAge = 200
            $0.tickAges = [200, 200, 200]
            $0.blind = [("EUR_USD", 900)]
        }
        #expect(found.count == 1)
    }

    @Test func `a pair that is silent while the others tick is reported within three minutes`() {
        #expect(findings { $0.tickAges = [149, 1, 1] }.isEmpty)
        #expect(
            findings { $0.tickAges = [151, 1, 1] } == [
                "failed pair EUR_USD: no tick for 2.5 min while other pairs tick"
            ])
    }

    @Test func `a thin session is no silence`() {
        #expect(findings { $0.tickAges = [400, 35, 70] }.isEmpty)
    }

    @Test func `candles that are overdue are reported, one that is alone is not`() {
        #expect(findings { $0.candleAge = 311 } == ["failed candles : no fresh candle of 5m"])
        #expect(findings { $0.candleAge = nil } == ["failed candles : no candle is stored"])
        let shut = findings {
            $0.now = Self.saturday
            $0.candleAge = nil
        }
        #expect(shut == ["warning candles : no candle is stored"])
    }

    @Test func `a full disk is reported at any time`() {
        let found = findings {
            $0.now = Self.saturday
            $0.candleAge = 15 * 3_600
            $0.free = 150_000_000
        }
        #expect(found == ["failed disk : only 150 MB of disk free"])
    }

    @Test func `a disk that is filling up is a warning before it is full`() {
        #expect(findings { $0.free = 1_900_000_000 } == ["warning disk : only 1.9 GB of disk free"])
        #expect(findings { $0.free = 2_000_000_000 }.isEmpty)
    }

    @Test func `status without a database shows stages and disk, and says so`() throws {
        let folder = TemporaryFolder()
        let paths = try Paths(state: folder.path)
        let report = try StatusReport(
            stages: [], paths: paths, collectors: Collectors(own: Configuration()), clock: .system)
        let text = report.text(.plain)
        #expect(text.contains("candlewick.db does not exist") && text.contains(" free\n"), "\(text)")
        #expect(report.failures.contains { $0.contains("candlewick.db does not exist") })
    }

    @Test func `a wrong local clock is a warning, a market of another time is not`() {
        #expect(
            findings { $0.clockOffset = 58 * 60 } == [
                "warning clock : this machine's clock is 58.0 min behind the broker's"
            ])
        #expect(
            findings { $0.clockOffset = -90 } == [
                "warning clock : this machine's clock is 1.5 min ahead of the broker's"
            ])
        #expect(findings { $0.clockOffset = 4 }.isEmpty)
        #expect(findings { $0.clockOffset = -200 * 86_400 }.isEmpty)
    }

    @Test func `an allowance that is spent days before its renewal is a warning`() {
        func quota(_ remaining: Int, days: Int64) -> [String] {
            findings {
                $0.quota = QuotaLedger.Estimate(
                    remaining: remaining, total: 10_000, renewal: Self.tuesday + days * 86_400, isTold: true)
            }
        }
        #expect(quota(999, days: 3).count == 1 && quota(999, days: 3)[0].hasPrefix("warning quota"))
        #expect(quota(1_000, days: 3).isEmpty && quota(10, days: 0).isEmpty)
    }

    @Test func `an assumption that failed within a day is a warning`() {
        func found(hoursAgo: Int64) -> [String] {
            findings {
                $0.assumptions.hold(.unlimitedUpdates, times: 9)
                $0.assumptions.violate(
                    .snapshotEnds, at: UTCNanos(seconds: Self.tuesday - hoursAgo * 3_600), "CS.D.EURUSD.CFD.IP")
            }
        }
        #expect(
            found(hoursAgo: 2) == [
                "warning assumption snapshot-ends: failed, last at 2026-05-12 06:00:00 UTC (CS.D.EURUSD.CFD.IP): "
                    + "EOS follows the snapshot of each tick item"
            ])
        #expect(found(hoursAgo: 25).isEmpty)
    }

    @Test func `the line for scripts names each failure and no warning`() {
        var situation = Situation()
        (situation.heartbeatAge, situation.clockOffset, situation.down) = (30, 90, [.aggregator])
        #expect(situation.verdict.failures.count == 2 && situation.verdict.findings.count == 3)
        #expect(situation.verdict.state == .failed)
    }
}
