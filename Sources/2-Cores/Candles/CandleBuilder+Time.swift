internal import MarketData
internal import Wire

/// Feed time, and what closes by it.
extension CandleBuilder {
    mutating func foldClock(_ record: ClockRecord) {
        let time = record.brokerTime.rawValue
        guard FeedTime.isPlausible(time) else {
            counters.implausible += 1
            return
        }
        if feed.wasSetBack(by: time) { setBack(to: time) }
        feed.noteClock(time)
        if time > feed.newest {
            move(to: time, closingBy: record.isStandIn ? .localClock : [])
        }
    }

    /// Moves feed time as far as a tick may.
    /// - Returns: false if the tick is stamped impossibly far ahead.
    mutating func advance(to time: Int64) -> Bool {
        guard let reached = feed.reach(ofTick: time) else { return false }
        if reached > feed.newest { move(to: reached, closingBy: []) }
        return true
    }

    mutating func move(to time: Int64, closingBy flags: CandleFlags) {
        // A leap may be a wrong time: what it would forget is still needed if it is taken back.
        if time &- FeedTime.hour > feed.newest { nextPruning = time &+ FeedTime.hour }
        feed.newest = time
        if time >= nextClose { closeDue(by: flags) }
    }

    /// Closes every interval whose end and grace have passed.
    mutating func closeDue(by flags: CandleFlags) {
        var due: [(key: Key, candle: OpenCandle)] = []
        nextClose = .max
        for slot in open.indices where open[slot].start != OpenCandle.none {
            let key = key(ofSlot: slot)
            if isDue(key) {
                due.append((key, open[slot]))
                open[slot] = .empty
            }
        }
        for (key, candle) in pending where isDue(key) { due.append((key, candle)) }
        for (key, _) in due { pending[key] = nil }
        due.sort { order($0.key) < order($1.key) }
        for (key, candle) in due {
            var candle = candle
            candle.flags.formUnion(flags)
            close(candle, key)
        }
        if feed.newest >= nextPruning { prune() }
    }

    /// Whether the interval is over; notes when it will be if it is not.
    mutating func isDue(_ key: Key) -> Bool {
        let closes = closing(key)
        if closes > feed.newest { nextClose = min(nextClose, closes) }
        return closes <= feed.newest
    }

    /// The feed time at which the interval closes.
    func closing(_ key: Key) -> Int64 { key.start &+ lengths[key.timeframe] &+ grace }

    func order(_ key: Key) -> (Int64, Pair, Int64) {
        (key.start &+ lengths[key.timeframe], pairs.pairs[key.pair], lengths[key.timeframe])
    }

    mutating func prune() {
        let oldest = feed.newest &- lateReach
        final.forget { $0.start &+ lengths[$0.timeframe] < oldest }
        missing.forget(before: UTCNanos(rawValue: oldest &- (lengths.max() ?? 0)))
        nextPruning = feed.newest &+ FeedTime.hour
    }
}
