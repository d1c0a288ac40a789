internal import MarketData
internal import Wire

/// What is seen of the feed and of each pair, and since when not: the state, and the records of its changes.
/// Source: docs/architecture.md § Sight.
///
/// `sight` is the state of the whole feed; that of each pair is in `pairs`, and what changes it in
/// `ContinuityMachine+Pairs.swift`.
struct ContinuityMachine {
    private(set) var sight: FeedSight
    private(set) var proof = FeedProof()
    var pairs: [PairFeed]
    private(set) var session = Session()
    /// Some session answered all of its subscriptions.
    private var hasBegun = false
    /// Heartbeats since the connection was cut. The first may have been merged, and overtake ticks that wait.
    private(set) var beatsSinceLoss = 0
    /// Since when nothing is known of pairs that were streamed once and are not configured now. Feed time, ns.
    private let absentSince: [Pair: Int64]
    /// When the pairs that are blind were last named again, feed time.
    private var lastRestated: Int64 = 0
    /// Some pair's last update could not be taken.
    var hasSpoilt = false

    /// What the present session has brought.
    struct Session {
        /// Another one was lost before it.
        var isReplacement = false
        /// The broker has taken the subscription of the heartbeat.
        var hasHeartbeat = false
        /// A heartbeat was believed.
        var hasBeat = false
    }

    /// Pairs that are blind are named again so often: the word may be among positions that a journal loses.
    private static var restatementNanos: Int64 { 600 * UTCNanos.perSecond }

    /// The start: blind since the journal's last word.
    init(pairs: [PairFeed], past: FeedPast) {
        self.pairs = pairs
        sight = .blind(since: max(0, past.time.rawValue - FeedEvent.orderMargin), isAnswered: false)
        for index in pairs.indices { self.pairs[index].sight.blindSince = past.blindPairs[pairs[index].pair]?.rawValue }
        absentSince = past.absentSince(configured: Set(pairs.map(\.pair)))
    }

    /// The heartbeat comes once a second: a connection that speaks, and proves nothing for so long, says that the feed is
    /// silent. Without it ticks alone prove anything.
    private var proofLimit: Int64 { session.hasHeartbeat ? 2 * UTCNanos.perSecond : BrokerClock.heartbeatLimit }

    // MARK: What is said

    /// The process starts.
    func begin(_ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        if let since = sight.since { output.append(.blindBegan(since: UTCNanos(rawValue: since)), at: clock) }
        restate(clock, &output)
    }

    /// A clock record goes out: it may be time to name the blind pairs again.
    mutating func recorded(_ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        if lastRestated == 0 { lastRestated = clock.lastRecord }
        if clock.lastRecord &- lastRestated >= Self.restatementNanos {
            lastRestated = clock.lastRecord
            restate(clock, &output)
        }
        if hasSpoilt { blindSpoiltPairs(clock, &output) }
    }

    private func restate(_ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        for pair in pairs {
            if let since = pair.sight.blindSince {
                output.append(.blindBegan(since: UTCNanos(rawValue: since)), pair: pair.pair, at: clock)
            }
        }
        for (pair, since) in absentSince.sorted(by: { $0.key.description < $1.key.description }) {
            output.append(.blindBegan(since: UTCNanos(rawValue: since)), pair: pair, at: clock)
        }
    }

    // MARK: The session

    mutating func sessionBegan(replacing: Bool) {
        session = Session(isReplacement: replacing && hasBegun)
        for index in pairs.indices { pairs[index].sight.subscription = .none }
    }

    mutating func heartbeatSubscribed(_ isSubscribed: Bool) { session.hasHeartbeat = isSubscribed }

    mutating func heartbeatCame() {
        beatsSinceLoss += 1
        session.hasBeat = true
    }

    mutating func allAnswered(_ clock: inout BrokerClock, _ output: inout FeedOutput) {
        output.append(session.isReplacement ? .sessionReplaced : .sessionNew, at: clock)
        hasBegun = true
        if sight.answered() { endBlindnessBySnapshots(&clock, &output) }
    }

    mutating func recovered() { sight.recover() }

    // MARK: Proof

    /// Bytes of the connection have come.
    mutating func bytesCame(at monotonic: Int64) { proof.bytesCame(at: monotonic, limit: proofLimit) }

    /// The first heartbeat or tick of a read. If the connection spoke before it and proved nothing, the feed was
    /// silent at the broker: what happened meanwhile does not come.
    mutating func endSilence(at monotonic: Int64) {
        let talkedAt = proof.came(at: monotonic)
        sight.goOn(isHole: talkedAt.map { monotonic - $0 >= UTCNanos.perSecond } ?? false)
    }

    // MARK: The whole feed

    /// The feed is seen less well than before: says so if it was seen, and keeps the older moment if not.
    mutating func lose(_ loss: FeedSight.Loss, _ clock: inout BrokerClock, _ output: inout FeedOutput) {
        // Lost again right after a recovery: what was missing before has come, up to feed time.
        if sight.isReturning, clock.feedTime >= clock.lastRecord, isBehindQueue { seeAgain(&clock, &output) }
        let wasSeeing = sight.isSeeing
        // Ticks of other pairs from just before the newest one may still have been under way.
        let since = max(0, clock.feedTime - FeedEvent.orderMargin)
        let hasSpoken = proof.hasSpoken(limit: proofLimit)
        guard sight.lose(loss, since: since, hasSpoken: hasSpoken, isTalking: proof.isTalking) else { return }
        if wasSeeing { output.append(.blindBegan(since: UTCNanos(rawValue: since)), at: clock) }
        switch sight {
        case .blind: clock.judge.setBlind(true)
        case .cut:
            clock.judge.setBlind(true)
            beatsSinceLoss = 0
        case .seeing, .silent: break
        }
    }

    /// Behind a recovery the second heartbeat shows that all that waited has come.
    private var isBehindQueue: Bool {
        if case .cut = sight, session.hasHeartbeat { beatsSinceLoss >= 2 } else { true }
    }

    /// Feed time went on. What a recovered session sends again is older than the clock that stood in.
    mutating func seeIfCaughtUp(_ clock: inout BrokerClock, _ output: inout FeedOutput) {
        guard clock.feedTime >= clock.lastRecord else { return }
        switch sight {
        case .blind(_, let isAnswered): if isAnswered { endBlindness(&clock, &output) }
        case .silent(let gap), .cut(let gap): if gap.isReturning, isBehindQueue { seeAgain(&clock, &output) }
        case .seeing: break
        }
    }

    /// What was missing has come, or nothing was missing: an empty stretch; or else the broker was silent.
    private mutating func seeAgain(_ clock: inout BrokerClock, _ output: inout FeedOutput) {
        guard let gap = sight.close() else { return }
        let until = gap.isHole ? max(gap.since, clock.feedTime) : gap.since
        clock.judge.setBlind(false)
        output.append(
            .blindEnded(from: UTCNanos(rawValue: gap.since), until: UTCNanos(rawValue: until)), at: clock)
    }

    /// A pair's snapshot is its last tick before the subscription: with all of them there, nothing is missing
    /// after the newest of them, nor after a heartbeat that came before.
    mutating func endBlindnessBySnapshots(_ clock: inout BrokerClock, _ output: inout FeedOutput) {
        guard case .blind(_, isAnswered: true) = sight else { return }
        guard session.hasBeat, !pairs.contains(where: { $0.sight.isOpening }) else { return }
        clock.reach(snapshot: newestSnapshot)
        endBlindness(&clock, &output)
    }

    private var newestSnapshot: Int64 { pairs.reduce(0) { max($0, $1.sight.newestSnapshot) } }

    /// A new session sees again: what lies between is missing for good.
    private mutating func endBlindness(_ clock: inout BrokerClock, _ output: inout FeedOutput) {
        guard case .blind(var since, _) = sight else { return }
        // The journal ended a little ahead of the truth: what was right then was so long ago.
        if clock.feedTime < since {
            since = max(0, min(since, clock.sureAtStart(clock.feedTime)) - FeedEvent.orderMargin)
        }
        // The pairs that the session does not show stay blind.
        for index in pairs.indices where !pairs[index].sight.isWhole { blindPair(index, since: since, clock, &output) }
        sight = .seeing
        clock.judge.setBlind(false)
        clock.raiseRecordToFeedTime()
        // At the newest snapshot's own moment there may have been other ticks before it. One that could not be taken may
        // be newer than the live tick that showed the feed's time.
        let unknown = pairs.contains(where: \.sight.hasUnknownSnapshot) ? FeedEvent.orderMargin : 0
        let until = max(since, clock.feedTime + unknown, newestSnapshot + 1)
        output.append(.blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: until)), at: clock)
        for index in pairs.indices {
            seePair(index, clock, &output)
            pairs[index].sight.hasUnknownSnapshot = false
        }
    }

    // MARK: Leaps of the broker's clock

    /// Believed times went on far ahead: nothing is known of what lies between.
    mutating func leapt(over from: Int64, to until: Int64, _ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        guard sight.isSeeing else { return sight.tear() }
        let since = UTCNanos(rawValue: max(0, from - FeedEvent.orderMargin))
        addHole(since..<UTCNanos(rawValue: until), clock, &output)
    }

    /// A stretch of which nothing is known, whatever is seen now.
    func addHole(_ hole: Range<UTCNanos>, _ clock: borrowing BrokerClock, _ output: inout FeedOutput) {
        let wasSince = sight.since.map(UTCNanos.init(rawValue:))
        output.append(.blindBegan(since: min(hole.lowerBound, wasSince ?? hole.lowerBound)), at: clock)
        output.append(.blindEnded(from: hole.lowerBound, until: hole.upperBound), at: clock)
        // In the dark it goes on.
        if let wasSince { output.append(.blindBegan(since: wasSince), at: clock) }
    }

    /// The clock was set back: nothing is known from `since` until now, `time`.
    mutating func setBack(
        to time: Int64, since: Int64, _ clock: borrowing BrokerClock, _ output: inout FeedOutput
    ) {
        lastRestated = time
        for index in pairs.indices { pairs[index].setBack(to: time, blindSince: since) }
        if sight.isSeeing {
            output.append(.blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: time)), at: clock)
        } else {
            sight.move(backTo: since)
        }
    }
}
