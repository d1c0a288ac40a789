public import MarketData
internal import Wire

/// When each pair was proven seen, by any collector. The one notion of a hole: an interval of the trading hours without a
/// complete candle is lacking unless all of it was seen; then it had no tick, and there is nothing to buy. `gaps` and
/// `coverage` list by it, the planner of purchases repairs by it.
public struct Sight: Sendable {
    /// What was seen of the pairs that differ from the rest.
    private let pairs: [Pair: Stretches]
    /// What was seen of any other pair.
    private let others: Stretches
    /// Since when the pairs that were ever recorded as blind by themselves are looked for.
    private let watched: [Pair: UTCSeconds]
    /// The end of the last stretch that was recorded as a hole and that nobody saw: up to there an interval without a
    /// candle is lacking, even if no later candle is stored yet. 0 without any.
    public let holesEnd: UTCSeconds

    /// - Throws: `StoreError`.
    public init(_ reader: any CandleQueries) throws {
        let feeds = try CollectorSight.all(reader)
        // What one collector alone streams, it looks for in all of its feed. Several have a share each.
        others = feeds.count == 1 ? feeds[0].others.seen : Stretches([])
        let names = Set(feeds.flatMap(\.pairs.keys))
        pairs = Dictionary(
            uniqueKeysWithValues: names.map { pair in
                (pair, Stretches(feeds.flatMap { $0.pairs[pair]?.seen.all ?? [] }))
            })
        watched = Dictionary(feeds.flatMap(\.watched), uniquingKeysWith: min)
        var end = UTCSeconds(rawValue: 0)
        for feed in feeds {
            for (pair, sight) in feed.pairs {
                end = max(end, pairs[pair]?.endOfUnseen(sight.holes) ?? end)
            }
            if feeds.count == 1 { end = max(end, others.endOfUnseen(feed.others.holes)) }
        }
        holesEnd = end
    }

    /// Whether all of an interval was seen of a pair: by one collector, or by several one after the other.
    public func covers(_ interval: Range<UTCSeconds>, of pair: Pair) -> Bool {
        (pairs[pair] ?? others).contain(interval)
    }

    /// Whether something is lacking of an interval that has no complete candle: a part of it was missed, or was not seen.
    /// - Parameter isPartial: there is a candle of a part of it.
    public func lacks(_ series: Series, _ start: UTCSeconds, isPartial: Bool) -> Bool {
        isPartial || !covers(start..<(start + series.timeframe), of: series.pair)
    }

    /// The pairs that were ever recorded as blind by themselves, by name: they were looked for, whether they have a
    /// candle or not.
    public var watchedPairs: [Pair] { watched.keys.sorted() }

    /// Since when a pair's intervals are expected: from its oldest candle, or from the blindness that was recorded
    /// before it; `nil` when neither is known.
    public func expectedSince(_ pair: Pair, oldestCandle: UTCSeconds?) -> UTCSeconds? {
        guard let watched = watched[pair], watched < .max else { return oldestCandle }
        return min(watched, oldestCandle ?? .max)
    }
}
