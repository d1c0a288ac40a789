public import MarketData

/// When the whole feed, or one pair, was not seen: the stretches that are over, and the one that goes on.
public struct Blindness: Hashable, Sendable {
    /// Stretches of feed time that were not seen: sorted, apart from each other. The time before the first sight is not
    /// one of them.
    public private(set) var holes: [Range<UTCNanos>] = []
    /// Since when it is blind; 0: since ever; `nil` while it is seen.
    public var since: UTCNanos?
    /// The end of the time before the first sight; 0 if the feed was seen from the start.
    public private(set) var firstSight = UTCNanos(rawValue: 0)
    /// When the first blindness was recorded or began, whichever is known; `nil` without any.
    public private(set) var firstRecorded: UTCNanos?

    public init() {}

    /// A feed event that speaks of sight.
    public struct Change: Hashable, Sendable {
        public enum Kind: Hashable, Sendable { case began, ended, clockSetBack }

        public let kind: Kind
        public let from: UTCNanos
        public let until: UTCNanos
        /// Feed time of the event.
        public let time: UTCNanos

        public init(_ kind: Kind, from: UTCNanos, until: UTCNanos, time: UTCNanos) {
            (self.kind, self.from, self.until, self.time) = (kind, from, until, time)
        }

        /// An event with this name and these details.
        public init(event: String, from: UTCNanos, until: UTCNanos, time: UTCNanos) {
            self.init(
                event == "blind began" ? .began : event == "blind ended" ? .ended : .clockSetBack,
                from: from, until: until, time: time)
        }
    }

    /// Each `blind ended` is a hole; a `blind began` in the dark closes the stretch before it as one. Of two at one
    /// position the end comes first: a hole in the dark, which goes on. A `clock set back` undoes what was recorded of later
    /// moments: the clock was wrong.
    public init(_ changes: [Change]) {
        var stretches: [Range<UTCNanos>] = []
        firstRecorded = changes.first.map { $0.from.rawValue > 0 ? $0.from : $0.time }
        for change in changes {
            switch change.kind {
            case .began:
                if let since, since.rawValue > 0, change.from > since { stretches.append(since..<change.from) }
                since = change.from
            case .ended:
                since = nil
                if change.from.rawValue <= 0 {
                    firstSight = max(firstSight, change.until)
                } else if change.until > change.from {
                    stretches.append(change.from..<change.until)
                }
            case .clockSetBack:
                stretches = stretches.compactMap {
                    $0.lowerBound < change.until ? $0.lowerBound..<min($0.upperBound, change.until) : nil
                }
                since = since.map { min($0, change.until) }
                firstSight = min(firstSight, change.until)
            }
        }
        for stretch in stretches.sorted(by: { $0.lowerBound < $1.lowerBound }) { add(stretch) }
    }

    /// Adds a hole that does not begin before those that are there.
    private mutating func add(_ hole: Range<UTCNanos>) {
        if let last = holes.last, last.upperBound >= hole.lowerBound {
            holes[holes.count - 1] = last.lowerBound..<max(last.upperBound, hole.upperBound)
        } else {
            holes.append(hole)
        }
    }
}
