internal import MarketData

/// One pair of the feed, as the hot path needs it: its last tick, and how much of it is seen.
struct PairFeed {
    let pair: Pair
    let pointShift: Int
    /// The last tick: ns since 1970 by the broker's clock, units of `Price`; 0 before the first.
    private(set) var time: Int64 = 0
    private(set) var bid: Int64 = 0
    private(set) var ask: Int64 = 0
    /// When the last live tick came, monotonic; 0 before the first.
    private(set) var heard: Int64 = 0
    /// Live ticks that came, and subscriptions that the broker refused, since the process started.
    private(set) var ticks: UInt64 = 0
    var refusals: UInt64 = 0
    /// When a silent subscription is looked at, monotonic, and how long after the look before.
    private var nextLook: Int64 = .max
    private var patience: Int64 = PairFeed.quietMin
    var sight = PairSight()

    /// A pair that was silent for so long is subscribed to anew, to see whether the subscription is dead.
    private static var quietMin: Int64 { 90 * UTCNanos.perSecond }
    private static var quietMax: Int64 { 1_800 * UTCNanos.perSecond }

    init(_ instrument: Instrument) {
        pair = instrument.pair
        pointShift = instrument.pointShift
    }

    /// A live tick came.
    @inline(__always)
    mutating func ticked(_ time: Int64, _ sides: FeedDecoder.Sides, _ monotonic: Int64) {
        (self.time, bid, ask) = (time, sides.bid, sides.ask)
        heard = monotonic
        ticks &+= 1
        postponeLook(monotonic)
    }

    /// A tick of a snapshot, which is newer than all that was had.
    mutating func remember(_ time: Int64, _ sides: FeedDecoder.Sides) {
        (self.time, bid, ask) = (time, sides.bid, sides.ask)
    }

    /// Whether a tick of a snapshot is no news: the last one, or an older one.
    func has(_ time: Int64, _ sides: FeedDecoder.Sides) -> Bool {
        self.time > time || self.time == time && bid == sides.bid && ask == sides.ask
    }

    /// The broker's time is set back: no tick can be newer.
    mutating func setBack(to moment: Int64, blindSince: Int64) {
        time = min(time, moment)
        sight.newestSnapshot = min(sight.newestSnapshot, moment)
        if let since = sight.blindSince { sight.blindSince = min(since, blindSince) }
    }

    // MARK: Looks at a silent subscription

    /// The next look is as far away as the first one was.
    @inline(__always)
    mutating func postponeLook(_ monotonic: Int64) {
        nextLook = monotonic &+ PairFeed.quietMin
        patience = PairFeed.quietMin
    }

    /// A subscription begins.
    mutating func beginLooks(_ monotonic: Int64) { nextLook = monotonic + Self.quietMin }

    func isDue(_ monotonic: Int64) -> Bool { nextLook <= monotonic && sight.mayBeFrozen }

    /// Each look is twice as far from the last tick as the one before.
    mutating func look(_ monotonic: Int64) {
        let silence = monotonic - nextLook + patience
        patience = min(max(Self.quietMin, silence * 2), Self.quietMax)
        nextLook = monotonic + patience
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
    /// A new subscription takes the place of one that was silent: its snapshot shows whether that was right.
    var isRenewing = false
    /// The newest time in the snapshot of the present subscription: nothing of the pair came between it and the
    /// updates that follow.
    var newestSnapshot: Int64 = 0
    /// A tick of the snapshot could not be taken, for its price or its time: how new it was is not known.
    var hasUnknownSnapshot = false
    /// The end of the snapshot did not come in time: what is flagged as snapshot now is live.
    var hasEndlessSnapshot = false

    var isOpening: Bool { if case .opening = subscription { true } else { false } }

    /// Whether its subscription may be dead without a word.
    var mayBeFrozen: Bool {
        subscription == .active && !isLimited && !isRenewing && (blindSince == nil || spoiltSince != nil)
    }

    /// Whether what comes from now on is all that happens.
    var isWhole: Bool { subscription == .active && !isLimited && spoiltSince == nil }

    /// The broker has taken a subscription, in place of none.
    mutating func subscribed() {
        subscription = .opening(beats: 0)
        (isLimited, spoiltSince, isRenewing, newestSnapshot) = (false, nil, false, 0)
        (hasUnknownSnapshot, hasEndlessSnapshot) = (false, false)
    }

    /// The broker has taken a subscription, in place of one that goes on.
    mutating func renewed() {
        isRenewing = true
        newestSnapshot = 0
        (hasUnknownSnapshot, hasEndlessSnapshot) = (false, false)
    }
}
