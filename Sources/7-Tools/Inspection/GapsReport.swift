internal import Host
internal import IG
public import MarketData
public import Reports
public import Settings
public import Store

/// Missing and partial intervals of the trading hours since the first candle, neighbours together.
public struct GapsReport: Report, Encodable {
    /// Whether `ingest-backfill repair` looks at a gap. Source: docs/decisions/0027.
    enum Repair: String, Encodable {
        case planned
        /// Nothing was streamed by then.
        case beforeStream = "before the stream"
        /// Older than `history.repair_days`, or than what the broker has.
        case tooOld = "too old"
        /// The configuration does not name its pair or its timeframe.
        case notConfigured = "not configured"
    }

    struct Gap: Encodable {
        let pair: String
        let timeframe: String
        let from: UTCSeconds
        /// The end of the last interval.
        private(set) var until: UTCSeconds
        let state: IntervalState
        let repair: Repair
        private(set) var intervals = 1
        private(set) var blindMilliseconds: Int
        private(set) var lostUpdates: Int

        fileprivate init(_ series: Series, _ line: IntervalStates.Line, _ repair: Repair) {
            self.repair = repair
            pair = series.pair.description
            timeframe = series.timeframe.description
            from = line.start
            until = line.start + series.timeframe
            state = line.state
            blindMilliseconds = line.blindMilliseconds
            lostUpdates = line.lostUpdates
        }

        fileprivate mutating func extend(_ line: IntervalStates.Line, until: UTCSeconds) {
            self.until = until
            intervals += 1
            blindMilliseconds += line.blindMilliseconds
            lostUpdates += line.lostUpdates
        }
    }

    let from: UTCSeconds
    let until: UTCSeconds
    let gaps: [Gap]
    /// Intervals of the trading hours in the range, in all series.
    let intervals: Int

    /// - Parameters:
    ///   - pairs: those wanted; empty: all that are stored, or were recorded as blind.
    ///   - timeframe: `nil`: all that are stored.
    ///   - days: their number before the newest candle's end.
    ///   - collectors: their bounds of repair, and the trading hours.
    ///   - now: the broker's time; `nil`: the newest candle's end.
    /// - Throws: `Failure` (69) if nothing of them is stored; `StoreError`.
    public init(
        _ reader: any CandleQueries, pairs: [Pair], timeframe: Timeframe?, days: Int,
        collectors: Collectors = Collectors(own: Configuration()), now: UTCSeconds? = nil
    ) throws {
        let extent = try Extent(
            reader, pairs: pairs, timeframe: timeframe, days: days, calendar: collectors.calendar)
        (from, until) = (extent.range.lowerBound, extent.range.upperBound)
        var gaps: [Gap] = []
        var intervals = 0
        var reaches: [Int: RepairReach] = [:]
        let now = now ?? until
        for series in extent.series {
            // Intervals before it are not missing: the stream had not begun.
            let from = extent.begin(of: series, in: extent.range)
            let states = try IntervalStates(reader, series, in: from..<until, extent.sight, extent.calendar)
            intervals += states.lines.count
            // Of those that have the series, the one whose repair looks back the furthest.
            let days = collectors.configurations.filter {
                $0.timeframes.contains(series.timeframe) && $0.instruments.contains { $0.pair == series.pair }
            }.map(\.history.repairDays).max()
            let beginning = try days.flatMap { days in
                let reach =
                    reaches[days]
                    ?? RepairReach(
                        reader, extent.sight, now: now, days: days, depthDays: PricesRequest.depthDays)
                reaches[days] = reach
                return try reach.beginning(series)
            }
            gaps += GapsReport.gaps(of: states) { start in
                GapsReport.repair(of: start, since: beginning, isConfigured: days != nil)
            }
        }
        self.gaps = gaps
        self.intervals = intervals
    }

    /// Whether anything is lacking.
    public var isEmpty: Bool { gaps.isEmpty }

    private static func repair(of start: UTCSeconds, since beginning: RepairReach.Beginning?, isConfigured: Bool)
        -> Repair
    {
        guard isConfigured else { return .notConfigured }
        guard let beginning else { return .beforeStream }
        if start >= beginning.start { return .planned }
        return beginning.bound == .days ? .tooOld : .beforeStream
    }

    private static func gaps(of states: IntervalStates, _ repair: (UTCSeconds) -> Repair) -> [Gap] {
        var gaps: [Gap] = []
        var former: IntervalState?
        for line in states.lines {
            defer { former = line.state }
            guard line.state.isGap else { continue }
            let repair = repair(line.start)
            if former == line.state, gaps.last?.repair == repair {
                gaps[gaps.count - 1].extend(line, until: line.start + states.series.timeframe)
            } else {
                gaps.append(Gap(states.series, line, repair))
            }
        }
        return gaps
    }

    public func text(_ style: TextStyle) -> String {
        let stretch = "\(from.text()) to \(until.text()) UTC"
        guard !gaps.isEmpty else { return "no gaps in \(intervals) intervals, \(stretch)\n" }
        let rows = gaps.map { gap in
            [
                gap.pair, gap.timeframe, gap.from.text(), gap.until.text(),
                String(gap.intervals), gap.state.rawValue, cause(gap), gap.repair.rawValue,
            ]
        }
        let head = ["pair", "timeframe", "from (UTC)", "until", "intervals", "state", "cause", "repair"]
        let table = TextTable(
            head: head, rows: rows, leftAligned: ["pair", "from (UTC)", "until", "state", "cause", "repair"],
            tones: gaps.map { $0.state == .missing ? .bad : .warning }
        ).text(style)
        let count = gaps.reduce(0) { $0 + $1.intervals }
        return table
            + "\n\(count) of \(intervals) intervals, \(stretch); 'ingest-backfill plan' shows their cost\n"
    }

    private func cause(_ gap: Gap) -> String {
        switch gap.state {
        case .partial where gap.lostUpdates > 0: "blind \(gap.blindMilliseconds) ms, \(gap.lostUpdates) updates lost"
        case .partial: "blind \(gap.blindMilliseconds) ms"
        default: "not seen"
        }
    }
}
