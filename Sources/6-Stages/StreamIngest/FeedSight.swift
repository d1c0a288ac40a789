internal import MarketData

/// How much of the feed is seen. The times are feed time, ns: since when nothing is known.
enum FeedSight: Hashable {
    case seeing
    /// The connection is silent or stalled; if it goes on where it stopped, nothing is missing.
    case silent(since: Int64)
    /// The connection is cut; if the session is recovered, nothing is missing.
    case cut(since: Int64)
    /// No session, or not all of its subscriptions are answered yet.
    case blind(since: Int64)

    /// `nil` while the feed is seen.
    var since: Int64? {
        switch self {
        case .seeing: nil
        case .silent(let since), .cut(let since), .blind(let since): since
        }
    }
}

extension FeedSight {
    /// The same, and nothing is known since `moment` at the latest.
    func moved(backTo moment: Int64) -> FeedSight {
        switch self {
        case .seeing: .seeing
        case .silent(let since): .silent(since: min(since, moment))
        case .cut(let since): .cut(since: min(since, moment))
        case .blind(let since): .blind(since: min(since, moment))
        }
    }
}

/// How much of one pair is seen, while the feed is. The times are feed time, ns.
struct PairSight: Hashable {
    enum Subscription: Hashable {
        case none
        /// Taken by the broker; the snapshot is not complete. So many heartbeats came since.
        case opening(beats: Int)
        case active
    }

    var subscription = Subscription.none
    /// The broker drops updates above a frequency, without a word.
    var isLimited = false
    /// The last update could not be taken, for its price or its time: the tick before it; `nil` if it could.
    var spoiltSince: Int64?
    /// Since when nothing is known of the pair; `nil` while it is seen.
    var blindSince: Int64?
    /// A new subscription takes the place of one that was silent: its snapshot tells whether that was right.
    var isRenewing = false
    /// The newest time in the snapshot of the present subscription: nothing of the pair came between it and the
    /// updates that follow.
    var newestSnapshot: Int64 = 0

    /// The end of the snapshot did not come in time: what is flagged as snapshot now is live.
    var hasEndlessSnapshot = false

    var isOpening: Bool { if case .opening = subscription { true } else { false } }

    /// Whether its subscription may be dead without a word.
    var mayBeFrozen: Bool {
        subscription == .active && !isLimited && !isRenewing && (blindSince == nil || spoiltSince != nil)
    }

    /// Whether what comes from now on is all that happens.
    var isWhole: Bool { subscription == .active && !isLimited && spoiltSince == nil }
}
