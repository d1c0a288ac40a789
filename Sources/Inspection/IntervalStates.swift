internal import CandleReader
internal import Host
internal import MarketData
internal import Store
internal import Wire

/// What there is of one interval of the trading week.
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

/// What there is of each interval of a series in a range.
struct IntervalStates {
    struct Line {
        /// Unix seconds.
        let start: Int64
        let state: IntervalState
        /// Of partial ones.
        let blindMilliseconds: Int
        let lostUpdates: Int
    }

    let series: Series
    /// Oldest first; those of the trading week alone.
    let lines: [Line]

    /// - Parameters:
    ///   - range: Unix seconds; the intervals that begin and end in it.
    ///   - sight: what was seen of the feed.
    init(_ reader: CandleReader, _ series: Series, in range: Range<Int64>, sight: Sight) throws {
        self.series = series
        var candles: [Int64: CandleReader.Candle] = [:]
        for candle in try reader.candles(series.pair, series.timeframe, in: range, .all) {
            candles[candle.timestamp] = candle
        }
        let starts = try reader.starts(series, in: range)
        let known = Set(starts.empty + starts.unusable)
        let starting = range.lowerBound..<max(range.lowerBound, range.upperBound - series.timeframe.seconds + 1)
        lines = TradingWeek.starts(of: series.timeframe, in: starting).map { start in
            if let candle = candles[start] { return Line(start, candle) }
            let interval = start..<(start + series.timeframe.seconds)
            let isQuiet = known.contains(start) || sight.covers(interval)
            return Line(start: start, state: isQuiet ? .quiet : .missing, blindMilliseconds: 0, lostUpdates: 0)
        }
    }
}

extension IntervalStates.Line {
    fileprivate init(_ start: Int64, _ candle: CandleReader.Candle) {
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

/// When the feed was seen, Unix seconds.
struct Sight {
    /// From the first sight to the newest moment that is known.
    private let seen: Range<Int64>
    /// Stretches within of which nothing is known, sorted.
    private let holes: [Range<Int64>]

    init(_ reader: CandleReader) throws {
        let continuity = try reader.continuity()
        let stored = try reader.series()
        // The word of the first sight may have been deleted by age.
        let oldest = try stored.compactMap { try reader.oldestStreamed($0) }.min()
        let first = min(try reader.firstSight()?.seconds ?? .max, oldest ?? .max)
        let newest = try stored.compactMap { series in
            try reader.newestStreamed(series).map { $0 + series.timeframe.seconds }
        }.max()
        let last = max(UTCNanos(rawValue: continuity.newest).seconds, newest ?? 0)
        let end = continuity.blindSince.map { min(last, UTCNanos(rawValue: $0).seconds) } ?? last
        seen = first < end ? first..<end : 0..<0
        holes = continuity.holes.map {
            UTCNanos(rawValue: $0.lowerBound).seconds..<(UTCNanos(rawValue: $0.upperBound - 1).seconds + 1)
        }
    }

    /// Whether all of an interval was seen.
    func covers(_ interval: Range<Int64>) -> Bool {
        guard seen.lowerBound <= interval.lowerBound, interval.upperBound <= seen.upperBound else { return false }
        return !holes.contains { $0.overlaps(interval) }
    }
}

/// The series and the stretch of time that a report is about.
struct Extent {
    let series: [Series]
    /// Unix seconds.
    let range: Range<Int64>
    let sight: Sight
    /// Start of each one's oldest candle.
    let oldest: [Series: Int64]

    /// - Parameters:
    ///   - pairs: those wanted; empty: all that are stored.
    ///   - timeframe: `nil`: all that are stored.
    ///   - days: so many before the newest candle's end.
    /// - Throws: `Failure` (69) where nothing of them is stored.
    init(_ reader: CandleReader, pairs: [Pair], timeframe: Timeframe?, days: Int) throws {
        let stored = try reader.statistics(of: pairs, timeframe)
        guard let end = stored.map({ $0.newest + $0.series.timeframe.seconds }).max() else {
            throw noCandles(of: pairs, timeframe, in: reader.path)
        }
        series = stored.map(\.series)
        oldest = Dictionary(uniqueKeysWithValues: stored.map { ($0.series, $0.oldest) })
        range = (end - Int64(days) * 86_400)..<end
        sight = try Sight(reader)
    }
}

/// That nothing is stored of what was asked for.
func noCandles(of pairs: [Pair], _ timeframe: Timeframe?, in path: String) -> Failure {
    let names = pairs.isEmpty ? "" : " of " + pairs.map(\.description).joined(separator: ", ")
    return Failure(.unavailable, "no \(timeframe.map { "\($0) " } ?? "")candle\(names) is stored in \(path)")
}
