internal import Archive
internal import Engines
internal import IG
public import Reports
public import Host
public import MarketData
internal import Store
public import Wire

/// How far our candles agree with the broker's own, pair by pair, and each difference with its ticks.
public struct ComparisonReport: Report, Encodable {
    struct Line: Encodable {
        let pair: String
        let timeframe: String
        let compared: Int
        let agree: Int
        let differ: Int
        let disputed: Int
        /// Intervals whose streamed candle is partial, and those that have no streamed candle yet: not compared.
        let partial: Int
        let waiting: Int
        /// Start of the newest interval.
        let newest: UTCSeconds

        fileprivate init(_ agreement: OpinionAgreement) {
            (pair, timeframe) = ("\(agreement.series.pair)", "\(agreement.series.timeframe)")
            (agree, differ) = (agreement.count(.agrees), agreement.count(.differs))
            (disputed, partial) = (agreement.count(.disputed), agreement.count(.partial))
            compared = agree + differ + disputed
            waiting = agreement.count(.waiting)
            newest = agreement.newest
        }
    }

    struct Value: Encodable {
        /// Such as `ask_high`.
        let name: String
        let native: String
        let streamed: String
    }

    struct TickLine: Encodable {
        let position: UInt64
        let time: String
        let bid: String
        let ask: String
    }

    struct Difference: Encodable {
        let pair: String
        let timeframe: String
        let start: UTCSeconds
        let verdict: String
        let values: [Value]
        let nativeTicks: Int
        let streamedTicks: Int
        /// Those of the interval that archive and journal hold, oldest first; `nil` unless asked for.
        fileprivate(set) var ticks: [TickLine]?

        fileprivate init(_ comparison: OpinionComparison, _ streamed: CandleOpinion) {
            (pair, timeframe) = ("\(comparison.series.pair)", "\(comparison.series.timeframe)")
            (start, verdict) = (comparison.start, comparison.verdict.rawValue)
            let (native, pair) = (comparison.native, comparison.series.pair)
            values =
                Difference.values("bid", native.bid, streamed.bid, pair)
                + Difference.values("ask", native.ask, streamed.ask, pair)
            (nativeTicks, streamedTicks) = (native.ticks, streamed.ticks)
        }

        private static func values(_ side: String, _ native: OHLC, _ streamed: OHLC, _ pair: Pair) -> [Value] {
            let parts: [(String, KeyPath<OHLC, Price>)] = [
                ("open", \.open), ("high", \.high), ("low", \.low), ("close", \.close),
            ]
            return parts.filter { native[keyPath: $0.1] != streamed[keyPath: $0.1] }.map {
                Value(
                    name: "\(side)_\($0.0)", native: ComparisonReport.text(native[keyPath: $0.1], pair),
                    streamed: ComparisonReport.text(streamed[keyPath: $0.1], pair))
            }
        }
    }

    let since: UTCSeconds
    let pairs: [Line]
    /// Newest first.
    private(set) var differences: [Difference]
    /// How many more there are.
    let leftOut: Int
    /// Disputed candles in whose place no other source has another.
    let unrepaired: Int

    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - since: from which start on.
    ///   - count: how many differences are shown.
    ///   - showsTicks: the ticks of each of them.
    ///   - collectors: those whose archives and journals may hold the ticks.
    /// - Throws: `Failure` (69) if the database is missing, (75) if it is not up to date; `JournalError`, `StoreError`.
    public init(
        paths: Paths, collectors: [Collector] = [.main], pairs: [Pair], since: UTCSeconds, differences count: Int,
        showsTicks: Bool
    ) throws {
        let reader = try storeEngine.openReader(paths)
        try reader.checkSchema()
        self.since = since
        self.pairs = try reader.agreements(of: pairs, since: since).map(Line.init)
        unrepaired = try reader.disputed(since: since).count
        let all = try reader.differences(of: pairs, since: since)
        let shown = all.prefix(count).compactMap { comparison in comparison.streamed.map { (comparison, $0) } }
        differences = shown.map(Difference.init)
        leftOut = all.count - shown.count
        guard showsTicks else { return }
        for collector in collectors {
            let ticks = try ComparisonReport.ticks(paths.of(collector), shown.map { ($0.0.series, $0.0.start) })
            // Readers see the candle of the collector that saw more.
            for (index, ticks) in ticks.enumerated() where ticks.count > differences[index].ticks?.count ?? -1 {
                differences[index].ticks = ticks
            }
        }
    }

    /// Those that archive and journal hold of each interval.
    private static func ticks(
        _ paths: Paths, _ intervals: [(series: Series, start: UTCSeconds)]
    ) throws -> [[TickLine]] {
        var ticks = intervals.map { _ in [TickLine]() }
        guard !intervals.isEmpty else { return ticks }
        let byPair = Dictionary(grouping: intervals.indices) { intervals[$0].series.pair }
        let narrowing = ArchivedStream.Narrowing(intervals: intervals)
        try StreamScan(TickEnvelope.self, .ticks, paths, only: narrowing).forEach { record in
            guard let tick = record.tick, !tick.flags.doesNotCount, let wanted = byPair[tick.pair] else { return }
            let second = tick.brokerTime.seconds
            for index in wanted {
                let start = intervals[index].start
                guard second >= start, second < start + intervals[index].series.timeframe else { continue }
                ticks[index].append(TickLine(tick))
            }
        }
        return ticks
    }

    /// With the decimals of the broker's, so that prices stand below each other.
    fileprivate static func text(_ price: Price, _ pair: Pair) -> String {
        price.formatted(decimals: pair.listedDecimals)
    }

    /// Whether the broker saw more than we did, and nothing took the candle's place.
    public var hasDisputes: Bool { unrepaired > 0 }
}

extension ComparisonReport {
    public func text(_ style: TextStyle) -> String {
        guard !pairs.isEmpty else {
            return "no native candle since \(since.text()) UTC\n"
        }
        let rows = pairs.map {
            [
                $0.pair, $0.timeframe, String($0.compared), String($0.agree), String($0.differ), String($0.disputed),
                String($0.partial), String($0.waiting), $0.newest.text(),
            ]
        }
        let head = [
            "pair", "timeframe", "compared", "agree", "differ", "disputed", "partial", "waiting", "newest (UTC)",
        ]
        let table = TextTable(
            head: head, rows: rows, leftAligned: ["pair", "newest (UTC)"],
            tones: pairs.map { $0.disputed > 0 ? .bad : .plain }
        ).text(style)
        let more = leftOut > 0 ? "\n\(leftOut) older differences are not shown; --differences shows more\n" : ""
        return table + differences.map { "\n" + $0.text(style) }.joined() + more
    }
}

extension ComparisonReport.Difference {
    fileprivate func text(_ style: TextStyle) -> String {
        let title = "\(pair) \(timeframe) \(start.text()) UTC, \(verdict)"
        let rows = values.map { [$0.name.replacing("_", with: " "), $0.native, $0.streamed] }
        let counts = ["ticks", String(nativeTicks), String(streamedTicks)]
        let table = TextTable(head: ["", "broker", "ours"], rows: rows + [counts], leftAligned: [""])
        return style.painted(title, verdict == OpinionVerdict.disputed.rawValue ? .bad : .warning) + "\n"
            + table.text(style) + tickText
    }

    private var tickText: String {
        guard let ticks else { return "" }
        guard !ticks.isEmpty else { return "neither archive nor journal holds its ticks\n" }
        return ticks.map { "  \($0.position)  \($0.time.dropFirst(11).prefix(12))  \($0.bid)  \($0.ask)\n" }.joined()
    }
}

extension ComparisonReport.TickLine {
    fileprivate init(_ tick: TickRecord) {
        (position, time) = (tick.position, tick.brokerTime.description)
        bid = tick.flags.contains(.bidMissing) ? "" : ComparisonReport.text(tick.bid, tick.pair)
        ask = tick.flags.contains(.askMissing) ? "" : ComparisonReport.text(tick.ask, tick.pair)
    }
}
