internal import Candles
public import MarketData
internal import Settings
public import Store
public import Wire

/// Larger candles out of the complete smaller ones in the database, for the time of which there are no ticks: by
/// `CandleDeriver`, as the aggregator derives them of bought ones.
public struct SmallerCandles {
    private let reader: any CandleQueries
    private let calendar: TradingCalendar
    private let sight: Sight
    /// The timeframes of each pair's stored candles, largest first.
    private let timeframes: [Pair: [Timeframe]]

    /// What can be made of a stretch of a series.
    public struct Made {
        public let stretch: Range<UTCSeconds>
        /// Derived candles, oldest first.
        public fileprivate(set) var candles: [CandleRecord] = []
        /// Intervals of the trading hours of which a part is not known.
        public fileprivate(set) var lacking = 0
    }

    /// - Throws: `StoreError`.
    public init(_ reader: any CandleQueries, calendar: TradingCalendar) throws {
        (self.reader, self.calendar) = (reader, calendar)
        sight = try Sight(reader)
        timeframes = Dictionary(grouping: try reader.series(), by: \.pair).mapValues { series in
            series.map(\.timeframe).sorted(by: >)
        }
    }

    /// The pairs that have a candle, by name.
    public var pairs: [Pair] { timeframes.keys.sorted() }

    /// The start of the oldest candle that one of a series could be made of; `nil` without any.
    /// - Throws: `StoreError`.
    public func oldest(_ series: Series) throws -> UTCSeconds? {
        let first = try parts(of: series).compactMap {
            try reader.first(after: .min, series.pair, $0, .complete).map { UTCSeconds(rawValue: $0.timestamp) }
        }.min()
        return first.map { series.timeframe.start(of: $0) }
    }

    private func parts(of series: Series) -> [Timeframe] {
        (timeframes[series.pair] ?? []).filter {
            $0 < series.timeframe && series.timeframe.seconds % $0.seconds == 0
        }
    }

    /// So much is in memory at once. Every timeframe divides it.
    private static let month: Duration = .seconds(30 * 86_400)

    /// The candles of the intervals that start in a stretch and have no complete one, a month at a time, oldest first.
    /// - Parameters:
    ///   - stretch: begins and ends with an interval.
    ///   - take: takes what can be made of each month.
    /// - Throws: `StoreError`; what `take` throws.
    public func make(_ series: Series, in stretch: Range<UTCSeconds>, _ take: (Made) throws -> Void) throws {
        var start = stretch.lowerBound
        while start < stretch.upperBound {
            let end = min(start + SmallerCandles.month, stretch.upperBound)
            try take(try made(series, in: start..<end))
            start = end
        }
    }

    private func made(_ series: Series, in stretch: Range<UTCSeconds>) throws -> Made {
        var made = Made(stretch: stretch)
        let known = try reader.starts(series, in: stretch)
        let settled = Set(known.complete + known.empty)
        var open = Set(calendar[series.pair].starts(of: series.timeframe, in: stretch)).subtracting(settled)
        for smaller in parts(of: series) where !open.isEmpty {
            for record in try derived(series, smaller, in: stretch) where open.remove(record.start.seconds) != nil {
                // All of its parts were quiet: there is no candle.
                if let candle = record.candle { made.candles.append(candle) }
            }
        }
        made.candles.sort { $0.start < $1.start }
        made.lacking = open.count
        return made
    }

    /// The candles, and the empty intervals, that smaller candles of one timeframe give.
    private func derived(
        _ series: Series, _ smaller: Timeframe, in stretch: Range<UTCSeconds>
    ) throws -> [CandleEnvelope] {
        let part = Series(series.pair, smaller)
        let starts = try reader.starts(part, in: stretch)
        guard !starts.complete.isEmpty else { return [] }
        var deriver = CandleDeriver(timeframes: [smaller, series.timeframe], calendar: calendar)
        func tellEmpty(_ start: UTCSeconds) {
            deriver.take(EmptyRecord(part, start: UTCNanos(seconds: start)).envelope)
        }
        for candle in try reader.records(part, in: stretch) where !candle.flags.contains(.partial) {
            deriver.take(PartRecord(candle).envelope)
        }
        starts.empty.forEach(tellEmpty)
        try quiet(part, in: stretch, besides: starts).forEach(tellEmpty)
        return deriver.output.filter { $0.series == series }
    }

    /// The intervals that were seen and had no tick. Before the oldest streamed candle of a series nothing says so, nor where
    /// a smaller one is stored: the timeframe was added later.
    private func quiet(
        _ part: Series, in stretch: Range<UTCSeconds>, besides known: IntervalStarts
    ) throws -> [UTCSeconds] {
        guard let oldest = try reader.oldestStreamed(part, .all) else { return [] }
        var told = Set(known.complete + known.partial + known.empty + known.unusable)
        for smaller in timeframes[part.pair] ?? [] where smaller < part.timeframe {
            let starts = try reader.starts(Series(part.pair, smaller), in: stretch)
            told.formUnion((starts.complete + starts.partial).map { part.timeframe.start(of: $0) })
        }
        return calendar[part.pair].starts(of: part.timeframe, in: stretch).filter { start in
            start >= oldest && !told.contains(start) && !sight.lacks(part, start, isPartial: false)
        }
    }
}

@available(*, unavailable)
extension SmallerCandles: Sendable {}
