public import MarketData
public import Wire

/// Folds the `ticks` stream into candles: a function of its records alone, so that the same journal gives
/// the same candles, byte for byte, apart from publish time and position.
///
/// An interval closes by the pair's own next tick (`Options.closesByNextTick`), or when feed time reaches its end plus the
/// grace; feed time is the newest of the clock records and the ticks, of which none moves it further than the order
/// margin beyond the last clock. A later tick of a closed interval makes a new revision. Candles that close by the same
/// clock come in the order of interval end, pair, timeframe. Source: docs/architecture.md § Candles.
public struct CandleBuilder {
    public struct Options: Sendable {
        public var timeframes: [Timeframe] = [.fiveMinutes, .fifteenMinutes]
        /// A pair's interval closes by the pair's own first tick at or beyond its end, if that comes before the grace is
        /// over.
        public var closesByNextTick = true
        /// How long after its end an interval waits for late ticks.
        public var grace: Duration = .milliseconds(500)
        /// How long after its end a candle can still get a new revision.
        public var lateReach: Duration = .seconds(86_400)
        public init() {}
    }

    public internal(set) var counters = Counters()
    /// The newest time that the feed has reported.
    public var feedTime: UTCNanos { UTCNanos(rawValue: feed.newest) }
    /// What became final, and the feed events in their place between. The caller takes them away.
    public var output: [CandleEnvelope] = []

    let timeframes: [Timeframe]
    // Nanoseconds: plain integers, since each tick adds them.
    let lengths: [Int64]
    let grace, lateReach: Int64
    let closesByNextTick: Bool
    /// How far what is missing may lie beyond the times that the feed reported: ticks come out of order by so much.
    let margin: Int64
    var pairs = PairTable()
    /// `pairs.count * lengths.count` candles that take ticks.
    var open: [OpenCandle] = []
    /// Of each slot of `open`: the start of the newest interval that a change began. The intervals before it are over.
    var begun: [Int64] = []
    /// The pair's last tick: to know a snapshot that only repeats it.
    var lastTicks: [LastTick] = []
    /// Candles whose interval ended and whose grace did not.
    var pending: [Key: OpenCandle] = [:]
    /// Final candles within the reach of late ticks.
    var final = ClosedCandles()
    /// Those whose late ticks have no revision yet.
    var owed: Set<Key> = []
    var missing = MissingData()
    /// Since when it may be dark without the feed's word: that may have been among positions that are missing.
    var suspectSince: UTCNanos?
    /// The earliest feed time at which something closes.
    var nextClose = Int64.max
    var feed = FeedTime()
    var isFirst = true
    var nextPruning = Int64.min
    var position: UInt64 = 0

    struct Key: Hashable {
        let pair: Int
        let timeframe: Int
        let start: Int64
    }

    public init(options: Options) {
        precondition(!options.timeframes.isEmpty)
        timeframes = options.timeframes
        lengths = timeframes.map(\.nanos)
        (grace, lateReach) = (options.grace.nanoseconds, options.lateReach.nanoseconds)
        closesByNextTick = options.closesByNextTick
        margin = max(FeedEvent.orderMargin, grace)
    }

    /// Takes a run of records, as their bytes.
    public mutating func fold(_ records: UnsafeRawBufferPointer) {
        for offset in stride(from: 0, to: records.count, by: TickEnvelope.byteCount) {
            fold(records.loadUnaligned(fromByteOffset: offset, as: TickEnvelope.self))
        }
    }

    /// Takes the next record of the stream.
    @inline(__always)
    public mutating func fold(_ record: TickEnvelope) {
        if isFirst { begin(record) } else if record.position != position &+ 1 { jump(to: record) }
        position = record.position
        switch record.content {
        case .tick(let tick): foldTick(tick)
        case .clock(let clock): foldClock(clock)
        case .feed(let feed): foldEvent(feed)
        case .unknown: counters.unknownRecords += 1
        }
    }

    // MARK: Ticks

    @inline(__always)
    mutating func foldTick(_ tick: TickRecord) {
        let time = tick.brokerTime.rawValue
        guard FeedTime.isPlausible(time) else {
            counters.implausible += 1
            return
        }
        if time > feed.newest, !advance(to: time) {
            counters.implausible += 1
            return missing.lost(1, pair: tick.pair, from: feedTime, until: feedTime)
        }
        let pair = pairs.index(of: tick.pair) ?? add(tick.pair)
        let bid = tick.bid.rawValue
        let ask = tick.ask.rawValue
        let last = LastTick(tick)
        if tick.flags.rawValue != 0, !counts(last, tick.flags, pair) { return }
        lastTicks[pair] = last
        counters.ticks &+= 1
        if !tick.flags.isDisjoint(with: .sideMissing) { return foldOneSided(Quote(tick), pair, tick.flags) }
        if ask < bid { counters.inverted &+= 1 }
        if foldInPlace(pair, time: time, bid: bid, ask: ask) { return }
        for index in lengths.indices {
            let key = key(pair, index, time)
            if open[pair &* lengths.count &+ index].start != key.start { foldElsewhere(key, Quote(tick), tick.flags) }
        }
    }

    /// Takes a tick with both sides into those of its pair's open candles that it belongs to.
    /// - Returns: whether these are all.
    @inline(__always)
    mutating func foldInPlace(_ pair: Int, time: Int64, bid: Int64, ask: Int64) -> Bool {
        let base = pair &* lengths.count
        var isAll = true
        open.withUnsafeMutableBufferPointer { open in
            for index in lengths.indices {
                let offset = UInt64(bitPattern: time &- open[base &+ index].start)
                if offset < UInt64(bitPattern: lengths[index]) {
                    open[base &+ index].fold(time: time, bid: bid, ask: ask)
                } else {
                    isAll = false
                }
            }
        }
        return isAll
    }

    mutating func foldOneSided(_ quote: Quote, _ pair: Int, _ flags: TickFlags) {
        counters.oneSided += 1
        for index in lengths.indices {
            let key = key(pair, index, quote.time)
            let slot = pair * lengths.count + index
            if open[slot].start == key.start { open[slot].fold(quote) } else { foldElsewhere(key, quote, flags) }
        }
    }

    func key(_ pair: Int, _ timeframe: Int, _ time: Int64) -> Key {
        Key(pair: pair, timeframe: timeframe, start: time &- time % lengths[timeframe])
    }

    /// The interval of a slot's open candle.
    func key(ofSlot slot: Int) -> Key {
        Key(pair: slot / lengths.count, timeframe: slot % lengths.count, start: open[slot].start)
    }

    /// Whether a flagged tick moves candles.
    mutating func counts(_ tick: LastTick, _ flags: TickFlags, _ pair: Int) -> Bool {
        if flags.isSuperset(of: .sideMissing) {
            counters.sideMissing += 1
            return false
        }
        if flags.contains(.duplicate) || flags.contains(.snapshot) && lastTicks[pair].covers(tick) {
            counters.duplicates += 1
            return false
        }
        return true
    }

    /// A tick that does not belong to its pair's open candle.
    mutating func foldElsewhere(_ key: Key, _ quote: Quote, _ flags: TickFlags) {
        let closes = closing(key)
        let slot = key.pair * lengths.count + key.timeframe
        if closes <= feed.newest || key.start < begun[slot] && pending[key] == nil { return foldLate(key, quote) }
        let present = open[slot].start
        if present == OpenCandle.none || key.start > present {
            let endsFormer = endsFormer(key, flags)
            if present != OpenCandle.none { leave(slot, isOver: endsFormer) }
            if endsFormer { begun[slot] = key.start }
            open[slot] = opened(key, quote)
        } else if pending[key] != nil {
            pending[key]?.fold(quote)
        } else {
            pending[key] = opened(key, quote)
        }
        nextClose = min(nextClose, closes)
    }

    /// Whether a pair's first tick of an interval ends the intervals before it: the broker sends an item's updates in
    /// their order. A snapshot is no change, in the dark more may come, and a tick ahead of the feed may be wrong.
    func endsFormer(_ key: Key, _ flags: TickFlags) -> Bool {
        closesByNextTick && !flags.contains(.snapshot) && key.start <= feed.newest
            && missing.blindSince(.none) == nil && missing.blindSince(pairs.pairs[key.pair]) == nil
    }

    /// The pair's ticks go on in a later interval than that of the slot's candle.
    mutating func leave(_ slot: Int, isOver: Bool) {
        let key = key(ofSlot: slot)
        if isOver { close(open[slot], key) } else { pending[key] = open[slot] }
    }

    /// A candle of one tick. After the clock was set back it may have been closed before its time.
    mutating func opened(_ key: Key, _ quote: Quote) -> OpenCandle {
        final.remove(key)?.reopened(by: quote) ?? OpenCandle(start: key.start, quote)
    }

    /// A tick of an interval that is final: a new revision, or the first candle of a silent interval.
    mutating func foldLate(_ key: Key, _ quote: Quote) {
        guard key.start &+ lengths[key.timeframe] >= feed.newest &- lateReach else {
            counters.tooLate += 1
            return
        }
        counters.late += 1
        guard var closed = final[key], !closed.isVoid else {
            var candle = opened(key, quote)
            candle.flags.insert(.late)
            return close(candle, key)
        }
        if closed.candle.isExhausted { return }
        closed.takeLate(quote)
        // In the dark the candle is partial, and many ticks may be sent again: they make one revision at its end.
        if missing.blindSince(.none) != nil {
            final.put(closed, key)
            owed.insert(key)
        } else {
            closed.candle.countRevision()
            emit(closed, key)
        }
    }

    mutating func add(_ pair: Pair) -> Int {
        open += Array(repeating: .empty, count: lengths.count)
        begun += Array(repeating: .min, count: lengths.count)
        lastTicks.append(LastTick())
        return pairs.add(pair)
    }

    // MARK: Output

    func interval(_ key: Key) -> Range<UTCNanos> {
        UTCNanos(rawValue: key.start)..<UTCNanos(rawValue: key.start &+ lengths[key.timeframe])
    }

    /// Emits a candle whose interval was not closed before.
    mutating func close(_ candle: OpenCandle, _ key: Key) {
        emit(closed(candle, key, seen: interval(key)), key)
    }

    /// A candle with what is known to be missing from it.
    /// - Parameter seen: the part of its interval that is over.
    func closed(_ candle: OpenCandle, _ key: Key, seen: Range<UTCNanos>) -> ClosedCandle {
        let pair = pairs.pairs[key.pair]
        return ClosedCandle(
            candle: candle, blindMilliseconds: missing.blindMilliseconds(pair, seen),
            lost: missing.lostUpdates(pair, interval(key), margin: margin))
    }

    mutating func emit(_ closed: ClosedCandle, _ key: Key) {
        counters.candles += 1
        var record = closed.record(pair: pairs.pairs[key.pair], timeframe: timeframes[key.timeframe])
        record.inputPosition = position
        final.put(closed, key)
        owed.remove(key)
        output.append(record.envelope)
    }
}
