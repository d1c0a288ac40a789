internal import MarketData
internal import TLCP
internal import Wire

/// Turns what a Lightstreamer session delivers into records of the `ticks` stream: ticks, the feed's time
/// and the feed's events. Owns no socket, no journal and no clock: it is told what time it is.
///
/// Subscription 0 is the heartbeat; subscription n is the tick item of instrument n − 1.
struct FeedRecorder: SessionSink {
    /// An instrument as the hot path needs it, with its last tick.
    private struct Item {
        let pair: Pair
        let pointShift: Int
        var time: Int64 = 0
        var bid: Int64 = 0
        var ask: Int64 = 0

        init(_ instrument: Instrument) {
            pair = instrument.pair
            pointShift = instrument.pointShift
        }
    }

    /// How much of the feed is seen. The times are feed time: since when nothing is known.
    enum Sight: Hashable {
        case seeing
        /// The connection is silent or stalled; if it goes on, nothing is missing.
        case silent(since: Int64)
        /// The connection is cut; if the session is recovered, nothing is missing.
        case cut(since: Int64)
        /// No session, or not all of its subscriptions are answered yet.
        case blind(since: Int64)
    }

    /// A moment that the broker told, and when we heard it.
    private struct Told {
        let time: Int64
        let monotonic: Int64
    }

    private(set) var counters = RecorderCounters()
    /// What is to be appended to the stream, in order; the owner takes it away.
    var records: [TickRecord] = []
    /// Events that the owner must act on or log, in order; it takes them away.
    var events: [SessionEvent] = []

    /// The newest time told by a heartbeat or a live tick; 0 before the first. ns since 1970.
    private(set) var feedTime: Int64
    private(set) var sight: Sight

    private let instruments: [Instrument]
    private var items: [Item]
    private var receiveTime = UTCNanos(rawValue: 0)
    private var monotonic: Int64 = 0
    private var lastBytes: Int64 = 0
    private var lastClock: Int64 = 0
    private var heartbeat: Told?
    /// The newest time of heartbeats and live ticks: the stand-in clock runs on from it.
    private var lastTold = Told(time: 0, monotonic: 0)
    /// Monotonic time of the first of them.
    private var firstTold: Int64 = 0
    /// The last heartbeat's time, believed or not.
    private var leap: Int64 = 0
    /// The last tick time that was too far ahead.
    private var tickLeap: Int64 = 0
    private var isReplacement = false
    private var hasBegun = false
    /// The last heartbeat of the present session.
    private var sessionHeartbeat: Told?
    /// Tick items that are subscribed and whose snapshot is not complete.
    private var openSnapshots: Set<Int> = []
    /// The newest time in the present session's snapshots: nothing of the pair came between it and them.
    private var newestSnapshot: Int64 = 0
    /// Every subscription is answered: the blindness ends when all snapshots are complete, or with the
    /// first time that is told.
    private var endsBlindness = false
    /// The connection goes on, or the session is recovered: what was missing has come once feed time
    /// passes the last clock record.
    private var seesAgain = false

    /// Silence of the heartbeat after which the local clock stands in (docs/architecture.md § Candles).
    static var heartbeatLimit: Int64 { 5 * UTCNanos.perSecond }
    /// How far a tick may be ahead of the heartbeat, and one heartbeat of the last.
    private static var leapLimit: Int64 { 3_600 * UTCNanos.perSecond }
    /// 2000-01-01 and 2100-01-01, ms since 1970: what a time of the broker can be.
    private static var plausibleMillis: Range<Int64> { 946_684_800_000..<4_102_444_800_000 }

    /// - Parameter lastFeedTime: the newest time in the journal; 0 for a fresh one.
    init(instruments: [Instrument], lastFeedTime: UTCNanos) {
        self.instruments = instruments
        items = instruments.map(Item.init)
        feedTime = 0
        lastClock = lastFeedTime.rawValue
        sight = .blind(since: max(0, lastFeedTime.rawValue - FeedEvent.orderMargin))
    }

    /// The process starts: what was before is unknown since the journal's last word.
    mutating func begin(now: UTCNanos, monotonic: Int64) {
        burstBegan(now: now, monotonic: monotonic)
        if case .blind(let since) = sight { append(.blindBegan(since: UTCNanos(rawValue: since))) }
    }

    /// Bytes have come: one time stands for all that they bring.
    mutating func burstBegan(now: UTCNanos, monotonic: Int64) {
        receiveTime = now
        self.monotonic = monotonic
        lastBytes = monotonic
        if case .silent = sight { seesAgain = true }
    }

    // MARK: Updates

    mutating func updated(_ update: FieldUpdate) {
        if update.subscription == 0 { return beat(update) }
        let index = update.subscription - 1
        guard index < items.count, update.fieldCount == 3 else { return }
        tick(update, index)
    }

    private mutating func tick(_ update: FieldUpdate, _ index: Int) {
        var flags: TickFlags = []
        if update.flags.contains(.snapshot) { flags.insert(.snapshot) }
        if update.flags.contains(.recovered) { flags.insert(.recovered) }
        let shift = items[index].pointShift
        guard let bid = price(update[0], shift, .bidMissing, &flags),
            let ask = price(update[1], shift, .askMissing, &flags)
        else {
            counters.badPrices += 1
            return leaveOut(index)
        }
        let isPriced = !flags.contains(.bidMissing) || !flags.contains(.askMissing)
        guard let time = self.time(update[2], isPriced: isPriced) else {
            counters.badTimes += 1
            return leaveOut(index)
        }
        if ask < bid, !flags.contains(.bidMissing), !flags.contains(.askMissing) { flags.insert(.inverted) }
        if flags.contains(.snapshot) {
            let last = items[index]
            // An older one than what was had is no news either.
            if last.time > time || last.time == time && last.bid == bid && last.ask == ask { flags.insert(.duplicate) }
            newestSnapshot = max(newestSnapshot, time)
        } else if time > feedTime {
            told(time)
        }
        if !flags.contains(.duplicate) {
            items[index].time = time
            items[index].bid = bid
            items[index].ask = ask
        }
        counters.ticks &+= 1
        records.append(
            .tick(
                items[index].pair, brokerTime: UTCNanos(rawValue: time), receiveTime: receiveTime,
                bid: Price(rawValue: bid), ask: Price(rawValue: ask), flags: flags))
    }

    /// An update that cannot be taken is a lost one: the pair's candle must say so.
    private mutating func leaveOut(_ index: Int) {
        append(.updatesLost(count: 1), pair: instruments[index].pair)
        events.append(.oddLine("update of \(instruments[index].epic) with a wrong price or time"))
    }

    /// - Returns: units; 0 with the flag for null; `nil` for what is no price.
    private func price(
        _ field: UnsafeRawBufferPointer?, _ shift: Int, _ missing: TickFlags, _ flags: inout TickFlags
    ) -> Int64? {
        guard let field else {
            flags.insert(missing)
            return 0
        }
        guard let price = Price(decimal: field, pointShift: shift), price.rawValue > 0 else { return nil }
        return price.rawValue
    }

    /// - Returns: ns since 1970. At the market's close the broker sends all fields null: the feed's time
    ///   then stands for the tick's. A price without a time cannot be placed: `nil`.
    private mutating func time(_ field: UnsafeRawBufferPointer?, isPriced: Bool) -> Int64? {
        guard let field else { return isPriced || feedTime == 0 ? nil : feedTime }
        guard let millis = wholeNumber(field), Self.plausibleMillis.contains(millis) else { return nil }
        let time = millis * UTCNanos.perMillisecond
        return Self.isBelievable(time, sessionHeartbeat, now: monotonic, &tickLeap) ? time : nil
    }

    private mutating func beat(_ update: FieldUpdate) {
        guard let field = update[0], let value = wholeNumber(field) else {
            counters.badHeartbeats += 1
            return
        }
        // Seconds or milliseconds since 1970: both have been documented (`ig-api` § 9.3).
        let millis = value < 100_000_000_000 ? value * 1_000 : value
        guard Self.plausibleMillis.contains(millis) else {
            counters.badHeartbeats += 1
            return
        }
        let time = millis * UTCNanos.perMillisecond
        guard Self.isBelievable(time, sessionHeartbeat, now: monotonic, &leap) else {
            counters.badHeartbeats += 1
            return
        }
        counters.heartbeats &+= 1
        told(max(time, feedTime))
        heartbeat = Told(time: time, monotonic: monotonic)
        sessionHeartbeat = heartbeat
        clock(time, [])
    }

    /// A time far ahead of the session's heartbeat would close every interval before it, and cannot be taken
    /// back: it must be told twice.
    private static func isBelievable(_ time: Int64, _ heartbeat: Told?, now: Int64, _ leap: inout Int64) -> Bool {
        guard let heartbeat, time > heartbeat.time + (now - heartbeat.monotonic) + leapLimit else {
            leap = 0
            return true
        }
        defer { leap = time }
        return abs(time - leap) <= leapLimit
    }

    /// Up to 15 digits.
    private func wholeNumber(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard (1...15).contains(text.count) else { return nil }
        var value: Int64 = 0
        var rest = text[...]
        if text.count >= 8 {
            let head = text.loadUnaligned(as: UInt64.self).littleEndian
            guard let number = DigitWord(bytes: head).value else { return nil }
            value = Int64(number)
            rest = text[8...]
        }
        for byte in rest {
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return value
    }

    /// The clock records never step back.
    private mutating func clock(_ time: Int64, _ flags: TickFlags) {
        lastClock = max(lastClock, time)
        records.append(.clock(UTCNanos(rawValue: lastClock), receiveTime: receiveTime, flags: flags))
    }

    // MARK: Time

    /// Lets the local clock stand in where the heartbeat is silent. Call it once a second.
    mutating func timePassed(now: UTCNanos, monotonic: Int64) {
        receiveTime = now
        self.monotonic = monotonic
        guard feedTime > 0 else { return }
        guard monotonic - (heartbeat?.monotonic ?? firstTold) >= Self.heartbeatLimit else { return }
        // A connection that says nothing at all may be dead: whoever closes a candle by the clock that
        // follows must know.
        if monotonic - lastBytes >= Self.heartbeatLimit { lose { .silent(since: $0) } }
        counters.localClocks += 1
        clock(lastTold.time + (monotonic - lastTold.monotonic), .localClock)
    }

    private mutating func told(_ time: Int64) {
        if feedTime == 0 { firstTold = monotonic }
        feedTime = time
        lastTold = Told(time: time, monotonic: monotonic)
        // What a recovered session sends again is older than the clock that stood in.
        if endsBlindness, time >= lastClock { endBlindness() }
        if seesAgain, time >= lastClock { seeAgain() }
    }

    // MARK: Continuity

    mutating func happened(_ event: SessionEvent) {
        switch event {
        case .began(let replacing):
            counters.sessions += 1
            isReplacement = replacing && hasBegun
            sessionHeartbeat = nil
            openSnapshots = []
            newestSnapshot = 0
        case .subscribed(let subscription): if subscription > 0 { openSnapshots.insert(subscription) }
        case .endOfSnapshot(let subscription, _):
            openSnapshots.remove(subscription)
            if endsBlindness { endBlindnessBySnapshots() }
        case .unsubscribed(let subscription):
            openSnapshots.remove(subscription)
            append(.instrumentRefused(code: 0), pair: pair(subscription))
        case .allAnswered: allAnswered()
        case .preserved: append(.sessionPreserved)
        case .recovered(let resent):
            counters.recoveries += 1
            append(.sessionRecovered(resent: Int64(resent)))
            if case .cut = sight { seesAgain = true }
        case .stalled: lose { .silent(since: $0) }
        case .flowing: if case .silent = sight { seesAgain = true }
        case .cut: lose { .cut(since: $0) }
        case .lost:
            endsBlindness = false
            lose { .blind(since: $0) }
        case .updatesLost(let subscription, _, let count):
            counters.lostUpdates &+= UInt64(clamping: count)
            append(.updatesLost(count: LossCount(clamping: count)), pair: pair(subscription))
        case .refused(let subscription, let code, _):
            append(.instrumentRefused(code: Int64(clamping: code)), pair: pair(subscription))
        default: break
        }
        events.append(event)
    }

    /// The process stops in order.
    mutating func end(now: UTCNanos) {
        receiveTime = now
        lose { .blind(since: $0) }
    }

    private mutating func allAnswered() {
        append(isReplacement ? .sessionReplaced : .sessionNew)
        hasBegun = true
        guard case .blind = sight else { return }
        endsBlindness = true
        endBlindnessBySnapshots()
    }

    /// A pair's snapshot is its last tick before the subscription: with all of them there, nothing is missing
    /// after the newest of them, nor after a heartbeat that came before.
    private mutating func endBlindnessBySnapshots() {
        guard openSnapshots.isEmpty, let told = sessionHeartbeat else { return }
        feedTime = max(feedTime, told.time, newestSnapshot)
        endBlindness()
    }

    /// The feed is seen less well than before: says so where it was seen, and keeps the older moment where
    /// it was not.
    private mutating func lose(_ worse: (Int64) -> Sight) {
        // Lost again right after a recovery: what was missing before has come, up to feed time.
        if seesAgain, feedTime >= lastClock { seeAgain() }
        seesAgain = false
        switch sight {
        case .seeing:
            // Ticks of other pairs from just before the newest one may still have been under way.
            let since = max(0, feedTime - FeedEvent.orderMargin)
            sight = worse(since)
            append(.blindBegan(since: UTCNanos(rawValue: since)))
        case .silent(let since), .cut(let since):
            if case .silent = worse(since) { return }
            sight = worse(since)
        case .blind: break
        }
    }

    /// A new session sees again: what lies between is missing for good.
    private mutating func endBlindness() {
        endsBlindness = false
        guard case .blind(let since) = sight else { return }
        sight = .seeing
        // At the newest snapshot's own moment there may have been other ticks before it.
        let until = max(since, feedTime, newestSnapshot + 1)
        append(.blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: until)))
    }

    /// What was missing has come, or nothing was missing: an empty stretch.
    private mutating func seeAgain() {
        let since: Int64
        switch sight {
        case .silent(let moment), .cut(let moment): since = moment
        case .seeing, .blind: return
        }
        seesAgain = false
        sight = .seeing
        append(.blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: since)))
    }

    private func pair(_ subscription: Int) -> Pair {
        instruments.indices.contains(subscription - 1) ? instruments[subscription - 1].pair : .none
    }

    private mutating func append(_ event: FeedEvent, pair: Pair = .none) {
        records.append(
            .feed(
                event, pair: pair, brokerTime: UTCNanos(rawValue: max(feedTime, lastClock)),
                receiveTime: receiveTime))
    }
}

/// What was met, since the process started.
struct RecorderCounters: Encodable, Hashable {
    var ticks: UInt64 = 0
    var heartbeats: UInt64 = 0
    /// Clock records that stand in for heartbeats which did not come.
    var localClocks: UInt64 = 0
    /// Updates whose price is no positive decimal of at most 8 places.
    var badPrices: UInt64 = 0
    /// Updates whose time is missing, no number, or outside 2000–2100.
    var badTimes: UInt64 = 0
    var badHeartbeats: UInt64 = 0
    /// Updates that the broker declared lost.
    var lostUpdates: UInt64 = 0
    var sessions: UInt64 = 0
    var recoveries: UInt64 = 0
}
