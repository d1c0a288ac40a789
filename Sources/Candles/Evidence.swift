internal import MarketData

/// What is known to be unknown: stretches of blindness, and updates the broker declared lost.
struct Evidence {
    private struct Loss {
        let time: Int64
        let count: Int64
    }

    /// Closed stretches `[from, until)`, ns.
    private var holes: [Range<Int64>] = []
    /// Since when nothing is known; `nil` while the feed is seen.
    private(set) var blindSince: Int64?
    private var losses: [Pair: [Loss]] = [:]

    mutating func blindBegan(since: Int64) { blindSince = min(since, blindSince ?? since) }

    mutating func blindEnded(from: Int64, until: Int64) {
        blindSince = nil
        missing(from: from, until: until)
    }

    /// Nothing is known of `[from, until)`, whatever else is.
    mutating func missing(from: Int64, until: Int64) {
        if until > from { holes.append(from..<until) }
    }

    mutating func lost(_ count: Int64, pair: Pair, at time: Int64) {
        losses[pair, default: []].append(Loss(time: time, count: count))
    }

    /// Milliseconds of `[start, end)` of which nothing is known, rounded up.
    func blindMilliseconds(_ interval: Range<Int64>) -> UInt32 {
        var nanos: Int64 = 0
        var counted = interval.lowerBound
        let present = blindSince.map { min($0, interval.upperBound)..<interval.upperBound }
        // Stretches may overlap: each moment counts once.
        for hole in (holes + (present.map { [$0] } ?? [])).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            let part = hole.clamped(to: counted..<interval.upperBound)
            nanos += part.upperBound - part.lowerBound
            counted = max(counted, part.upperBound)
        }
        return UInt32(clamping: (nanos + UTCNanos.perMillisecond - 1) / UTCNanos.perMillisecond)
    }

    /// Updates lost in the interval or in the grace after it: a loss is told after it happened.
    func lostUpdates(_ pair: Pair, _ interval: Range<Int64>, grace: Int64) -> UInt32 {
        guard let losses = losses[pair] else { return 0 }
        let window = interval.lowerBound...(interval.upperBound + grace)
        let count = losses.reduce(Int64(0)) { window.contains($1.time) ? $0 &+ $1.count : $0 }
        return UInt32(clamping: count)
    }

    /// Forgets what no candle can touch any more.
    mutating func forget(before time: Int64) {
        holes.removeAll { $0.upperBound < time }
        losses = losses.compactMapValues { list in
            let kept = list.filter { $0.time >= time }
            return kept.isEmpty ? nil : kept
        }
    }
}
