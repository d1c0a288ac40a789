public import MarketData
internal import Wire

/// When each pair was proven seen. The one notion of a hole: an interval of the trading hours without a complete candle is
/// lacking unless all of it was seen; then it had no tick, and there is nothing to buy. `gaps` and `coverage` list by
/// it, the planner of purchases repairs by it.
public struct Sight: Sendable {
    /// From the first sight of the feed to the newest moment that is known.
    private let seen: Range<UTCSeconds>
    /// Stretches within of which nothing is known, sorted and apart from each other.
    private let holes: [Range<UTCSeconds>]
    private let pairs: [Pair: PairSight]

    private struct PairSight {
        var seen: Range<UTCSeconds>
        var holes: [Range<UTCSeconds>]
        /// Since when the pair is looked for.
        var watched: UTCSeconds
    }

    /// - Throws: `StoreError`.
    public init(_ reader: any CandleQueries) throws {
        let continuity = try reader.continuity(of: .main)
        let stored = try reader.series()
        // The word of the first sight may have been deleted by age.
        let oldest = try stored.compactMap { try reader.oldestStreamed($0, .complete) }.min()
        let told = try reader.firstSight(of: .main)?.seconds
        let first = min(told ?? .max, oldest ?? .max)
        let newest = try stored.compactMap { series in
            try reader.newestStreamed(series).map { $0 + series.timeframe }
        }.max()
        let last = max(continuity.newest.seconds, newest ?? UTCSeconds(rawValue: 0))
        seen = Sight.range(first, Sight.end(last, continuity.feed))
        holes = Sight.seconds(continuity.feed.holes)
        var pairs: [Pair: PairSight] = [:]
        for (name, blindness) in continuity.pairs {
            guard let pair = Pair(name) else { continue }
            let from = max(first, blindness.firstSight.seconds)
            // Nothing was looked for before the feed was seen; a time of 0 was recorded before the broker's first.
            let watched = max(blindness.firstRecorded?.seconds ?? UTCSeconds(rawValue: 0), first)
            pairs[pair] = PairSight(
                seen: Sight.range(from, min(seen.upperBound, Sight.end(last, blindness))),
                holes: Sight.seconds(blindness.holes), watched: watched)
        }
        self.pairs = pairs
    }

    /// Whether all of an interval was seen of a pair.
    public func covers(_ interval: Range<UTCSeconds>, of pair: Pair) -> Bool {
        let own = pairs[pair]
        let seen = own?.seen ?? self.seen
        guard seen.lowerBound <= interval.lowerBound, interval.upperBound <= seen.upperBound else { return false }
        return !Sight.anyOverlaps(holes, interval) && !Sight.anyOverlaps(own?.holes ?? [], interval)
    }

    /// Whether something is lacking of an interval that has no complete candle: a part of it was missed, or was not seen.
    /// - Parameter isPartial: there is a candle of a part of it.
    public func lacks(_ series: Series, _ start: UTCSeconds, isPartial: Bool) -> Bool {
        isPartial || !covers(start..<(start + series.timeframe), of: series.pair)
    }

    /// The end of the last stretch that was recorded as a hole: up to there an interval without a candle is lacking,
    /// even if no later candle is stored yet. 0 without any.
    public var holesEnd: UTCSeconds {
        pairs.values.reduce(holes.last?.upperBound ?? UTCSeconds(rawValue: 0)) {
            max($0, $1.holes.last?.upperBound ?? $0)
        }
    }

    /// The pairs that were ever recorded as blind by themselves, by name: they were looked for, whether they have a
    /// candle or not.
    public var watchedPairs: [Pair] { pairs.keys.sorted() }

    /// Since when a pair's intervals are expected: from its oldest candle, or from the blindness that was recorded
    /// before it; `nil` when neither is known.
    public func expectedSince(_ pair: Pair, oldestCandle: UTCSeconds?) -> UTCSeconds? {
        guard let watched = pairs[pair]?.watched, watched < .max else { return oldestCandle }
        return min(watched, oldestCandle ?? .max)
    }

    private static func range(_ first: UTCSeconds, _ end: UTCSeconds) -> Range<UTCSeconds> {
        first < end ? first..<end : first..<first
    }

    private static func end(_ last: UTCSeconds, _ blindness: Blindness) -> UTCSeconds {
        blindness.since.map { min(last, $0.seconds) } ?? last
    }

    private static func seconds(_ holes: [Range<UTCNanos>]) -> [Range<UTCSeconds>] {
        holes.map {
            $0.lowerBound.seconds..<(UTCNanos(rawValue: $0.upperBound.rawValue - 1).seconds + .seconds(1))
        }
    }

    /// - Parameter holes: sorted; rounded to seconds, neighbours may share one.
    private static func anyOverlaps(_ holes: [Range<UTCSeconds>], _ interval: Range<UTCSeconds>) -> Bool {
        // The first that ends behind the interval's beginning.
        var (low, high) = (0, holes.count)
        while low < high {
            let middle = (low + high) / 2
            if holes[middle].upperBound <= interval.lowerBound { low = middle + 1 } else { high = middle }
        }
        return low < holes.count && holes[low].lowerBound < interval.upperBound
    }
}
