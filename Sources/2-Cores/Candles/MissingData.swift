internal import MarketData
internal import Wire

/// What is known to be unknown: stretches of blindness, of the feed and of single pairs, and updates that the
/// broker declared lost.
struct MissingData {
    /// Updates that were lost at some moment of `[from, until]`.
    fileprivate struct Loss {
        let from: UTCNanos
        let until: UTCNanos
        var count: LossCount
    }

    /// Rises whenever something is learned.
    private(set) var changes: UInt64 = 0
    private(set) var feed = Blindness()
    private var pairs: [Pair: Blindness] = [:]
    /// Of each pair, in the order of their records.
    private var losses: [Pair: [Loss]] = [:]

    /// Since when nothing is known of the feed, or of the pair alone.
    func blindSince(_ pair: Pair) -> UTCNanos? { pair == .none ? feed.since : pairs[pair]?.since }

    /// - Parameter pair: `.none`: the whole feed.
    mutating func blindBegan(_ pair: Pair, since: UTCNanos) { change(pair) { $0.began(since: since) } }

    mutating func blindEnded(_ pair: Pair, from: UTCNanos, until: UTCNanos) {
        change(pair) { $0.ended(from: from, until: until) }
    }

    /// Nothing is known of the feed in `[from, until)`, whatever else is.
    mutating func feedMissing(from: UTCNanos, until: UTCNanos) {
        change(.none) { $0.missing(from: from, until: until) }
    }

    private mutating func change(_ pair: Pair, _ body: (inout Blindness) -> Void) {
        changes += 1
        if pair == .none { body(&feed) } else { body(&pairs[pair, default: Blindness()]) }
    }

    /// - Precondition: `from` is not after `until`.
    mutating func lost(_ count: LossCount, pair: Pair, from: UTCNanos, until: UTCNanos) {
        changes += 1
        var list = losses.removeValue(forKey: pair) ?? []
        if let last = list.last, last.from == from, last.until == until {
            list[list.count - 1].count += count
        } else {
            list.append(Loss(from: from, until: until, count: count))
        }
        losses[pair] = list
    }

    /// Milliseconds of `[start, end)` of which nothing is known of the pair, rounded up. Each moment counts once.
    func blindMilliseconds(_ pair: Pair, _ interval: Range<UTCNanos>) -> UInt32 {
        var nanos: Int64 = 0
        feed.eachStretch(in: interval) { nanos += $0.nanos }
        if let own = pairs[pair] {
            own.eachStretch(in: interval) { stretch in
                nanos += stretch.nanos
                feed.eachStretch(in: stretch) { nanos -= $0.nanos }
            }
        }
        return UInt32(clamping: (nanos + UTCNanos.perMillisecond - 1) / UTCNanos.perMillisecond)
    }

    /// Updates lost in the interval or in the margin around it: a loss is recorded after it happened, with the newest
    /// time that is known, which may be older.
    /// - Parameter margin: nanoseconds.
    func lostUpdates(_ pair: Pair, _ interval: Range<UTCNanos>, margin: Int64) -> LossCount {
        guard let losses = losses[pair] else { return .zero }
        let first = UTCNanos(rawValue: interval.lowerBound.rawValue - margin)
        let last = UTCNanos(rawValue: interval.upperBound.rawValue + margin)
        return losses.reduce(.zero) { (first...last).overlaps($1.from...$1.until) ? $0 + $1.count : $0 }
    }

    /// The clock is set back to `time`: what was said of later moments was said by a wrong one.
    mutating func cut(at time: UTCNanos) {
        changes += 1
        feed.cut(at: time)
        for pair in pairs.keys { pairs[pair]?.cut(at: time) }
        losses = losses.mapValues { list in
            list.compactMap { $0.from < time ? Loss(from: $0.from, until: min($0.until, time), count: $0.count) : nil }
        }
    }

    /// Forgets what no candle can touch any more.
    mutating func forget(before time: UTCNanos) {
        feed.forget(before: time)
        pairs = pairs.compactMapValues { blindness in
            var kept = blindness
            kept.forget(before: time)
            return kept.isEmpty ? nil : kept
        }
        losses = losses.compactMapValues { list in
            let kept = list.filter { $0.until >= time }
            return kept.isEmpty ? nil : kept
        }
    }
}

extension Range<UTCNanos> {
    fileprivate var nanos: Int64 { upperBound.rawValue - lowerBound.rawValue }
}

extension MissingData: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(changes)
        bytes.put(feed)
        bytes.put(pairs)
        bytes.put(losses)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        (changes, feed) = (try bytes.take(), try bytes.take())
        (pairs, losses) = (try bytes.take(), try bytes.take())
    }
}

extension MissingData.Loss: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(from)
        bytes.put(until)
        bytes.put(count)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        (from, until, count) = (try bytes.take(), try bytes.take(), try bytes.take())
        guard from <= until else { throw StateDamage() }
    }
}
