internal import Candles
package import MarketData
package import Settings
package import Store
internal import Wire

/// What the candles of the last 24 hours lack, of each pair, in the shortest timeframe.
package struct LastDay: Sendable {
    package struct Line: Hashable, Sendable {
        /// Intervals of the trading hours that are missing or partial.
        package fileprivate(set) var holes = 0
        /// How much of these was not seen.
        package fileprivate(set) var blindMilliseconds = 0
        /// Streamed candles, of all timeframes, that the broker's own dispute.
        package fileprivate(set) var disputed = 0
    }

    private let lines: [Pair: Line]

    /// Nothing is known of a pair without a candle.
    package subscript(pair: Pair) -> Line? { lines[pair] }

    /// - Throws: `StoreError`.
    package init(_ reader: any CandleQueries, _ collectors: Collectors) throws {
        let stored = try reader.series()
        let sight = try Sight(reader)
        let ends = try stored.compactMap { series in try reader.newest(series).map { $0 + series.timeframe } }
        var lines: [Pair: Line] = [:]
        if let newest = ends.max() {
            let end = max(newest, sight.holesEnd)
            let day = (end - .seconds(86_400))..<end
            for (pair, all) in Dictionary(grouping: stored, by: \.pair) {
                guard let shortest = all.min(by: { $0.timeframe < $1.timeframe }) else { continue }
                var line = try LastDay.holes(reader, shortest, in: day, sight, collectors.calendar)
                line.disputed = try all.reduce(0) { try $0 + LastDay.disputed(reader, $1, in: day) }
                lines[pair] = line
            }
        }
        self.lines = lines
    }

    private static func holes(
        _ reader: any CandleQueries, _ series: Series, in day: Range<UTCSeconds>, _ sight: Sight,
        _ calendar: TradingCalendar
    ) throws -> Line {
        let oldest = try reader.candles(series.pair, series.timeframe, in: .min..<(.max), .first(1), .all).first
        let expected = sight.expectedSince(series.pair, oldestCandle: oldest.map { UTCSeconds(rawValue: $0.timestamp) })
        let first = min(max(day.lowerBound, expected ?? day.upperBound), day.upperBound)
        var line = Line()
        for interval in try IntervalStates(reader, series, in: first..<day.upperBound, sight, calendar).lines
        where interval.state.isGap {
            line.holes += 1
            line.blindMilliseconds +=
                interval.state == .missing ? Int(series.timeframe.seconds) * 1_000 : interval.blindMilliseconds
        }
        return line
    }

    private static func disputed(_ reader: any CandleQueries, _ series: Series, in day: Range<UTCSeconds>) throws -> Int
    {
        try reader.collectors().reduce(0) { count, collector in
            try count
                + reader.disputedStarts(series, of: collector, in: day).count { start in
                    guard let found = try reader.record(series, start: start) else { return false }
                    return found.collector == collector && found.record.source == .streamed
                }
        }
    }
}
