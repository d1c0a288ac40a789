internal import MarketData

/// Stretches of time of which nothing is known, of the whole feed or of one pair.
struct Blindness {
    /// Closed stretches `[from, until)`: sorted, apart from each other.
    private var holes: [Range<UTCNanos>] = []
    /// Since when nothing is known; `nil` while the feed, or the pair, is seen.
    private(set) var since: UTCNanos?

    /// In the dark, the former stretch is a hole up to here: its end will not be recorded.
    mutating func began(since moment: UTCNanos) {
        if let former = since { missing(from: former, until: moment) }
        since = moment
    }

    mutating func ended(from: UTCNanos, until: UTCNanos) {
        since = nil
        missing(from: from, until: until)
    }

    /// Nothing is known of `[from, until)`, whatever else is.
    mutating func missing(from: UTCNanos, until: UTCNanos) {
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

    /// Hands out the parts of `interval` of which nothing is known, the latest first. They do not overlap.
    func eachStretch(in interval: Range<UTCNanos>, _ body: (Range<UTCNanos>) -> Void) {
        let dark = max(interval.lowerBound, min(since ?? interval.upperBound, interval.upperBound))
        if dark < interval.upperBound { body(dark..<interval.upperBound) }
        for hole in holes.reversed() {
            if hole.upperBound <= interval.lowerBound { break }
            let part = hole.clamped(to: interval.lowerBound..<dark)
            if !part.isEmpty { body(part) }
        }
    }

    /// Forgets what no candle can touch any more.
    mutating func forget(before time: UTCNanos) { holes.removeAll { $0.upperBound < time } }

    /// Forgets what was said of moments from `time` on.
    mutating func cut(at time: UTCNanos) {
        holes = holes.compactMap { $0.lowerBound < time ? $0.lowerBound..<min($0.upperBound, time) : nil }
        if let moment = since { since = min(moment, time) }
    }

    var isEmpty: Bool { since == nil && holes.isEmpty }
}

extension Blindness: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(holes)
        bytes.put(since)
    }

    init(from bytes: inout StateReader) throws(StateDamage) { (holes, since) = (try bytes.take(), try bytes.take()) }
}
