public import MarketData
public import Wire

/// Folds the `ticks` stream into candles: a function of its records alone, so that the same journal gives
/// the same candles, byte for byte, apart from publish time and position.
///
/// An interval closes when feed time reaches its end plus the grace; feed time is the newest of the clock
/// records and the ticks. A later tick of a closed interval makes a new revision. Candles that close by
/// the same record come in the order of interval end, pair, timeframe. Source: docs/architecture.md § Candles.
public struct CandleBuilder {
    public struct Options: Sendable {
        public var timeframes: [Timeframe] = [.fiveMinutes, .fifteenMinutes]
        /// How long after its end an interval waits for late ticks.
        public var graceNanos: Int64 = 2 * UTCNanos.perSecond
        /// How long after its end a candle can still get a new revision.
        public var lateReachNanos: Int64 = 86_400 * UTCNanos.perSecond
        public init() {}
    }

    public struct Counters: Hashable, Sendable, Encodable {
        public var ticks: UInt64 = 0
        /// Snapshots that only repeat the pair's last tick, or an older one.
        public var duplicates: UInt64 = 0
        /// Ticks without bid or ask: they do not move candles.
        public var sideMissing: UInt64 = 0
        /// Ticks with the ask below the bid: kept as they came.
        public var inverted: UInt64 = 0
        /// Ticks after their candle was final, each a new revision.
        public var late: UInt64 = 0
        /// Late ticks beyond the reach, left out.
        public var tooLate: UInt64 = 0
        /// Ticks and clocks before 1970, after 2200, or more than a day ahead of the feed's clock: left out.
        public var implausible: UInt64 = 0
        public var candles: UInt64 = 0
        public var unknownRecords: UInt64 = 0
    }

    public private(set) var counters = Counters()
    /// The newest time that the feed has told.
    public private(set) var feedTime = UTCNanos(rawValue: .min)
    /// What became final, and the feed events in their place between. The caller takes them away.
    public var output: [CandleRecord] = []

    private let options: Options
    private let lengths: [Int64]
    private var pairs = PairTable()
    /// `pairs.count * lengths.count` candles that take ticks.
    private var open: [OpenCandle] = []
    /// The pair's last tick: to know a snapshot that only repeats it.
    private var lastTicks: [LastTick] = []
    /// Candles whose interval ended and whose grace did not.
    private var pending: [Key: OpenCandle] = [:]
    /// Final candles within the reach of late ticks.
    private var final: [Key: OpenCandle] = [:]
    private var evidence = Evidence()
    /// Since when it may be dark without the feed's word: that may have been among positions that are missing.
    private var suspectSince: Int64?
    /// The earliest feed time at which something closes.
    private var nextClose = Int64.max
    private var clock: Int64?
    private var isFirst = true
    private var nextPruning = Int64.min
    private var position: UInt64 = 0

    private struct LastTick {
        var time = Int64.min
        var bid: Int64 = 0
        var ask: Int64 = 0
    }

    private struct Key: Hashable {
        let pair: Int
        let timeframe: Int
        let start: Int64
    }

    private static let day = 86_400 * UTCNanos.perSecond

    /// 1970 to 2200: outside of it, interval arithmetic could leave 64 bits.
    private static func isPlausible(_ time: Int64) -> Bool {
        UInt64(bitPattern: time) < 7_258_118_400_000_000_000
    }

    public init(options: Options) {
        precondition(!options.timeframes.isEmpty)
        self.options = options
        lengths = options.timeframes.map(\.nanos)
    }

    /// Takes a run of records, as their bytes.
    public mutating func fold(_ records: UnsafeRawBufferPointer) {
        for offset in stride(from: 0, to: records.count, by: TickRecord.byteCount) {
            fold(records.loadUnaligned(fromByteOffset: offset, as: TickRecord.self))
        }
    }

    /// Takes the next record of the stream.
    @inline(__always)
    public mutating func fold(_ record: TickRecord) {
        if isFirst { begin(record) } else if record.position != position &+ 1 { jump(to: record) }
        position = record.position
        switch record.kind {
        case .tick: foldTick(record)
        case .clock: foldClock(record)
        case .feed: foldEvent(record)
        default: counters.unknownRecords += 1
        }
    }

    // MARK: Ticks

    private mutating func foldTick(_ tick: TickRecord) {
        let time = tick.brokerTime.rawValue
        guard Self.isPlausible(time) else {
            counters.implausible += 1
            return
        }
        if time > feedTime.rawValue, !advance(to: time) {
            counters.implausible += 1
            return evidence.lost(1, pair: tick.pair, from: feedTime.rawValue, until: feedTime.rawValue)
        }
        let pair = pairs.index(of: tick.pair) ?? add(tick.pair)
        let bid = tick.bid.rawValue
        let ask = tick.ask.rawValue
        if tick.flags.rawValue != 0, !counts(tick, pair) { return }
        lastTicks[pair] = LastTick(time: time, bid: bid, ask: ask)
        counters.ticks &+= 1
        if ask < bid { counters.inverted &+= 1 }
        let base = pair &* lengths.count
        for index in lengths.indices {
            let offset = UInt64(bitPattern: time &- open[base &+ index].start)
            if offset < UInt64(bitPattern: lengths[index]) {
                open[base &+ index].fold(time: time, bid: bid, ask: ask)
            } else {
                foldElsewhere(Key(pair: pair, timeframe: index, start: start(of: time, lengths[index])), time, bid, ask)
            }
        }
    }

    /// Whether a flagged tick moves candles.
    private mutating func counts(_ tick: TickRecord, _ pair: Int) -> Bool {
        if tick.flags.contains(.bidMissing) || tick.flags.contains(.askMissing) {
            counters.sideMissing += 1
            return false
        }
        let last = lastTicks[pair]
        let time = tick.brokerTime.rawValue
        let isOld =
            last.time > time
            || last.time == time && last.bid == tick.bid.rawValue && last.ask == tick.ask.rawValue
        if tick.flags.contains(.duplicate) || tick.flags.contains(.snapshot) && isOld {
            counters.duplicates += 1
            return false
        }
        return true
    }

    /// A tick that does not belong to its pair's open candle.
    private mutating func foldElsewhere(_ key: Key, _ time: Int64, _ bid: Int64, _ ask: Int64) {
        let closes = key.start &+ lengths[key.timeframe] &+ options.graceNanos
        if closes <= feedTime.rawValue { return foldLate(key, time, bid, ask) }
        let slot = key.pair * lengths.count + key.timeframe
        let present = open[slot].start
        if present == OpenCandle.none || key.start > present {
            if present != OpenCandle.none {
                pending[Key(pair: key.pair, timeframe: key.timeframe, start: present)] = open[slot]
            }
            open[slot] = OpenCandle(start: key.start, time: time, bid: bid, ask: ask)
        } else if pending[key] != nil {
            pending[key]?.fold(time: time, bid: bid, ask: ask)
        } else {
            pending[key] = OpenCandle(start: key.start, time: time, bid: bid, ask: ask)
        }
        nextClose = min(nextClose, closes)
    }

    /// A tick of an interval that is final: a new revision, or the first candle of a silent interval.
    private mutating func foldLate(_ key: Key, _ time: Int64, _ bid: Int64, _ ask: Int64) {
        guard key.start &+ lengths[key.timeframe] >= feedTime.rawValue &- options.lateReachNanos else {
            counters.tooLate += 1
            return
        }
        counters.late += 1
        var candle = OpenCandle(start: key.start, time: time, bid: bid, ask: ask)
        if let former = final[key] {
            candle = former
            candle.fold(time: time, bid: bid, ask: ask)
            candle.countRevision()
        }
        candle.flags.insert(.late)
        emit(candle, key)
    }

    private mutating func add(_ pair: Pair) -> Int {
        open += Array(repeating: .empty, count: lengths.count)
        lastTicks.append(LastTick())
        return pairs.add(pair)
    }

    // MARK: Time

    private mutating func foldClock(_ record: TickRecord) {
        let time = record.brokerTime.rawValue
        guard Self.isPlausible(time) else {
            counters.implausible += 1
            return
        }
        clock = max(clock ?? time, time)
        if time > feedTime.rawValue {
            feedTime = record.brokerTime
            closeDue(by: record.flags.contains(.localClock) ? .localClock : [])
        }
    }

    /// Moves feed time to a tick's.
    /// - Returns: false where the tick is stamped impossibly far ahead.
    private mutating func advance(to time: Int64) -> Bool {
        if let clock, time > clock &+ Self.day {
            return false
        }
        feedTime = UTCNanos(rawValue: time)
        closeDue(by: [])
        return true
    }

    /// Closes every interval whose end and grace have passed.
    private mutating func closeDue(by flags: CandleFlags) {
        guard feedTime.rawValue >= nextClose else { return }
        var due: [(key: Key, candle: OpenCandle)] = []
        nextClose = .max
        for slot in open.indices where open[slot].start != OpenCandle.none {
            let key = Key(pair: slot / lengths.count, timeframe: slot % lengths.count, start: open[slot].start)
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
            emit(candle, key)
        }
        if feedTime.rawValue >= nextPruning { prune() }
    }

    /// Whether the interval is over; notes when it will be where it is not.
    private mutating func isDue(_ key: Key) -> Bool {
        let closes = key.start &+ lengths[key.timeframe] &+ options.graceNanos
        if closes > feedTime.rawValue { nextClose = min(nextClose, closes) }
        return closes <= feedTime.rawValue
    }

    private func order(_ key: Key) -> (Int64, Pair, Int64) {
        (key.start &+ lengths[key.timeframe], pairs.pairs[key.pair], lengths[key.timeframe])
    }

    private mutating func prune() {
        let oldest = feedTime.rawValue &- options.lateReachNanos
        final = final.filter { $0.key.start &+ lengths[$0.key.timeframe] >= oldest }
        evidence.forget(before: oldest &- (lengths.max() ?? 0))
        nextPruning = feedTime.rawValue &+ 3_600 * UTCNanos.perSecond
    }

    // MARK: Output

    private mutating func emit(_ candle: OpenCandle, _ key: Key) {
        counters.candles += 1
        var record = candle.record(pair: pairs.pairs[key.pair], timeframe: options.timeframes[key.timeframe])
        (record.blindMilliseconds, record.lostUpdates) = doubts(key, evidence)
        if record.blindMilliseconds > 0 || record.lostUpdates > 0 {
            // Whether an earlier revision was shown as whole is not known here: the journal may have lost since
            // what it was made of.
            record.flags.formUnion(candle.revision > 1 ? [.partial, .withdrawn] : .partial)
        }
        record.inputPosition = position
        final[key] = candle
        output.append(record)
    }

    /// Blind milliseconds and lost updates of a candle.
    private func doubts(_ key: Key, _ evidence: Evidence) -> (UInt32, UInt32) {
        let interval = key.start..<(key.start &+ lengths[key.timeframe])
        return (
            evidence.blindMilliseconds(interval),
            evidence.lostUpdates(pairs.pairs[key.pair], interval, grace: options.graceNanos)
        )
    }

    // MARK: Events of the feed

    /// A journal that does not begin with the feed's own word is blind before its first record.
    private mutating func begin(_ record: TickRecord) {
        isFirst = false
        if record.position > 1 { return jump(to: record) }
        if case .blindBegan = record.feedEvent { return }
        evidence.missing(from: 0, until: record.brokerTime.rawValue)
    }

    /// Positions that the journal lacks: whatever they held is not known, ticks or the feed's word about a loss.
    /// The hole is told as an event at the last of these positions. In the dark it reaches back to where that began,
    /// since the word that it ended may be among them, and it is told to go on until the next word.
    private mutating func jump(to record: TickRecord) {
        let margin = max(FeedEvent.orderMargin, options.graceNanos)
        let told = record.brokerTime.rawValue
        let isBelieved = Self.isPlausible(told) && told < (clock ?? told) &+ Self.day
        let time = max(0, feedTime.rawValue)
        // Some of them may be newer than the record by their time.
        let until = max(isBelieved ? told : 0, time) &+ margin
        let dark = evidence.blindSince
        let from = max(0, min(time - margin, dark ?? .max))
        position = record.position &- 1
        tell(.blindEnded(from: UTCNanos(rawValue: from), until: UTCNanos(rawValue: until)), time, record)
        if dark != nil {
            tell(.blindBegan(since: UTCNanos(rawValue: until)), time, record)
        } else {
            suspectSince = until
        }
    }

    /// Folds an event that the feed could not tell.
    private mutating func tell(_ event: FeedEvent, _ time: Int64, _ next: TickRecord) {
        var told = TickRecord.feed(event, brokerTime: UTCNanos(rawValue: time), receiveTime: next.receiveTime)
        told.position = position
        foldEvent(told)
    }

    /// What only comes in the dark shows that the word of its beginning is missing.
    private mutating func expectDark(_ record: TickRecord) {
        guard let since = suspectSince, evidence.blindSince == nil else { return }
        tell(.blindBegan(since: UTCNanos(rawValue: since)), record.brokerTime.rawValue, record)
    }

    private mutating func foldEvent(_ record: TickRecord) {
        switch record.feedEvent {
        case .blindBegan(let since):
            suspectSince = nil
            let earliest = min(since.rawValue, evidence.blindSince ?? .max)
            learn(after: earliest) { $0.blindBegan(since: since.rawValue) }
        case .blindEnded(let from, let until):
            suspectSince = nil
            learn(after: from.rawValue) { $0.blindEnded(from: from.rawValue, until: until.rawValue) }
            // After a long silence ticks come before the first new clock.
            if let clock, Self.isPlausible(until.rawValue) { self.clock = max(clock, until.rawValue) }
        case .updatesLost(let count):
            let until = max(record.brokerTime, feedTime).rawValue
            // Told late or early: only that it is newer than the pair's last tick is sure.
            let from = min(pairs.index(of: record.pair).map { lastTicks[$0].time } ?? .max, until)
            learn(after: from) { $0.lost(Int64(count.rawValue), pair: record.pair, from: from, until: until) }
        case .sessionNew, .sessionReplaced, .sessionRecovered: expectDark(record)
        case .sessionPreserved, .instrumentRefused, .positionsSkipped, .subscriptionEnded, .updatesLimited,
            .subscriptionFrozen, .clockSetBack:
            break
        case nil: counters.unknownRecords += 1
        }
        output.append(.feed(record))
    }

    /// Takes in what the feed tells about what was not seen, and revises the closed candles that it touches.
    /// - Parameter moment: candles whose grace was over before it are not touched.
    private mutating func learn(after moment: Int64, _ change: (inout Evidence) -> Void) {
        let before = evidence
        change(&evidence)
        let reach = moment == .min ? moment : moment &- options.graceNanos
        let touched = final.filter { key, candle in
            key.start &+ lengths[key.timeframe] >= reach && doubts(key, before) != doubts(key, evidence)
        }
        for (key, candle) in touched.sorted(by: { order($0.key) < order($1.key) }) {
            var candle = candle
            candle.countRevision()
            emit(candle, key)
        }
    }

    private func start(of time: Int64, _ length: Int64) -> Int64 {
        time &- time % length
    }
}
