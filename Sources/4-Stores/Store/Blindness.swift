/// What is not known of the whole feed, or of one pair: the stretches that are over, and the one that goes on.
public struct Blindness: Hashable, Sendable {
    /// Stretches `[from, until)` of feed time of which nothing is known, ns since 1970: sorted, apart from
    /// each other. The time before the first sight does not count.
    public internal(set) var holes: [Range<Int64>] = []
    /// Since when nothing is known, ns since 1970; 0: since ever; `nil` while there is sight.
    public internal(set) var since: Int64?
    /// The end of what was blind since ever, ns since 1970; 0: nothing was.
    public internal(set) var firstSight: Int64 = 0
    /// Where the first blindness was told or began, whichever is known, ns since 1970; `nil` without any.
    public internal(set) var firstTold: Int64?

    public init() {}

    /// What an event tells of it.
    struct Told {
        enum Kind { case began, ended, clockSetBack }

        let kind: Kind
        let from: Int64
        let until: Int64
        /// Feed time of the event.
        let time: Int64
    }

    /// Each `blind ended` is a hole; a `blind began` in the dark closes the stretch before it as one. Of two at one
    /// position the end comes first: a hole in the dark, which goes on. What was said before a `clock set back` of later
    /// moments was said by a wrong clock.
    init(_ events: [Told]) {
        var stretches: [Range<Int64>] = []
        firstTold = events.first.map { $0.from > 0 ? $0.from : $0.time }
        for event in events {
            switch event.kind {
            case .began:
                if let since, since > 0, event.from > since { stretches.append(since..<event.from) }
                since = event.from
            case .ended:
                since = nil
                if event.from > 0, event.until > event.from { stretches.append(event.from..<event.until) }
                if event.from <= 0 { firstSight = max(firstSight, event.until) }
            case .clockSetBack:
                stretches = stretches.compactMap {
                    $0.lowerBound < event.until ? $0.lowerBound..<min($0.upperBound, event.until) : nil
                }
                since = since.map { min($0, event.until) }
                firstSight = min(firstSight, event.until)
            }
        }
        for stretch in stretches.sorted(by: { $0.lowerBound < $1.lowerBound }) { add(stretch) }
    }

    /// Adds a hole that does not begin before those that are there.
    private mutating func add(_ hole: Range<Int64>) {
        if let last = holes.last, last.upperBound >= hole.lowerBound {
            holes[holes.count - 1] = last.lowerBound..<max(last.upperBound, hole.upperBound)
        } else {
            holes.append(hole)
        }
    }
}
