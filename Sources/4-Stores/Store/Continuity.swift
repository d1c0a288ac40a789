public import MarketData
internal import Wire

/// How complete the feed was, as far as the database keeps its events.
public struct Continuity: Hashable, Sendable {
    public struct Sessions: Hashable, Sendable {
        /// Begun after a start of ingest-stream.
        public var new = 0
        /// Bound anew as the broker asked.
        public var preserved = 0
        /// Recovered after a cut.
        public var recovered = 0
        /// Lost, with a hole before the one that took its place.
        public var replaced = 0
    }

    public var sessions = Sessions()
    /// Notifications that recoveries brought again or late.
    public var resent: UInt64 = 0
    /// Updates that the broker declared lost.
    public var lostUpdates: UInt64 = 0
    /// The stretches in which nothing is known of the whole feed.
    public var feed = Blindness()
    /// The stretches of single pairs besides, by name; only pairs that were ever recorded as blind by themselves.
    public var pairs: [String: Blindness] = [:]
    /// Why pairs are blind now: the last event that names a reason.
    public var reasons: [String: StoredEvent] = [:]
    /// The last time that the broker's wrong time was taken back; `nil`: never.
    public var clockReset: ClockReset?
    /// The newest feed time of an event; 0 without any. Events from before the broker's wrong time was taken back do not
    /// count.
    public var newest = UTCNanos(rawValue: 0)

    public init() {}

    /// Stretches of the whole feed of which nothing is known; see `Blindness`.
    public var holes: [Range<UTCNanos>] { feed.holes }
    /// Since when nothing is known of the whole feed; see `Blindness`.
    public var blindSince: UTCNanos? { feed.since }

    /// A pair of which nothing is known at present, although the feed may be seen.
    public struct BlindPair: Hashable, Sendable {
        public let pair: String
        /// 0: since ever.
        public let since: UTCNanos
        /// The last event that names the reason; `nil` if no event does.
        public let reason: StoredEvent?
    }

    /// Takes how many events of a name there are, and the sum of their counts.
    public mutating func take(event: String, count: Int, sum: UInt64) {
        switch event {
        case FeedEvent.sessionNew.name: sessions.new = count
        case FeedEvent.sessionPreserved.name: sessions.preserved = count
        case FeedEvent.sessionReplaced.name: sessions.replaced = count
        case FeedEvent.sessionRecovered(resent: 0).name: (sessions.recovered, resent) = (count, sum)
        case FeedEvent.updatesLost(count: 0).name: lostUpdates = sum
        default: break
        }
    }

    /// Takes all events that speak of sight, in their order; the pair is `nil` in those of the whole feed.
    public mutating func take(_ all: some Sequence<(pair: String?, change: Blindness.Change)>) {
        var changes: [String?: [Blindness.Change]] = [:]
        for (pair, change) in all {
            guard change.kind == .clockSetBack else {
                changes[pair, default: []].append(change)
                continue
            }
            for key in changes.keys { changes[key]?.append(change) }
        }
        for (pair, changes) in changes {
            if let pair { pairs[pair] = Blindness(changes) } else { feed = Blindness(changes) }
        }
    }

    /// By name.
    public var blindPairs: [BlindPair] {
        pairs.sorted { $0.key < $1.key }.compactMap { pair, blindness in
            blindness.since.map { BlindPair(pair: pair, since: $0, reason: reasons[pair]) }
        }
    }

    /// The feed's holes that end after `time`, cut off there.
    public func holes(after time: UTCNanos) -> [Range<UTCNanos>] {
        holes.filter { $0.upperBound > time }.map { max($0.lowerBound, time)..<$0.upperBound }
    }
}
