internal import MarketData
internal import Wire

/// The events by which the feed reports about itself.
extension CandleBuilder {
    /// A journal that does not begin with the feed's own word is blind before its first record.
    mutating func begin(_ record: TickEnvelope) {
        isFirst = false
        if record.position > 1 { return jump(to: record) }
        if case .blindBegan = record.feedEvent { return }
        missing.feedMissing(from: UTCNanos(rawValue: 0), until: record.brokerTime)
    }

    /// Positions that the journal lacks: whatever they held is not known, ticks or the feed's event of a loss.
    /// An event at the last of these positions reports the hole. If the feed is blind, the hole reaches back to where
    /// the blindness began, since the event of its end may be among them, and the blindness goes on until the next
    /// event.
    mutating func jump(to record: TickEnvelope) {
        let told = record.brokerTime.rawValue
        let time = max(0, feed.newest)
        // Some of them may be newer than the record by their time.
        let until = UTCNanos(rawValue: max(feed.believes(told) ? told : 0, time) &+ margin)
        let dark = missing.feed.since
        let from = UTCNanos(rawValue: max(0, min(time - margin, dark?.rawValue ?? .max)))
        position = record.position &- 1
        tell(.blindEnded(from: from, until: until), time, record.receiveTime)
        if dark != nil {
            tell(.blindBegan(since: until), time, record.receiveTime)
        } else {
            suspectSince = until
        }
    }

    /// Folds an event that the feed could not report.
    mutating func tell(_ event: FeedEvent, _ time: Int64, _ received: UTCNanos) {
        var told = FeedRecord(event, brokerTime: UTCNanos(rawValue: time), receiveTime: received)
        told.position = position
        foldEvent(told)
    }

    /// An event that comes only while the feed is blind shows that the event of the beginning is missing.
    mutating func expectDark(_ record: FeedRecord) {
        guard let since = suspectSince, missing.feed.since == nil else { return }
        tell(.blindBegan(since: since), record.brokerTime.rawValue, record.receiveTime)
    }

    mutating func foldEvent(_ record: FeedRecord) {
        let pair = record.pair
        switch record.event {
        case .blindBegan(let since):
            if pair == .none { suspectSince = nil }
            let earliest = min(since, missing.blindSince(pair) ?? since)
            missing.blindBegan(pair, since: since)
            reviseBlindness(pair, from: earliest.rawValue, until: .max)
        case .blindEnded(let from, let until):
            if pair == .none { suspectSince = nil }
            let darkest = max(until.rawValue, missing.blindSince(pair) == nil ? .min : .max)
            missing.blindEnded(pair, from: from, until: until)
            reviseBlindness(pair, from: from.rawValue, until: darkest)
            if pair == .none { reviseOwed() }
            // After a long silence ticks come before the first new clock.
            if pair == .none, feed.clock != nil, FeedTime.isPlausible(until.rawValue) { feed.noteClock(until.rawValue) }
        case .updatesLost(let count): lose(count, record)
        case .clockSetBack(_, let to): setBack(to: to.rawValue)
        case .sessionNew, .sessionReplaced, .sessionRecovered: expectDark(record)
        case .sessionPreserved, .instrumentRefused, .positionsSkipped, .subscriptionEnded, .updatesLimited,
            .subscriptionFrozen:
            break
        case .unknown: counters.unknownRecords += 1
        }
        output.append(PassedFeedRecord(record).envelope)
    }

    // MARK: What is learned after the close

    /// Revises the closed candles whose blind time is another one now.
    mutating func reviseBlindness(_ pair: Pair, from: Int64, until: Int64) {
        // No closed candle begins later, but for those that a wrong time made, which are settled.
        let latest = feed.newest == .min ? .max : feed.newest &+ (lengths.max() ?? 0)
        for key in closedKeys(pair, from: from, until: min(until, latest)) {
            guard let closed = final[key], !closed.isSettled else { continue }
            let blind = missing.blindMilliseconds(pairs.pairs[key.pair], interval(key))
            if blind != closed.blindMilliseconds { revise(key) { $0.blindMilliseconds = blind } }
        }
    }

    /// Revises the closed candles that took ticks in the dark.
    mutating func reviseOwed() {
        for key in owed.sorted(by: { order($0) < order($1) }) { revise(key) { _ in } }
        owed = []
    }

    /// The feed reports a loss late or early: only that it is newer than the pair's last tick is sure.
    mutating func lose(_ count: LossCount, _ record: FeedRecord) {
        // Of the heartbeat nothing is lost that a candle is made of.
        guard count > .zero, record.pair != .none else { return }
        let until = max(record.brokerTime, feedTime).rawValue
        let from = min(pairs.index(of: record.pair).map { lastTicks[$0].time } ?? .max, until)
        missing.lost(count, pair: record.pair, from: UTCNanos(rawValue: from), until: UTCNanos(rawValue: until))
        let earliest = from == .min ? from : from &- margin
        for key in closedKeys(record.pair, from: earliest, until: until &+ margin) {
            guard let closed = final[key], !closed.isSettled, closed.lost + count != closed.lost else { continue }
            revise(key) { $0.lost += count }
        }
    }

    mutating func revise(_ key: Key, _ change: (inout ClosedCandle) -> Void) {
        guard var closed = final[key] else { return }
        change(&closed)
        closed.candle.countRevision()
        emit(closed, key)
    }

    /// The closed candles of a pair, or of all, whose intervals `[start, end]` touch `[from, until]`, in the order of
    /// output. In time linear in their number: a storm of losses touches the same few.
    func closedKeys(_ pair: Pair, from: Int64, until: Int64) -> [Key] {
        let numbers = pair == .none ? Array(pairs.pairs.indices) : pairs.index(of: pair).map { [$0] } ?? []
        func touches(_ key: Key) -> Bool {
            key.start <= until && key.start &+ lengths[key.timeframe] >= from
        }
        let shortest = lengths.min() ?? 1
        let span = until.subtractingReportingOverflow(from)
        let isWide = span.overflow || span.partialValue / shortest >= final.count
        let keys: [Key]
        if isWide {
            keys = final.keys.filter { (pair == .none || $0.pair == numbers.first) && touches($0) }
        } else {
            keys = numbers.flatMap { number in
                lengths.indices.flatMap { index -> [Key] in
                    let first = key(number, index, max(0, from &- lengths[index])).start
                    return stride(from: first, through: until, by: Int(lengths[index])).compactMap {
                        let key = Key(pair: number, timeframe: index, start: $0)
                        return final[key] != nil && touches(key) ? key : nil
                    }
                }
            }
        }
        return keys.sorted { order($0) < order($1) }
    }

    // MARK: A wrong time is taken back

    /// The broker's time was wrong and ahead, and is `time`. What was closed by it goes on: an interval that has
    /// begun takes further ticks; one that has not was made of ticks with wrong times, and begins anew.
    mutating func setBack(to time: Int64) {
        guard FeedTime.isPlausible(time), time < max(feed.newest, feed.clock ?? .min) else { return }
        counters.clocksSetBack += 1
        missing.cut(at: UTCNanos(rawValue: time))
        for slot in open.indices where open[slot].start >= time { open[slot] = .empty }
        begun = Array(repeating: .min, count: begun.count)
        pending = pending.filter { $0.key.start < time }
        let early = final.keys.filter { $0.start >= time && final[$0]?.isSettled == false }
        for key in early.sorted(by: { order($0) < order($1) }) { revise(key) { $0.isVoid = true } }
        for index in lastTicks.indices where lastTicks[index].time > time {
            lastTicks[index].time = time
            lastTicks[index].position = 0
        }
        feed.setBack(to: time)
        nextPruning = time &+ FeedTime.hour
        nextClose = .max
        for slot in open.indices where open[slot].start != OpenCandle.none {
            nextClose = min(nextClose, closing(key(ofSlot: slot)))
        }
        for key in pending.keys { nextClose = min(nextClose, closing(key)) }
    }
}
