internal import MarketData
public import Wire

/// What the fold holds of intervals that are not over.
extension CandleBuilder {
    /// A pair's open candles, by timeframe, and its last tick.
    public struct Forming: Sendable {
        /// `FORM` records. Their blind time and lost updates are those known so far.
        public let candles: [CandleRecord]
        /// As it came; `nil` before the first.
        public let tick: TickRecord?
    }

    /// The pairs that have come, numbered from 0.
    public var pairCount: Int { pairs.pairs.count }

    /// What changes when a pair's forming candles may have changed.
    public func formingMark(ofPair number: Int) -> FormingMark {
        let isBlind = missing.blindSince(.none) != nil || missing.blindSince(pairs.pairs[number]) != nil
        return FormingMark(
            position: lastTicks[number].position, losses: missing.changes, blindUntil: isBlind ? feed.newest : 0)
    }

    /// Equal marks, equal candles, but for those that closed.
    public struct FormingMark: Hashable, Sendable {
        let position: UInt64
        let losses: UInt64
        /// In the dark blind time grows with feed time.
        let blindUntil: Int64
    }

    /// The forming candles of a pair.
    public func forming(pair number: Int) -> Forming {
        let pair = pairs.pairs[number]
        let first = number * lengths.count
        let candles = (first..<first + lengths.count).filter { open[$0].start != OpenCandle.none }
            .map { slot in formingCandle(open[slot], key(ofSlot: slot)) }
        return Forming(candles: candles, tick: lastTicks[number].record(pair))
    }

    private func formingCandle(_ candle: OpenCandle, _ key: Key) -> CandleRecord {
        let interval = interval(key)
        let now = min(max(interval.lowerBound, feedTime), interval.upperBound)
        var record = closed(candle, key, seen: interval.lowerBound..<now)
            .record(pair: pairs.pairs[key.pair], timeframe: timeframes[key.timeframe])
        record.inputPosition = position
        return record.asForming
    }
}
