internal import Host
internal import MarketData
internal import Store
internal import Wire

/// The state of one interval of the trading hours.
enum IntervalState: String, Encodable, CaseIterable {
    /// A complete candle, folded from ticks.
    case streamed
    /// A complete candle from the broker's history, or derived from such.
    case bought
    /// A complete candle from a file of the user's.
    case imported
    /// Not all of the interval was seen.
    case partial
    /// The feed was seen and had no tick, or the broker has no candle.
    case quiet
    /// Nothing is known of it.
    case missing

    /// Whether something is lacking that could be bought.
    var isGap: Bool { self == .partial || self == .missing }
}

/// The state of each interval of a series in a range.
struct IntervalStates {
    struct Line {
        let start: UTCSeconds
        let state: IntervalState
        /// Of partial ones.
        let blindMilliseconds: Int
        let lostUpdates: Int
    }

    let series: Series
    /// Oldest first; those of the trading hours alone.
    let lines: [Line]

    /// - Parameters:
    ///   - range: the intervals that begin and end in it.
    ///   - sight: what was seen of the feed.
    init(
        _ reader: any CandleQueries, _ series: Series, in range: Range<UTCSeconds>, _ sight: Sight,
        _ calendar: TradingCalendar
    ) throws {
        self.series = series
        var candles: [UTCSeconds: Candle] = [:]
        for candle in try reader.candles(series.pair, series.timeframe, in: range, .all) {
            candles[UTCSeconds(rawValue: candle.timestamp)] = candle
        }
        let starts = try reader.starts(series, in: range)
        let known = Set(starts.empty + starts.unusable)
        let starting = range.lowerBound..<max(range.lowerBound, range.upperBound - series.timeframe + .seconds(1))
        lines = calendar[series.pair].starts(of: series.timeframe, in: starting).map { start in
            if let candle = candles[start] { return Line(start, candle) }
            let isQuiet = known.contains(start) || !sight.lacks(series, start, isPartial: false)
            return Line(start: start, state: isQuiet ? .quiet : .missing, blindMilliseconds: 0, lostUpdates: 0)
        }
    }
}

extension IntervalStates.Line {
    fileprivate init(_ start: UTCSeconds, _ candle: Candle) {
        self.start = start
        blindMilliseconds = candle.blindMilliseconds
        lostUpdates = candle.lostUpdates
        state =
            switch candle.source {
            case _ where !candle.isComplete: .partial
            case .streamed: .streamed
            case .imported: .imported
            default: .bought
            }
    }
}

/// The series and the stretch of time that a report is about.
struct Extent {
    let series: [Series]
    let range: Range<UTCSeconds>
    let sight: Sight
    let calendar: TradingCalendar
    /// Since when each one's intervals are expected: its oldest candle, or an earlier recorded blindness of its pair.
    let expectedSince: [Series: UTCSeconds]

    /// - Parameters:
    ///   - pairs: those wanted; empty: all that are stored, or were recorded as blind.
    ///   - timeframe: `nil`: all that are stored.
    ///   - days: their number before the newest candle's end, or that of a hole behind it.
    /// - Throws: `Failure` (69) if nothing of them is stored.
    init(
        _ reader: any CandleQueries, pairs: [Pair], timeframe: Timeframe?, days: Int, calendar: TradingCalendar
    ) throws {
        self.calendar = calendar
        let stored = try reader.statistics(of: [], timeframe)
        let sight = try Sight(reader)
        let timeframes = Set(stored.map(\.series.timeframe))
        let watched = sight.watchedPairs.flatMap { pair in timeframes.map { Series(pair, $0) } }
        let wanted = Set(stored.map(\.series) + watched).filter { pairs.isEmpty || pairs.contains($0.pair) }
        let oldest = Dictionary(uniqueKeysWithValues: stored.map { ($0.series, $0.oldest) })
        let expected = Dictionary(
            uniqueKeysWithValues: wanted.compactMap { series in
                sight.expectedSince(series.pair, oldestCandle: oldest[series]).map { (series, $0) }
            })
        expectedSince = expected
        series = expected.keys.sorted { ($0.pair, $0.timeframe) < ($1.pair, $1.timeframe) }
        // A pair without a candle is measured by the others.
        let own = stored.map(\.series).filter { expected[$0] != nil }
        let ends = try (own.isEmpty ? stored.map(\.series) : own).compactMap { series in
            try reader.newest(series).map { $0 + series.timeframe }
        }
        guard let newest = ends.max(), !series.isEmpty else { throw noCandles(of: pairs, timeframe, in: reader.path) }
        let end = max(newest, sight.holesEnd)
        range = (end - .seconds(days * 86_400))..<end
        self.sight = sight
    }

    /// Where a series' intervals of a range begin to be expected.
    func begin(of series: Series, in range: Range<UTCSeconds>) -> UTCSeconds {
        min(max(range.lowerBound, expectedSince[series] ?? range.lowerBound), range.upperBound)
    }
}

/// That nothing is stored of what was asked for.
func noCandles(of pairs: [Pair], _ timeframe: Timeframe?, in path: String) -> Failure {
    let names = pairs.isEmpty ? "" : " of " + pairs.map(\.description).joined(separator: ", ")
    return Failure(.unavailable, "no \(timeframe.map { "\($0) " } ?? "")candle\(names) is stored in \(path)")
}
