internal import Assumptions
internal import MarketData
internal import TLCP
internal import Wire

/// What is seen of the feed and of each pair, and since when not. Source: docs/architecture.md § Sight.
extension FeedRecorder {
    /// Pairs that are blind are named again so often: the word may be among positions that a journal loses.
    private static var restatementNanos: Int64 { 600 * UTCNanos.perSecond }

    // MARK: Events of the session

    mutating func happened(_ event: SessionEvent) {
        if tookNative(event) { return }
        watch(event)
        switch event {
        case .began(let replacing):
            counters.sessions += 1
            isReplacement = replacing && hasBegun
            (hasHeartbeat, hasBeatOfSession) = (false, false)
            for index in items.indices { items[index].sight.subscription = .none }
        case .subscribed(let subscription): subscribed(subscription)
        case .renewed(let subscription):
            change(subscription) {
                $0.isRenewing = true
                $0.newestSnapshot = 0
                $0.hasEndlessSnapshot = false
            }
        case .endOfSnapshot(let subscription, _): endOfSnapshot(subscription)
        case .unsubscribed(let subscription):
            counters.subscriptionsEnded += 1
            append(.subscriptionEnded, pair: pair(subscription))
            losePair(subscription)
        case .refused(let subscription, let code, let text):
            counters.subscriptionsRefused += 1
            append(.instrumentRefused(code: Int64(clamping: code)), pair: pair(subscription))
            yieldItem(text)
            losePair(subscription)
        case .itemLost(let subscription, _):
            if subscription > 0 { append(.updatesLost(count: 1), pair: pair(subscription)) }
            losePair(subscription)
        case .configured(let subscription, let frequency, _): limit(subscription, frequency)
        case .updatesLost(let subscription, _, let count) where subscription > 0:
            let count = LossCount(clamping: count)
            counters.lostUpdates &+= UInt64(count.rawValue)
            append(.updatesLost(count: count), pair: pair(subscription))
            if items.indices.contains(subscription - 1) {
                let index = subscription - 1
                tellLostTicks(index, from: lastTick(of: index), until: feedTime + FeedEvent.orderMargin)
            }
        case .allAnswered: allAnswered()
        case .preserved: append(.sessionPreserved)
        case .recovered(let resent):
            counters.recoveries += 1
            append(.sessionRecovered(resent: Int64(resent)))
            if case .cut = sight { seesAgain = true }
        case .stalled: lose { .silent(since: $0) }
        case .cut: lose { .cut(since: $0) }
        case .lost:
            endsBlindness = false
            judge.setBlind(true)
            lose { .blind(since: $0) }
        default: break
        }
        events.append(event)
    }

    /// The process stops in order.
    mutating func end(now: UTCNanos) {
        receiveTime = now
        lose { .blind(since: $0) }
    }

    private mutating func change(_ subscription: Int, _ body: (inout PairSight) -> Void) {
        guard items.indices.contains(subscription - 1) else { return }
        body(&items[subscription - 1].sight)
    }

    // MARK: One pair

    private mutating func subscribed(_ subscription: Int) {
        if subscription == 0 { hasHeartbeat = true }
        change(subscription) {
            $0.subscription = .opening(beats: 0)
            ($0.isLimited, $0.spoiltSince, $0.isRenewing, $0.newestSnapshot) = (false, nil, false, 0)
            $0.hasEndlessSnapshot = false
        }
        guard items.indices.contains(subscription - 1) else { return }
        items[subscription - 1].nextLook = monotonic + Self.quietMin
    }

    /// A pair's snapshot is its last tick before the subscription: nothing is missing after it.
    private mutating func endOfSnapshot(_ subscription: Int) {
        guard items.indices.contains(subscription - 1) else { return }
        items[subscription - 1].sight.isRenewing = false
        open(subscription - 1)
        if endsBlindness { endBlindnessBySnapshots() }
    }

    private mutating func open(_ index: Int) {
        guard items[index].sight.isOpening else { return }
        items[index].sight.subscription = .active
        seePair(index)
    }

    /// A snapshot that never ends keeps its pair blind until the second heartbeat.
    mutating func endOpenings() {
        for index in items.indices {
            guard case .opening(let beats) = items[index].sight.subscription else { continue }
            items[index].sight.subscription = .opening(beats: beats + 1)
            guard beats > 0 else { continue }
            violate(.snapshotEnds, instruments[index].epic)
            items[index].sight.hasEndlessSnapshot = true
            open(index)
        }
    }

    /// The broker ended, refused or spoilt the pair's subscription.
    private mutating func losePair(_ subscription: Int) {
        if subscription == 0 { hasHeartbeat = false }
        guard items.indices.contains(subscription - 1) else { return }
        items[subscription - 1].sight.subscription = .none
        items[subscription - 1].sight.isRenewing = false
        blindPair(subscription - 1, since: proof(of: subscription - 1))
        // A snapshot that the others waited for does not come.
        if endsBlindness { endBlindnessBySnapshots() }
    }

    /// The last moment at which the pair was proven seen: its last tick, or the feed's time, which came behind it.
    private func proof(of index: Int) -> Int64 {
        // Before the first believed time of this process the journal's end is all that is known.
        guard feedTime > 0 || items[index].time > 0 else { return sight.since ?? 0 }
        let proof = max(items[index].time, feedTime - FeedEvent.orderMargin, 0)
        return min(proof, sight.since ?? .max)
    }

    mutating func blindPair(_ index: Int, since: Int64) {
        guard items[index].sight.blindSince == nil else { return }
        items[index].sight.blindSince = since
        append(.blindBegan(since: UTCNanos(rawValue: since)), pair: items[index].pair)
    }

    /// Ends a pair's blindness if all that happens comes from now on.
    /// - Parameter margin: how far the present moment may be ahead of feed time, ns.
    private mutating func seePair(_ index: Int, margin: Int64 = 0) {
        let pairSight = items[index].sight
        // While the feed is blind its end is unknown: the end calls this again.
        if case .blind = sight { return }
        guard let since = pairSight.blindSince, pairSight.isWhole else { return }
        items[index].sight.blindSince = nil
        // At the snapshot's own moment there may have been other ticks before it.
        let until = max(since, feedTime + margin, pairSight.newestSnapshot + 1)
        append(
            .blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: until)), pair: items[index].pair)
    }

    /// An update of the pair could not be taken: it may have happened at any time since the pair's last tick, until the
    /// next one that can be taken.
    mutating func spoil(_ index: Int) {
        append(.updatesLost(count: 1), pair: items[index].pair)
        if items[index].sight.spoiltSince == nil { items[index].sight.spoiltSince = lastTick(of: index) }
        hasSpoilt = true
    }

    mutating func restorePair(_ index: Int) {
        guard let since = items[index].sight.spoiltSince else { return }
        items[index].sight.spoiltSince = nil
        if items[index].sight.blindSince == nil {
            tellLostTicks(index, from: since, until: feedTime)
        } else {
            seePair(index)
        }
    }

    /// A new snapshot brings a tick of a pair of which nothing could be taken: its subscription lives.
    mutating func endContradiction(_ index: Int) {
        guard items[index].sight.spoiltSince != nil, items[index].sight.blindSince != nil else { return }
        items[index].sight.spoiltSince = nil
        if items[index].sight.subscription == .active { items[index].sight.subscription = .opening(beats: 0) }
    }

    /// An interval may be over in which no tick of the pair could be taken: it has no candle that could say so.
    mutating func blindSpoiltPairs() {
        hasSpoilt = false
        for index in items.indices {
            guard let since = items[index].sight.spoiltSince else { continue }
            hasSpoilt = true
            if isAcrossMinutes(since, feedTime + FeedEvent.orderMargin) { blindPair(index, since: since) }
        }
    }

    /// The broker declared updates of a pair lost. They may have been the only ones of an interval, which then has no
    /// candle that could say so.
    private mutating func tellLostTicks(_ index: Int, from: Int64, until: Int64) {
        guard items[index].sight.blindSince == nil, isAcrossMinutes(from, until) else { return }
        let pair = items[index].pair
        append(.blindBegan(since: UTCNanos(rawValue: from)), pair: pair)
        append(.blindEnded(from: UTCNanos(rawValue: from), until: UTCNanos(rawValue: until)), pair: pair)
    }

    func lastTick(of index: Int) -> Int64 { items[index].time > 0 ? items[index].time : proof(of: index) }

    /// Whether another interval may begin between the two: all timeframes are whole minutes.
    private func isAcrossMinutes(_ from: Int64, _ until: Int64) -> Bool {
        let minute = 60 * UTCNanos.perSecond
        return from / minute < until / minute
    }

    /// `CONF`: above a frequency the broker drops updates without a word. Source: `tlcp` § Modes.
    private mutating func limit(_ subscription: Int, _ frequency: String) {
        guard items.indices.contains(subscription - 1) else { return }
        let index = subscription - 1
        let isLimited = frequency != "unlimited"
        guard isLimited != items[index].sight.isLimited else { return }
        items[index].sight.isLimited = isLimited
        let milliHertz = isLimited ? Int64(exactly: ((Double(frequency) ?? 0) * 1_000).rounded()) ?? 0 : 0
        append(.updatesLimited(milliHertz: isLimited ? max(1, milliHertz) : 0), pair: items[index].pair)
        if isLimited {
            counters.subscriptionsLimited += 1
            blindPair(index, since: proof(of: index))
        } else {
            // No snapshot shows what was dropped just before.
            seePair(index, margin: FeedEvent.orderMargin)
        }
    }

    /// A snapshot brings a tick that the pair's subscription before should have brought: from a time at which the pair
    /// seemed seen. What the heartbeat seemed to prove was wrong: nothing came since the last tick.
    mutating func checkFrozen(_ index: Int, _ time: Int64) {
        let blindSince = items[index].sight.blindSince
        guard time < min(blindSince ?? .max, sight.since ?? .max) else { return }
        counters.subscriptionsFrozen += 1
        append(.subscriptionFrozen, pair: items[index].pair)
        let since = min(items[index].time, proof(of: index))
        items[index].sight.blindSince = min(since, blindSince ?? .max)
        append(.blindBegan(since: UTCNanos(rawValue: since)), pair: items[index].pair)
        if items[index].sight.subscription == .active { items[index].sight.subscription = .opening(beats: 0) }
    }

    mutating func restateBlindPairs() {
        if lastRestated == 0 { lastRestated = lastClock }
        guard lastClock &- lastRestated >= Self.restatementNanos else { return }
        lastRestated = lastClock
        restate()
    }

    mutating func restate() {
        for item in items {
            if let since = item.sight.blindSince {
                append(.blindBegan(since: UTCNanos(rawValue: since)), pair: item.pair)
            }
        }
        for (pair, since) in absentSince.sorted(by: { $0.key.description < $1.key.description }) {
            append(.blindBegan(since: UTCNanos(rawValue: since)), pair: pair)
        }
    }

    // MARK: The whole feed

    private mutating func allAnswered() {
        if subscribedPairs > 0 { native?.fill(feedTime: feedTime) }
        append(isReplacement ? .sessionReplaced : .sessionNew)
        hasBegun = true
        guard case .blind = sight else { return }
        endsBlindness = true
        endBlindnessBySnapshots()
    }

    /// A pair's snapshot is its last tick before the subscription: with all of them there, nothing is missing
    /// after the newest of them, nor after a heartbeat that came before.
    private mutating func endBlindnessBySnapshots() {
        guard hasBeatOfSession, !items.contains(where: { $0.sight.isOpening }) else { return }
        feedTime = max(feedTime, newestSnapshot)
        endBlindness()
    }

    private var newestSnapshot: Int64 { items.reduce(0) { max($0, $1.sight.newestSnapshot) } }

    /// The feed is seen less well than before: says so if it was seen, and keeps the older moment if not.
    mutating func lose(_ worse: (Int64) -> FeedSight) {
        // Lost again right after a recovery: what was missing before has come, up to feed time.
        if seesAgain, feedTime >= lastClock, isBehindQueue { seeAgain() }
        // A recovered session that brings nothing yet will still bring what was missing.
        if case .silent = worse(0) {} else { seesAgain = false }
        // The connection spoke, and the feed was silent: what happened meanwhile does not come.
        let spoke = talkedAt != nil || isWithoutProof && lastBytes - lastProof >= proofMax
        if spoke, sight == .seeing { isHole = true }
        switch sight {
        case .seeing:
            // Ticks of other pairs from just before the newest one may still have been under way.
            let since = max(0, feedTime - FeedEvent.orderMargin)
            sight = worse(since)
            append(.blindBegan(since: UTCNanos(rawValue: since)))
        case .silent(let since):
            if case .silent = worse(since) { return }
            if talkedAt != nil { isHole = true }
            sight = worse(since)
        case .cut(let since):
            if case .silent = worse(since) { return }
            sight = worse(since)
        case .blind: break
        }
        switch sight {
        case .blind, .cut: judge.setBlind(true)
        case .seeing, .silent: break
        }
        if case .cut = sight { beatsSinceLoss = 0 }
    }

    /// Behind a recovery the second heartbeat shows that all that waited has come.
    private var isBehindQueue: Bool {
        if case .cut = sight, hasHeartbeat { beatsSinceLoss >= 2 } else { true }
    }

    /// The first heartbeat or tick of a read. If the connection spoke before it and proved nothing, the feed was
    /// silent at the broker: what happened meanwhile does not come.
    mutating func endSilence() {
        isWithoutProof = false
        if case .silent = sight {
            if let talkedAt, monotonic - talkedAt >= UTCNanos.perSecond { isHole = true }
            seesAgain = true
        }
        talkedAt = nil
        lastProof = monotonic
    }

    /// What a recovered session sends again is older than the clock that stood in.
    mutating func seeIfCaughtUp() {
        guard feedTime >= lastClock else { return }
        if endsBlindness { endBlindness() }
        if seesAgain, isBehindQueue { seeAgain() }
    }

    /// A new session sees again: what lies between is missing for good.
    private mutating func endBlindness() {
        endsBlindness = false
        guard case .blind(var since) = sight else { return }
        // The journal ended a little ahead of the truth: what was right then was so long ago.
        if feedTime < since { since = max(0, min(since, sureAtStart(feedTime)) - FeedEvent.orderMargin) }
        // The pairs that the session does not show stay blind.
        for index in items.indices where !items[index].sight.isWhole { blindPair(index, since: since) }
        sight = .seeing
        isHole = false
        judge.setBlind(false)
        // The fold's clock comes this far: one that steps back behind it would take the hole back.
        lastClock = max(lastClock, feedTime)
        // At the newest snapshot's own moment there may have been other ticks before it.
        let until = max(since, feedTime, newestSnapshot + 1)
        append(.blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: until)))
        for index in items.indices { seePair(index) }
    }

    /// What was missing has come, or nothing was missing: an empty stretch; or else the broker was silent.
    mutating func seeAgain() {
        let since: Int64
        switch sight {
        case .silent(let moment), .cut(let moment): since = moment
        case .seeing, .blind: return
        }
        let until = isHole ? max(since, feedTime) : since
        (seesAgain, isHole) = (false, false)
        sight = .seeing
        judge.setBlind(false)
        append(.blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: until)))
    }
}
