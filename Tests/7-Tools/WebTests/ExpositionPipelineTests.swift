import Archive
import HTTPService
import Host
import IG
import MarketData
import Settings
import SQLiteStore
import Store
import Streams
import TestKit
import Testing
import Wire

@testable import Inspection
@testable import Web

/// What a scrape shows of the pipeline as a whole.
@Suite struct ExpositionPipelineTests {
    /// 2026-05-12 08:00 UTC, a Tuesday.
    private static let tuesday: UTCSeconds = 1_778_572_800
    /// 2026-05-16 12:00 UTC.
    private static let saturday: UTCSeconds = 1_778_932_800

    private let folder = TemporaryFolder()
    private let paths: Paths

    init() throws { paths = try Paths(state: folder.path) }

    private func collectors(_ pairs: [String] = ["EUR_USD", "USD_JPY"]) -> Collectors {
        var configuration = Configuration()
        configuration.instruments = Instrument.defaults.filter { pairs.contains($0.pair.description) }
        return Collectors(own: configuration)
    }

    private func view(
        at now: UTCSeconds = tuesday, down: [Stage] = [], failure: String? = nil,
        backlog: Archiver.Backlog? = nil, _ collectors: Collectors? = nil
    ) -> PipelineView {
        let collectors = collectors ?? self.collectors()
        var stored = StoreSnapshot(collectors, now: now)
        stored.failure = failure
        stored.candles = [
            SeriesStatistics(
                series: Series(Make.eurUSD, .fiveMinutes), count: 9, complete: 7, oldest: 0, newest: now - 300,
                close: Price("1.1")!, bySource: [.streamed: 9])
        ]
        for collector in collectors.all {
            stored.collectors[collector]?.quota = QuotaLedger.Estimate(
                remaining: 9_000, total: 10_000, renewal: now + 86_400, isTold: true)
        }
        let host = UTCNanos(seconds: now)
        let stages = collectors.all.flatMap { collector in
            Stage.daemons.filter { $0.isOfCollector || collector == .main }.map { stage in
                var metrics = MetricValues()
                if stage == .ingestStream { metrics.set(.marketTime, now.rawValue) }
                let status = StageStatus(
                    stage, time: host, state: "live", inputs: [.init(.ticks, position: 1, isLive: true)],
                    outputs: [.init(.candles, position: 2)], metrics: metrics)
                return down.contains(stage)
                    ? StatusListener.Heard(stage, of: collector, nil, receivedAt: nil)
                    : StatusListener.Heard(stage, of: collector, status, receivedAt: host)
            }
        }
        let seen = Verdict.Observation(
            stages: stages, stored: stored, collectors: collectors, now: host, free: 50_000_000_000, assumptions: [:],
            backlogs: backlog.map { [.main: $0] } ?? [:])
        return PipelineView(seen, collectors, paths: paths)
    }

    private func exposition(_ view: PipelineView) -> Exposition {
        var exposition = Exposition()
        exposition.add(view, paths: paths)
        return exposition
    }

    private func lines(_ exposition: Exposition) -> [String] {
        exposition.text.split(separator: "\n").map(String.init)
    }

    private func lines(_ view: PipelineView) -> [String] { lines(exposition(view)) }

    /// A database with complete candles of the hour before the moment, but for one that is partial.
    private func reader(before now: UTCSeconds, partial: Int64) throws -> any CandleQueries {
        let store = try SQLiteWriter(path: paths.database)
        let records = (1...12).map { place in
            Make.candle(now - Int64(place) * 300, flags: place == partial ? .partial : []).envelope
        }
        _ = try store.write(records, collector: .main, stream: .candles, position: 12, now: UTCNanos(seconds: now))
        return try SQLiteReader(path: paths.database)
    }

    @Test func `every metric of the pipeline appears`() throws {
        let reader = try reader(before: Self.tuesday, partial: 5)
        let view = view()
        var exposition = exposition(view)
        exposition.add(HTTPCounts())
        let tick = Make.tick(Double(Self.tuesday.rawValue), "1.07211", "1.07217").tick!
        let live = LiveHub()
        live.publish(.tick(tick, .main))
        exposition.add(quotes: live.quotes, view.seen.pairs)
        exposition.add(PipelineMetric.databaseUp, 1)
        exposition.add(try HoleCounts(reader, view.collectors), view.seen.pairs)
        try DatabaseLook(reader, view.seen, paths: paths).add(to: &exposition)
        let lines = lines(exposition)
        for metric in PipelineMetric.allCases {
            #expect(lines.count { $0 == "# TYPE \(metric.name) \(metric.kind.rawValue)" } == 1, "\(metric.name)")
            let first = lines.first { $0.hasPrefix(metric.name + "{") || $0.hasPrefix(metric.name + " ") }
            for label in metric.labels { #expect(first?.contains("\(label)=\"") == true, "\(metric.name) \(label)") }
        }
        #expect(lines.contains(#"candlewick_holes_open{pair="EUR_USD"} 1"#))
        #expect(lines.contains(#"candlewick_hole_timestamp_seconds{pair="EUR_USD"} \#(Self.tuesday.rawValue - 1_500)"#))
        #expect(lines.contains(#"candlewick_holes_open{pair="USD_JPY"} 0"#))
        #expect(lines.contains(#"candlewick_stored_candles{pair="EUR_USD",timeframe="5m",state="partial"} 2"#))
        #expect(lines.contains { $0.hasPrefix(#"candlewick_process_resident_bytes{stage="candlewick-web"} "#) })
    }

    @Test func `a candle is due at the end of the next interval that is traded`() throws {
        // Friday 20:55 to 21:00 UTC is the last interval of the week; Sunday 21:00 begins the next.
        let friday: UTCSeconds = 1_778_878_800
        let reader = try reader(before: friday, partial: 0)
        let seen = view(at: Self.saturday).seen
        var exposition = Exposition()
        try DatabaseLook(reader, seen, paths: paths).add(to: &exposition)
        let labels = #"{pair="EUR_USD",timeframe="5m"}"#
        #expect(exposition.text.contains("complete_interval_timestamp_seconds\(labels) \(friday.rawValue - 300)\n"))
        #expect(
            exposition.text.contains("candle_due_timestamp_seconds\(labels) \(friday.rawValue + 2 * 86_400 + 300)\n"))
        #expect(!exposition.text.contains("USD_JPY"), "it has no candle yet")
    }

    @Test func `the trading hours say which market is open`() {
        for (now, value) in [(Self.tuesday, 1), (Self.saturday, 0)] {
            #expect(lines(view(at: now)).contains(#"candlewick_in_session{pair="EUR_USD"} \#(value)"#))
        }
    }

    @Test func `the verdict is one of three states, and each check is counted, also if it found nothing`() {
        let lines = lines(view(down: [.aggregator], failure: "locked"))
        #expect(lines.contains(#"candlewick_verdict{state="failed"} 1"#))
        #expect(lines.contains(#"candlewick_verdict{state="ok"} 0"#))
        #expect(lines.contains(#"candlewick_findings{check="stages",state="failed"} 1"#))
        #expect(lines.contains(#"candlewick_findings{check="database",state="failed"} 1"#))
        #expect(lines.contains(#"candlewick_findings{check="quota",state="warning"} 0"#))
        #expect(lines.contains(#"candlewick_stage_up{stage="aggregator"} 0"#))
        #expect(!lines.contains { $0.hasPrefix("candlewick_stored_candles") }, "what is known is old")
    }

    @Test func `marks and files in the state folder are read`() throws {
        var lines = lines(view())
        #expect(lines.contains("candlewick_backup_timestamp_seconds 0"))
        #expect(lines.contains("candlewick_login_refused 0"))
        #expect(lines.contains("candlewick_unarchived_timestamp_seconds \(Self.tuesday.rawValue)"))
        TimeMark.lastBackup(stateFolder: paths.state).set()
        TimeMark.loginRefused(stateFolder: paths.collectorState).set()
        try makeFolder(paths.journal(.ticks))
        TemporaryFolder.overwrite(paths.journal(.ticks) + "/1", [UInt8](repeating: 0, count: 321))
        let since = UTCNanos(seconds: Self.tuesday - 77)
        lines = self.lines(view(backlog: Archiver.Backlog(.ticks, since: since)))
        #expect(!lines.contains("candlewick_backup_timestamp_seconds 0"))
        #expect(lines.contains("candlewick_login_refused 1"))
        #expect(lines.contains(#"candlewick_journal_bytes{stream="ticks"} 321"#))
        #expect(lines.contains("candlewick_unarchived_timestamp_seconds \(Self.tuesday.rawValue - 77)"))
        #expect(lines.contains("candlewick_quota_renewal_timestamp_seconds \(Self.tuesday.rawValue + 86_400)"))
    }

    @Test func `what is a collector's own has its name`() {
        let eu = Collector("eu")!
        let files = [Collector.main, eu].map { collector in
            var configuration = Configuration()
            configuration.collector = collector
            configuration.instruments = Array(Instrument.defaults.prefix(2))
            return configuration
        }
        let lines = lines(view(Collectors(own: files[0], others: [files[1]])))
        for name in ["eu", "main"] {
            #expect(lines.contains(#"candlewick_stage_up{stage="aggregator",collector="\#(name)"} 1"#))
            #expect(lines.contains(#"candlewick_quota_points_left{collector="\#(name)"} 9000"#))
            #expect(lines.contains(#"candlewick_findings{check="feed",state="failed",collector="\#(name)"} 0"#))
        }
        #expect(lines.contains(#"candlewick_stage_up{stage="store-writer"} 1"#))
        let values = lines.filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ").dropLast().joined() }
        #expect(Set(values).count == values.count)
    }

    @Test func `gaps are counted beside the scrapes`() async throws {
        _ = try reader(before: Self.tuesday, partial: 5)
        let (glance, collectors, paths) = (Glance<HoleCounts?>(), collectors(), paths)
        try await eventually("the gaps are counted") {
            (glance.latest(.system) { HoleCounts(paths, collectors) } ?? nil)?[Make.eurUSD].open == 1
        }
    }

    @Test func `holes of the last day are intervals of the shortest timeframe, as on the page`() throws {
        let now = Self.tuesday
        let whole = Make.candle(now - 1_200), partial = [3, 2, 1].map { Make.candle(now - $0 * 300, flags: .partial) }
        let quarter = Make.candle(now - 900, minutes: 15, flags: .partial)
        let store = try SQLiteWriter(path: paths.database)
        _ = try store.write(
            ([whole, quarter] + partial).map(\.envelope), collector: .main, stream: .candles, position: 5,
            now: UTCNanos(seconds: now))
        let reader = try SQLiteReader(path: paths.database)
        var exposition = Exposition()
        exposition.add(try HoleCounts(reader, collectors()), [Make.eurUSD])
        #expect(lines(exposition).contains(#"candlewick_holes_of_last_day{pair="EUR_USD"} 3"#))
        #expect(try LastDay(reader, collectors())[Make.eurUSD]?.holes == 3)
    }

    @Test func `the spread is missing until both sides have come`() {
        let tick = Make.tick(Double(Self.tuesday.rawValue), "1.07211", "1.07217").tick!
        let half = Make.tick(Double(Self.tuesday.rawValue), "150.1", "0", pair: Pair("USD_JPY")!, flags: .askMissing)
            .tick!
        let live = LiveHub()
        for tick in [tick, half] { live.publish(.tick(tick, .main)) }
        var exposition = Exposition()
        exposition.add(quotes: live.quotes, [Make.eurUSD, Pair("USD_JPY")!, Pair("GBP_USD")!])
        #expect(lines(exposition).filter { !$0.hasPrefix("#") } == [#"candlewick_spread{pair="EUR_USD"} 6e-05"#])
    }
}
