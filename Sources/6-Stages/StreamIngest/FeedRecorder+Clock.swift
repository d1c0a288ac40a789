internal import MarketData
internal import Wire

/// What leaps of the broker's clock and long silence of single pairs mean for what is seen. Source:
/// docs/architecture.md §§ Times, Sight.
extension FeedRecorder {
    /// While an outside clock agrees with the feed's time: what was believed before a leap, and no clock agreed with, was
    /// wrong. Ticks went into intervals that were over.
    mutating func noteAgreement() {
        guard judge.isConfirmed, feedTime > 0 else { return }
        for era in doubtfulEras where era.upperBound <= feedTime {
            tellHole(from: era.lowerBound, until: era.upperBound)
        }
        (sureUntil, eraStart, doubtfulEras) = (feedTime, nil, [])
    }

    /// The first believed time, or believed times go on far ahead: nothing is known of what lies between.
    mutating func leap(to time: Int64) {
        guard feedTime > 0 else {
            // The journal may end with a time that was wrong.
            if time < lastClock - Self.wrongTail { setBack(to: time) }
            return beginEra(at: time)
        }
        counters.clockLeaps += 1
        guard time > feedTime else { return }
        let since = judge.isConfirmed && eraStart != nil ? min(sureUntil ?? feedTime, time) : feedTime
        beginEra(at: time)
        guard sight == .seeing else {
            isHole = true
            return
        }
        tellHole(from: max(0, since - FeedEvent.orderMargin), until: time)
    }

    private mutating func beginEra(at time: Int64) {
        if let eraStart, feedTime >= eraStart, doubtfulEras.count < Self.erasMax {
            doubtfulEras.append(eraStart..<(feedTime + 1))
        }
        (eraStart, eraBegan) = (time, monotonic)
    }

    private static var erasMax: Int { 100 }

    private mutating func tellHole(from: Int64, until: Int64) {
        let wasSince = sight.since
        append(.blindBegan(since: UTCNanos(rawValue: min(from, wasSince ?? .max))))
        append(.blindEnded(from: UTCNanos(rawValue: from), until: UTCNanos(rawValue: until)))
        // In the dark it goes on.
        if let wasSince { append(.blindBegan(since: UTCNanos(rawValue: wasSince))) }
    }

    /// What was believed was ahead of the truth: nothing is known from the last moment that was sure until now.
    mutating func setBack(to time: Int64) {
        counters.clocksSetBack += 1
        let newest = UTCNanos(rawValue: max(feedTime, lastClock))
        let since = max(0, min(sureUntil ?? sureAtStart(time), time) - FeedEvent.orderMargin)
        append(.blindBegan(since: UTCNanos(rawValue: since)))
        append(.clockSetBack(from: newest, to: UTCNanos(rawValue: time)))
        beginEra(at: time)
        (feedTime, lastClock, lastRestated) = (time, time, time)
        lastTold = TimeJudge.Told(time: time, monotonic: monotonic)
        for index in items.indices { items[index].setBack(to: time, blindSince: since) }
        if sight == .seeing {
            append(.blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: time)))
        } else {
            sight = sight.moved(backTo: since)
        }
    }

    /// No outside clock ever agreed. What is right now was so at the beginning of what was believed, or when the journal's
    /// last record was received.
    func sureAtStart(_ time: Int64) -> Int64 {
        if feedTime > 0 { return time - (monotonic - eraBegan) }
        return lastReceived.rawValue > 0 ? time - max(0, receiveTime.rawValue - lastReceived.rawValue) : 0
    }

    /// How far ahead of the first believed time the journal's end may be: a clock that stood in ran on a little.
    static var wrongTail: Int64 { 60 * UTCNanos.perSecond }

    // MARK: Pairs that fall silent

    /// A pair that was silent for so long is subscribed to anew, to see whether the subscription is dead.
    private static var heartbeatPatience: Int64 { 60 * UTCNanos.perSecond }
    static var quietMin: Int64 { 90 * UTCNanos.perSecond }
    private static var quietMax: Int64 { 1_800 * UTCNanos.perSecond }

    /// The market opens: what was silent while it was shut is looked at only now.
    mutating func beginLooks() {
        for index in items.indices { items[index].postponeLook(monotonic) }
    }

    /// The subscription of a pair that is to be renewed: the market is open, and nothing came for long. Each look is
    /// twice as far from the last tick as the one before.
    mutating func takeSilentSubscription() -> Int? {
        // The broker allows 40 items, the heartbeat among them.
        guard items.count < StreamIngest.instrumentsMax else { return nil }
        if hasHeartbeat, monotonic - max(lastHeartbeat, heartbeatLook) >= Self.heartbeatPatience {
            heartbeatLook = monotonic
            return 0
        }
        if !suspects.isEmpty { return suspects.removeFirst() }
        guard sight == .seeing, TradingWeek.isOpen(at: UTCNanos(rawValue: feedTime).seconds) else { return nil }
        let silent = items.firstIndex {
            $0.nextLook <= monotonic && $0.sight.mayBeFrozen
        }
        guard let silent else { return nil }
        let silence = monotonic - items[silent].nextLook + items[silent].patience
        items[silent].patience = min(max(Self.quietMin, silence * 2), Self.quietMax)
        items[silent].nextLook = monotonic + items[silent].patience
        return silent + 1
    }
}

extension FeedRecorder.Item {
    /// The broker's time is set back: no tick can be newer.
    fileprivate mutating func setBack(to moment: Int64, blindSince: Int64) {
        time = min(time, moment)
        sight.newestSnapshot = min(sight.newestSnapshot, moment)
        if let since = sight.blindSince { sight.blindSince = min(since, blindSince) }
    }
}
