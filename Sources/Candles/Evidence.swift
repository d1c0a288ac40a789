internal import MarketData

/// What is known to be unknown: stretches of blindness, and updates the broker declared lost.
struct Evidence {
    /// Updates that were lost at some moment of `[from, until]`, ns.
    private struct Loss {
        let from: Int64
        let until: Int64
        let count: Int64
    }

    /// Closed stretches `[from, until)`, ns: sorted, apart from each other.
    private var holes: [Range<Int64>] = []
    /// Since when nothing is known; `nil` while the feed is seen.
    private(set) var blindSince: Int64?
    private var losses: [Pair: [Loss]] = [:]

    /// In the dark, the former stretch is a hole up to here: nobody will tell its end.
    mutating func blindBegan(since: Int64) {
        if let former = blindSince { missing(from: former, until: since) }
        blindSince = since
    }

    mutating func blindEnded(from: Int64, until: Int64) {
        blindSince = nil
        missing(from: from, until: until)
    }

    /// Nothing is known of `[from, until)`, whatever else is.
    mutating func missing(from: Int64, until: Int64) {
        guard until > from else { return }
        var (from, until) = (from, until)
        // New stretches come at the end or near it.
        var place = holes.endIndex
        while place > 0, holes[place - 1].upperBound >= from {
            place -= 1
            if holes[place].lowerBound > until { continue }
            from = min(from, holes[place].lowerBound)
            until = max(until, holes[place].upperBound)
            holes.remove(at: place)
        }
        holes.insert(from..<until, at: place)
    }

    /// - Precondition: `from` is not after `until`.
    mutating func lost(_ count: Int64, pair: Pair, from: Int64, until: Int64) {
        losses[pair, default: []].append(Loss(from: from, until: until, count: count))
    }

    /// Milliseconds of `[start, end)` of which nothing is known, rounded up. Each moment counts once.
    func blindMilliseconds(_ interval: Range<Int64>) -> UInt32 {
        let dark = max(interval.lowerBound, min(blindSince ?? .max, interval.upperBound))
        var nanos = interval.upperBound - dark
        for hole in holes.reversed() {
            if hole.upperBound <= interval.lowerBound { break }
            let part = hole.clamped(to: interval.lowerBound..<dark)
            nanos += part.upperBound - part.lowerBound
        }
        return UInt32(clamping: (nanos + UTCNanos.perMillisecond - 1) / UTCNanos.perMillisecond)
    }

    /// Updates lost in the interval or in the grace around it: a loss is told after it happened, and told with the
    /// newest time that is known, which may be older.
    func lostUpdates(_ pair: Pair, _ interval: Range<Int64>, grace: Int64) -> UInt32 {
        guard let losses = losses[pair] else { return 0 }
        let window = (interval.lowerBound - grace)...(interval.upperBound + grace)
        let count = losses.reduce(Int64(0)) { window.overlaps($1.from...$1.until) ? $0 &+ $1.count : $0 }
        return UInt32(clamping: count)
    }

    /// Forgets what no candle can touch any more.
    mutating func forget(before time: Int64) {
        holes.removeAll { $0.upperBound < time }
        losses = losses.compactMapValues { list in
            let kept = list.filter { $0.until >= time }
            return kept.isEmpty ? nil : kept
        }
    }
}
