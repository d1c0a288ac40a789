internal import Assumptions
internal import MarketData
internal import TLCP
internal import Wire

/// What happens to the session and to its subscriptions, and what the owner may ask. Source: docs/architecture.md
/// § Sight.
extension FeedRecorder {
    mutating func happened(_ event: SessionEvent) {
        if tookNative(event) { return }
        watch(event)
        sessionHappened(event)
        subscriptionHappened(event)
        output.events.append(event)
    }

    private mutating func sessionHappened(_ event: SessionEvent) {
        switch event {
        case .began(let replacing):
            output.counters.sessions += 1
            clock.forgetPrediction()
            continuity.sessionBegan(replacing: replacing)
        case .allAnswered:
            if subscribedPairs > 0 { native?.fill(feedTime: clock.feedTime) }
            continuity.allAnswered(&clock, &output)
        case .preserved: output.append(.sessionPreserved, at: clock)
        case .recovered(let resent):
            output.counters.recoveries += 1
            output.append(.sessionRecovered(resent: Int64(resent)), at: clock)
            continuity.recovered()
        case .stalled: continuity.lose(.silence, &clock, &output)
        case .cut: continuity.lose(.cut, &clock, &output)
        case .lost: continuity.lose(.session, &clock, &output)
        default: break
        }
    }

    private mutating func subscriptionHappened(_ event: SessionEvent) {
        switch event {
        case .subscribed(let subscription):
            if subscription == 0 { continuity.heartbeatSubscribed(true) }
            if let index = index(subscription) { continuity.subscribed(index, at: clock.monotonic) }
        case .renewed(let subscription):
            if let index = index(subscription) { continuity.pairs[index].sight.renewed() }
        case .endOfSnapshot(let subscription, _):
            if let index = index(subscription) { continuity.endOfSnapshot(index, &clock, &output) }
        case .unsubscribed(let subscription):
            output.counters.subscriptionsEnded += 1
            output.append(.subscriptionEnded, pair: pair(subscription), at: clock)
            loseSubscription(subscription)
        case .refused(let subscription, let code, let text):
            output.counters.subscriptionsRefused += 1
            if let index = index(subscription) { continuity.pairs[index].refusals += 1 }
            output.append(.instrumentRefused(code: Int64(clamping: code)), pair: pair(subscription), at: clock)
            yieldItem(text)
            loseSubscription(subscription)
        case .itemLost(let subscription, _):
            if subscription > 0 { output.append(.updatesLost(count: 1), pair: pair(subscription), at: clock) }
            loseSubscription(subscription)
        case .configured(let subscription, let frequency, _):
            if let index = index(subscription) { continuity.limit(index, frequency, clock, &output) }
        case .updatesLost(let subscription, _, let count) where subscription > 0: updatesLost(subscription, count)
        default: break
        }
    }

    private mutating func loseSubscription(_ subscription: Int) {
        if subscription == 0 { continuity.heartbeatSubscribed(false) }
        if let index = index(subscription) { continuity.losePair(index, &clock, &output) }
    }

    private mutating func updatesLost(_ subscription: Int, _ count: Int) {
        let count = LossCount(clamping: count)
        output.counters.lostUpdates &+= UInt64(count.rawValue)
        output.append(.updatesLost(count: count), pair: pair(subscription), at: clock)
        if let index = index(subscription) { continuity.updatesLost(index, clock, &output) }
    }

    /// The instrument of a tick item; `nil` for other subscriptions.
    private func index(_ subscription: Int) -> Int? {
        instruments.indices.contains(subscription - 1) ? subscription - 1 : nil
    }

    private func pair(_ subscription: Int) -> Pair { index(subscription).map { instruments[$0].pair } ?? .none }

    /// The epic of a subscription's item.
    func epic(_ subscription: Int) -> String { index(subscription).map { instruments[$0].epic } ?? "heartbeat" }

    // MARK: What the owner asks

    var feedTime: Int64 { clock.feedTime }

    var sight: FeedSight { continuity.sight }

    /// How many pairs the session shows.
    var subscribedPairs: Int { continuity.subscribedPairs }

    /// How many items the session uses.
    var items: Int { (continuity.session.hasHeartbeat ? 1 : 0) + subscribedPairs + (native?.watched ?? 0) }

    /// Those of which nothing is known while the feed is seen.
    var blindPairs: [Pair] { continuity.blindPairs }

    /// ns since the last live tick of each pair that had one, by its name.
    var tickAges: [String: Int64] {
        let heard = continuity.pairs.filter { $0.heard > 0 }.map { ($0.pair.description, clock.monotonic - $0.heard) }
        return Dictionary(heard, uniquingKeysWith: min)
    }

    // MARK: Pairs that fall silent

    /// A heartbeat that was silent for so long is subscribed to anew.
    private static var heartbeatPatience: Int64 { 60 * UTCNanos.perSecond }

    /// The instruments that are traded now; none while the time is not known.
    var openMarkets: Set<Int> {
        guard feedTime > 0 else { return [] }
        let now = UTCNanos(rawValue: feedTime).seconds
        return Set(instruments.indices.filter { instruments[$0].hours.isOpen(at: now) })
    }

    /// Markets open: what was silent while they were shut is looked at only now.
    mutating func beginLooks(at opened: Set<Int>) {
        for index in opened { continuity.pairs[index].postponeLook(clock.monotonic) }
    }

    /// The subscription of a pair that is to be renewed: its market is open, and nothing came for long.
    mutating func takeSilentSubscription() -> Int? {
        // A renewal needs an item that is free.
        guard instruments.count < limit.instruments else { return nil }
        let monotonic = clock.monotonic
        if continuity.session.hasHeartbeat,
            monotonic - max(clock.lastHeartbeat, heartbeatLook) >= Self.heartbeatPatience
        {
            heartbeatLook = monotonic
            return 0
        }
        if !suspects.isEmpty { return suspects.removeFirst() }
        guard sight.isSeeing else { return nil }
        let now = UTCNanos(rawValue: feedTime).seconds
        let silent = continuity.pairs.indices.first {
            continuity.pairs[$0].isDue(monotonic) && instruments[$0].hours.isOpen(at: now)
        }
        guard let silent else { return nil }
        continuity.pairs[silent].look(monotonic)
        return silent + 1
    }
}
