internal import MarketData
internal import Wire

/// What is seen of single pairs.
extension ContinuityMachine {
    /// How many pairs the session shows.
    var subscribedPairs: Int { pairs.count { $0.sight.subscription != .none } }

    /// Those of which nothing is known while the feed is seen.
    var blindPairs: [Pair] { pairs.filter { $0.sight.blindSince != nil }.map(\.pair) }

    // MARK: Subscriptions

    mutating func subscribed(_ index: Int, at monotonic: Int64) {
        pairs[index].sight.subscribed()
        pairs[index].beginLooks(monotonic)
    }

    /// A pair's snapshot is its last tick before the subscription: nothing is missing after it.
    mutating func endOfSnapshot(_ index: Int, _ clock: inout BrokerClock, _ output: inout FeedOutput) {
        pairs[index].sight.isRenewing = false
        open(index, clock, &output)
        endBlindnessBySnapshots(&clock, &output)
    }

    private mutating func open(_ index: Int, _ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        guard pairs[index].sight.isOpening else { return }
        pairs[index].sight.subscription = .active
        seePair(index, clock, &output)
    }

    /// A heartbeat came. A snapshot that never ends keeps its pair blind until the second one.
    /// - Returns: the pairs whose snapshot did not end.
    mutating func endOpenings(_ clock: borrowing BrokerClock, _ output: inout FeedOutput) -> [Int] {
        var endless: [Int] = []
        for index in pairs.indices {
            guard case .opening(let beats) = pairs[index].sight.subscription else { continue }
            pairs[index].sight.subscription = .opening(beats: beats + 1)
            guard beats > 0 else { continue }
            endless.append(index)
            pairs[index].sight.hasEndlessSnapshot = true
            open(index, clock, &output)
        }
        return endless
    }

    /// The broker ended, refused or spoilt the pair's subscription.
    mutating func losePair(_ index: Int, _ clock: inout BrokerClock, _ output: inout FeedOutput) {
        pairs[index].sight.subscription = .none
        pairs[index].sight.isRenewing = false
        blindPair(index, since: lastSettled(index, clock), clock, &output)
        // A snapshot that the others waited for does not come.
        endBlindnessBySnapshots(&clock, &output)
    }

    /// The broker limits the pair's updates, or no more: above the limit it drops them without a word.
    /// Source: `tlcp` § Modes.
    mutating func limit(
        _ index: Int, _ frequency: String, _ clock: borrowing BrokerClock, _ output: inout FeedOutput
    ) {
        let isLimited = frequency != "unlimited"
        guard isLimited != pairs[index].sight.isLimited else { return }
        pairs[index].sight.isLimited = isLimited
        let milliHertz = isLimited ? Int64(exactly: ((Double(frequency) ?? 0) * 1_000).rounded()) ?? 0 : 0
        output.append(
            .updatesLimited(milliHertz: isLimited ? max(1, milliHertz) : 0), pair: pairs[index].pair, at: clock)
        if isLimited {
            output.counters.subscriptionsLimited += 1
            blindPair(index, since: lastSettled(index, clock), clock, &output)
        } else {
            // No snapshot shows what was dropped just before.
            seePair(index, margin: FeedEvent.orderMargin, clock, &output)
        }
    }

    // MARK: Sight

    /// The last moment at which the pair was proven seen: its last tick, or the feed's time, which came behind it.
    private func lastSeen(_ index: Int, _ clock: borrowing BrokerClock) -> Int64 {
        // Before the first believed time of this process the journal's end is all that is known.
        guard clock.feedTime > 0 || pairs[index].time > 0 else { return sight.since ?? 0 }
        let seen = max(pairs[index].time, clock.feedTime - FeedEvent.orderMargin, 0)
        return min(seen, sight.since ?? .max)
    }

    /// The last moment before which no tick of the pair is missing if its subscription ends now: one that is late may not
    /// have come before it.
    private func lastSettled(_ index: Int, _ clock: borrowing BrokerClock) -> Int64 {
        let newest = max(pairs[index].time, clock.feedTime)
        return min(lastSeen(index, clock), max(newest - FeedEvent.orderMargin, 0))
    }

    private func lastTick(_ index: Int, _ clock: borrowing BrokerClock) -> Int64 {
        pairs[index].time > 0 ? pairs[index].time : lastSeen(index, clock)
    }

    mutating func blindPair(
        _ index: Int, since: Int64, _ clock: borrowing BrokerClock, _ output: inout FeedOutput
    ) {
        guard pairs[index].sight.blindSince == nil else { return }
        pairs[index].sight.blindSince = since
        output.append(.blindBegan(since: UTCNanos(rawValue: since)), pair: pairs[index].pair, at: clock)
    }

    /// Ends a pair's blindness if all that happens comes from now on.
    /// - Parameter margin: how far the present moment may be ahead of feed time, ns.
    mutating func seePair(
        _ index: Int, margin: Int64 = 0, _ clock: borrowing BrokerClock, _ output: inout FeedOutput
    ) {
        let pairSight = pairs[index].sight
        // While the feed is blind the end of the stretch is not known: its end asks again.
        if case .blind = sight { return }
        guard let since = pairSight.blindSince, pairSight.isWhole else { return }
        pairs[index].sight.blindSince = nil
        defer { pairs[index].sight.hasUnknownSnapshot = false }
        // At the snapshot's own moment there may have been other ticks before it.
        let unknown = pairSight.hasUnknownSnapshot ? FeedEvent.orderMargin : 0
        let until = max(since, clock.feedTime + max(margin, unknown), pairSight.newestSnapshot + 1)
        output.append(
            .blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: until)),
            pair: pairs[index].pair, at: clock)
    }

    // MARK: Updates that are missing

    /// An update of the pair could not be taken: it may have happened at any time since the pair's last tick, until the
    /// next one that can be taken.
    mutating func spoil(_ index: Int, _ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        output.append(.updatesLost(count: 1), pair: pairs[index].pair, at: clock)
        if pairs[index].sight.spoiltSince == nil { pairs[index].sight.spoiltSince = lastTick(index, clock) }
        hasSpoilt = true
    }

    /// A tick of a snapshot could not be taken.
    mutating func leaveOutSnapshot(_ index: Int) { pairs[index].sight.hasUnknownSnapshot = true }

    /// A live tick could be taken.
    mutating func restorePair(_ index: Int, _ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        guard let since = pairs[index].sight.spoiltSince else { return }
        pairs[index].sight.spoiltSince = nil
        if pairs[index].sight.blindSince == nil {
            recordLostTicks(index, from: since, until: clock.feedTime, clock, &output)
        } else {
            seePair(index, clock, &output)
        }
    }

    /// An interval may be over in which no tick of the pair could be taken: it has no candle that could say so.
    mutating func blindSpoiltPairs(_ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        hasSpoilt = false
        for index in pairs.indices {
            guard let since = pairs[index].sight.spoiltSince else { continue }
            hasSpoilt = true
            if isAcrossMinutes(since, clock.feedTime + FeedEvent.orderMargin) {
                blindPair(index, since: since, clock, &output)
            }
        }
    }

    /// The broker declared updates of a pair lost.
    mutating func updatesLost(_ index: Int, _ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        let until = clock.feedTime + FeedEvent.orderMargin
        recordLostTicks(index, from: lastTick(index, clock), until: until, clock, &output)
    }

    /// The lost updates may have been the only ones of an interval, which then has no candle that could say so.
    private func recordLostTicks(
        _ index: Int, from: Int64, until: Int64, _ clock: borrowing BrokerClock, _ output: inout FeedOutput
    ) {
        guard pairs[index].sight.blindSince == nil, isAcrossMinutes(from, until) else { return }
        let pair = pairs[index].pair
        output.append(.blindBegan(since: UTCNanos(rawValue: from)), pair: pair, at: clock)
        output.append(
            .blindEnded(from: UTCNanos(rawValue: from), until: UTCNanos(rawValue: until)), pair: pair, at: clock)
    }

    /// Whether another interval may begin between the two: all timeframes are whole minutes.
    private func isAcrossMinutes(_ from: Int64, _ until: Int64) -> Bool {
        let minute = 60 * UTCNanos.perSecond
        return from / minute < until / minute
    }

    // MARK: Subscriptions that are dead

    /// A tick of a snapshot came.
    /// - Returns: whether it is no news.
    mutating func takeSnapshot(
        _ index: Int, _ time: Int64, _ sides: FeedDecoder.Sides, _ clock: borrowing BrokerClock,
        _ output: inout FeedOutput
    ) -> Bool {
        let last = pairs[index]
        let isKnown = last.has(time, sides)
        pairs[index].sight.isRenewing = false
        if !isKnown, last.time > 0 { checkFrozen(index, time, clock, &output) }
        if !isKnown { endContradiction(index) }
        pairs[index].sight.newestSnapshot = max(last.sight.newestSnapshot, time)
        if !isKnown { pairs[index].remember(time, sides) }
        return isKnown
    }

    /// A snapshot brings a tick that the pair's subscription before should have brought: from a time at which the pair
    /// seemed seen. What the heartbeat seemed to prove was wrong: nothing came since the last tick.
    private mutating func checkFrozen(
        _ index: Int, _ time: Int64, _ clock: borrowing BrokerClock, _ output: inout FeedOutput
    ) {
        let blindSince = pairs[index].sight.blindSince
        guard time < min(blindSince ?? .max, sight.since ?? .max) else { return }
        output.counters.subscriptionsFrozen += 1
        output.append(.subscriptionFrozen, pair: pairs[index].pair, at: clock)
        let since = min(pairs[index].time, lastSeen(index, clock))
        pairs[index].sight.blindSince = min(since, blindSince ?? .max)
        output.append(.blindBegan(since: UTCNanos(rawValue: since)), pair: pairs[index].pair, at: clock)
        if pairs[index].sight.subscription == .active { pairs[index].sight.subscription = .opening(beats: 0) }
    }

    /// The pair's market moved since `silence`, and its subscription brought no tick: nothing is known of the pair since
    /// its last one, until the next.
    mutating func contradict(
        _ index: Int, since silence: Int64, _ clock: borrowing BrokerClock, _ output: inout FeedOutput
    ) {
        output.counters.subscriptionsFrozen += 1
        output.append(.subscriptionFrozen, pair: pairs[index].pair, at: clock)
        let since = min(lastTick(index, clock), silence)
        pairs[index].sight.spoiltSince = since
        hasSpoilt = true
        blindPair(index, since: since, clock, &output)
    }

    /// A new snapshot brings a tick of a pair of which nothing could be taken: its subscription lives.
    private mutating func endContradiction(_ index: Int) {
        guard pairs[index].sight.spoiltSince != nil, pairs[index].sight.blindSince != nil else { return }
        pairs[index].sight.spoiltSince = nil
        if pairs[index].sight.subscription == .active { pairs[index].sight.subscription = .opening(beats: 0) }
    }
}
