internal import Assumptions
internal import MarketData
internal import TLCP
internal import Wire

/// Turns what a Lightstreamer session delivers into records of the `ticks` stream: ticks, the feed's time
/// and the feed's events. Owns no socket, no journal and no clock: it is told what time it is.
///
/// Subscription 0 is the heartbeat; of N instruments, subscription n is the tick item of instrument n − 1, and N + n its
/// native candles. What is seen of the feed and of each pair is in `FeedRecorder+Sight.swift`.
struct FeedRecorder: SessionSink {
    /// An instrument as the hot path needs it, with its last tick.
    struct Item {
        let pair: Pair
        let pointShift: Int
        var time: Int64 = 0
        var bid: Int64 = 0
        var ask: Int64 = 0
        /// When the last live tick came, monotonic; 0 before the first.
        var heard: Int64 = 0
        /// When a silent subscription is looked at, monotonic, and how long after the look before.
        var nextLook: Int64 = .max
        var patience: Int64 = FeedRecorder.quietMin
        var sight = PairSight()

        init(_ instrument: Instrument) {
            pair = instrument.pair
            pointShift = instrument.pointShift
        }

        /// A live tick came.
        @inline(__always)
        mutating func ticked(_ time: Int64, _ bid: Int64, _ ask: Int64, _ monotonic: Int64) {
            (self.time, self.bid, self.ask) = (time, bid, ask)
            heard = monotonic
            postponeLook(monotonic)
        }

        /// The next look is as far away as the first one was.
        @inline(__always)
        mutating func postponeLook(_ monotonic: Int64) {
            nextLook = monotonic &+ FeedRecorder.quietMin
            patience = FeedRecorder.quietMin
        }
    }

    var counters = RecorderCounters()
    var assumptions = AssumptionTally()
    /// Heartbeats that came at their pace, and that agree with the host's clock.
    var steadyBeats: UInt64 = 0
    var closeBeats: UInt64 = 0
    /// What is to be appended to the stream, in order; the owner takes it away.
    var records: [TickEnvelope] = []
    /// The broker's own candles, in order; the owner takes them away.
    var candles: [CandleRecord] = []
    /// Events that the owner must act on or log, in order; it takes them away.
    var events: [SessionEvent] = []

    /// The newest believed time of heartbeats and live ticks; 0 before the first. ns since 1970.
    var feedTime: Int64 = 0
    var sight: FeedSight
    var items: [Item]
    let instruments: [Instrument]
    /// `nil`: no second opinion is asked for, or none can be had.
    var native: NativeCandles?
    /// Subscriptions whose pair moves, by another opinion, and tells nothing of it.
    var suspects: [Int] = []
    /// An item became free for a pair that was refused.
    var asksAgain = false

    var judge: TimeJudge
    var receiveTime = UTCNanos(rawValue: 0)
    var monotonic: Int64 = 0
    var lastBytes: Int64 = 0
    /// The last heartbeat or live tick that was believed, monotonic: until then nothing was missing.
    var lastProof: Int64 = 0
    /// The present bytes have brought no such proof.
    var isWithoutProof = false
    /// The first bytes after the last proof that brought none: the connection lives, and the feed is silent.
    var talkedAt: Int64?
    /// The last heartbeat that was believed, monotonic; before the first, the first believed time.
    var lastHeartbeat: Int64 = 0
    /// The time of the last heartbeat that was believed, ns since 1970.
    var lastBeat: Int64 = 0
    /// Heartbeats since the connection was cut. The first may have been merged, and overtake ticks that wait.
    var beatsSinceLoss = 0
    /// When a heartbeat that is silent was looked at, monotonic.
    var heartbeatLook: Int64 = 0
    /// The broker has taken the subscription of the heartbeat.
    var hasHeartbeat = false
    /// The newest clock record.
    var lastClock: Int64
    /// The newest believed time and when it was heard: the stand-in clock runs on from it.
    var lastTold = TimeJudge.Told(time: 0, monotonic: 0)
    /// The newest feed time with which an outside clock agreed; `nil` if none ever did.
    var sureUntil: Int64?
    /// The feed time from which what is believed goes on without a leap, while no outside clock agrees; and when that
    /// began, monotonic.
    var eraStart: Int64?
    var eraBegan: Int64 = 0
    /// What was believed before the last leaps, and no outside clock agreed with.
    var doubtfulEras: [Range<Int64>] = []
    /// When the journal's last record was received, by the host's clock.
    let lastReceived: UTCNanos
    /// Since when nothing is known of pairs that were streamed once and are not configured now. Feed time, ns.
    let absentSince: [Pair: Int64]
    /// Some pair's last update could not be taken.
    var hasSpoilt = false
    /// When the pairs that are blind were last named again, feed time.
    var lastRestated: Int64 = 0
    var isReplacement = false
    var hasBegun = false
    /// A heartbeat of the present session was believed.
    var hasBeatOfSession = false
    /// Every subscription is answered: the blindness ends when all snapshots are complete, or with the
    /// first time that is told.
    var endsBlindness = false
    /// The connection goes on, or the session is recovered: what was missing has come once feed time
    /// passes the last clock record.
    var seesAgain = false
    /// What was missing meanwhile does not come: the broker sent other lines.
    var isHole = false

    /// Silence of the heartbeat after which the local clock stands in (docs/architecture.md § Candles).
    static var heartbeatLimit: Int64 { 5 * UTCNanos.perSecond }
    /// The heartbeat comes once a second: a connection that speaks, and proves nothing for so long, says that the feed is
    /// silent. Without it ticks alone prove anything.
    var proofMax: Int64 { hasHeartbeat ? 2 * UTCNanos.perSecond : Self.heartbeatLimit }
    /// How far a tick may step back behind the last one of its pair.
    private static var stepBackMax: Int64 { 10 * UTCNanos.perSecond }
    /// 2000-01-01 and 2100-01-01, ms since 1970: what a time of the broker can be.
    static var plausibleMillis: Range<Int64> { 946_684_800_000..<4_102_444_800_000 }

    /// - Parameter past: what the journal's end tells.
    init(instruments: [Instrument], past: FeedPast, native: NativeCandles? = nil) {
        self.native = native
        self.instruments = instruments
        lastReceived = past.received
        items = instruments.map(Item.init)
        judge = TimeJudge(itemCount: instruments.count)
        lastClock = past.time.rawValue
        sight = .blind(since: max(0, past.time.rawValue - FeedEvent.orderMargin))
        for index in items.indices { items[index].sight.blindSince = past.blindPairs[items[index].pair]?.rawValue }
        absentSince = past.absentSince(configured: Set(instruments.map(\.pair)))
        // No outside clock agreed with the journal's last times.
        if let since = past.steadySince, since < past.time,
            abs(past.time.rawValue - past.received.rawValue) > Self.wrongTail
        {
            doubtfulEras = [since.rawValue..<(past.time.rawValue + 1)]
        }
    }

    /// The process starts: what was before is unknown since the journal's last word.
    mutating func begin(now: UTCNanos, monotonic: Int64) {
        burstBegan(now: now, monotonic: monotonic)
        if let since = sight.since { append(.blindBegan(since: UTCNanos(rawValue: since))) }
        restate()
    }

    /// Bytes have come: one time stands for all that they bring.
    mutating func burstBegan(now: UTCNanos, monotonic: Int64) {
        if isWithoutProof, talkedAt == nil, lastBytes - lastProof >= proofMax { talkedAt = lastBytes }
        isWithoutProof = true
        receiveTime = now
        self.monotonic = monotonic
        lastBytes = monotonic
        judge.advance(now: monotonic, host: now)
    }

    // MARK: Updates

    mutating func updated(_ update: FieldUpdate) {
        if update.subscription == 0 { return beat(update) }
        let index = update.subscription - 1
        guard index < items.count else {
            if NativeCandles.isOver(update) { takeNative(update) }
            return
        }
        guard update.fieldCount == 3 else { return }
        tick(update, index)
    }

    private mutating func tick(_ update: FieldUpdate, _ index: Int) {
        var flags: TickFlags = []
        if update.flags.contains(.snapshot), !items[index].sight.hasEndlessSnapshot { flags.insert(.snapshot) }
        if update.flags.contains(.recovered) { flags.insert(.recovered) }
        let shift = items[index].pointShift
        guard let bid = price(update[0], shift, .bidMissing, &flags),
            let ask = price(update[1], shift, .askMissing, &flags)
        else {
            counters.badPrices += 1
            violate(.tickPrices, instruments[index].epic)
            return leaveOut(index, flags)
        }
        guard let time = time(update[2], index, flags) else { return leaveOut(index, flags) }
        if ask < bid, flags.isDisjoint(with: .sideMissing) { flags.insert(.inverted) }
        if flags.contains(.snapshot) {
            takeSnapshot(index, time, bid, ask, &flags)
        } else {
            // A time that is told again proves nothing.
            if time != items[index].time { proven(time) }
            if time < items[index].time, !flags.contains(.recovered) { noteStepBack(index, time) }
            items[index].ticked(time, bid, ask, monotonic)
            if hasSpoilt { restorePair(index) }
        }
        counters.ticks &+= 1
        let tick = TickRecord(
            items[index].pair, brokerTime: UTCNanos(rawValue: time), receiveTime: receiveTime,
            bid: Price(rawValue: bid), ask: Price(rawValue: ask), flags: flags)
        records.append(tick.envelope)
    }

    private mutating func takeSnapshot(
        _ index: Int, _ time: Int64, _ bid: Int64, _ ask: Int64, _ flags: inout TickFlags
    ) {
        let last = items[index]
        // An older one than what was had is no news either.
        let isKnown = last.time > time || last.time == time && last.bid == bid && last.ask == ask
        items[index].sight.isRenewing = false
        if !isKnown, last.time > 0 { checkFrozen(index, time) }
        if !isKnown { endContradiction(index) }
        items[index].sight.newestSnapshot = max(last.sight.newestSnapshot, time)
        if isKnown {
            flags.insert(.duplicate)
        } else {
            (items[index].time, items[index].bid, items[index].ask) = (time, bid, ask)
        }
    }

    /// An update that cannot be taken is a lost one: the pair's candle must say so. A snapshot is no update; what it
    /// would have told is part of the blindness before it.
    private mutating func leaveOut(_ index: Int, _ flags: TickFlags) {
        if !flags.contains(.snapshot) { spoil(index) }
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

    /// - Returns: ns since 1970; `nil` for what is no time, or is not believed. At the market's close the broker sends
    ///   all fields null: the feed's time then stands for the tick's. A price without a time cannot be placed.
    private mutating func time(_ field: UnsafeRawBufferPointer?, _ index: Int, _ flags: TickFlags) -> Int64? {
        guard let field else {
            if flags.isSuperset(of: .sideMissing), feedTime > 0 { return feedTime }
            counters.badTimes += 1
            violate(.tickTimes, "\(instruments[index].epic): none")
            return nil
        }
        guard let millis = DigitWord.number(field), Self.plausibleMillis.contains(millis) else {
            counters.badTimes += 1
            violate(.tickTimes, "\(instruments[index].epic): not of 2000 to 2100 in ms")
            return nil
        }
        let time = millis * UTCNanos.perMillisecond
        return isBelieved(time, index, flags) ? time : nil
    }

    @inline(__always)
    private mutating func isBelieved(_ time: Int64, _ index: Int, _ flags: TickFlags) -> Bool {
        if flags.contains(.snapshot) {
            // It may be as old as the pair's last tick, and so is no witness of the present time.
            guard let line = judge.line else {
                counters.timesSetAside += 1
                return false
            }
            if time <= line.time { return true }
        }
        guard time > items[index].time &- Self.stepBackMax else {
            counters.timesSetAside += 1
            return false
        }
        return accept(judge.judge(time, by: .item(index)), time)
    }

    private mutating func beat(_ update: FieldUpdate) {
        guard let millis = update[0].flatMap(DigitWord.number).map(Self.heartbeatMillis),
            Self.plausibleMillis.contains(millis)
        else {
            counters.badHeartbeats += 1
            return violate(.heartbeatTime, "\(update[0]?.count ?? 0) bytes")
        }
        let time = millis * UTCNanos.perMillisecond
        guard accept(judge.judge(time, by: .heartbeat), time) else { return }
        // One that stands still proves nothing.
        guard time != lastBeat else { return }
        watchBeat(time)
        lastBeat = time
        beatsSinceLoss += 1
        counters.heartbeats &+= 1
        hasBeatOfSession = true
        proven(time)
        lastHeartbeat = monotonic
        endOpenings()
        clock(time, [])
    }

    /// Seconds or milliseconds since 1970: both have been documented (`ig-api` § 9.3).
    private static func heartbeatMillis(_ value: Int64) -> Int64 {
        value < 100_000_000_000 ? value * 1_000 : value
    }

    /// Does what a verdict asks for.
    /// - Returns: whether the time is believed.
    @inline(__always)
    private mutating func accept(_ verdict: TimeJudge.Verdict, _ time: Int64) -> Bool {
        switch verdict {
        case .believed: return true
        case .setAside:
            counters.timesSetAside += 1
            return false
        case .leap:
            leap(to: time)
            return true
        case .setBack:
            setBack(to: time)
            return true
        }
    }

    // MARK: Time

    /// The clock records never step back, unless the clock is set back.
    mutating func clock(_ time: Int64, _ flags: TickFlags) {
        lastClock = max(lastClock, time)
        records.append(
            ClockRecord(UTCNanos(rawValue: lastClock), receiveTime: receiveTime, flags: flags).envelope)
        restateBlindPairs()
        if hasSpoilt { blindSpoiltPairs() }
    }

    /// Lets the local clock stand in while the heartbeat is silent. Call it once a second.
    mutating func timePassed(now: UTCNanos, monotonic: Int64) {
        receiveTime = now
        self.monotonic = monotonic
        judge.advance(now: monotonic, host: now)
        noteAgreement()
        guard feedTime > 0 else { return }
        native?.timePassed(feedTime: feedTime)
        // A feed without proof may be dead: the fold must know before the next clock closes a candle.
        if monotonic - lastProof >= Self.heartbeatLimit { lose { .silent(since: $0) } }
        guard monotonic - lastHeartbeat >= Self.heartbeatLimit else { return }
        counters.localClocks += 1
        clock(lastTold.time + (monotonic - lastTold.monotonic), .localClock)
    }

    /// A heartbeat or a live tick: what came before it is complete.
    @inline(__always)
    private mutating func proven(_ time: Int64) {
        if isWithoutProof { endSilence() }
        guard time > feedTime else { return }
        told(time)
    }

    private mutating func told(_ time: Int64) {
        if feedTime == 0 { lastHeartbeat = monotonic }
        feedTime = time
        lastTold = TimeJudge.Told(time: time, monotonic: monotonic)
        if endsBlindness || seesAgain { seeIfCaughtUp() }
    }

    /// How many pairs the session shows.
    var subscribedPairs: Int { items.count { $0.sight.subscription != .none } }

    /// Those of which nothing is known while the feed is seen.
    var blindPairs: [Pair] { items.filter { $0.sight.blindSince != nil }.map(\.pair) }

    /// The broker's clock now, as learned, ns since 1970; 0 before the first believed time.
    var marketTime: Int64 { judge.line?.time ?? 0 }

    /// ns since the last heartbeat that was believed; before the first, since `start`, monotonic.
    func heartbeatAge(since start: Int64) -> Int64 { monotonic - (lastBeat > 0 ? lastHeartbeat : start) }

    /// ns since the last live tick of each pair that had one, by its name.
    var tickAges: [String: Int64] {
        let heard = items.filter { $0.heard > 0 }.map { ($0.pair.description, monotonic - $0.heard) }
        return Dictionary(heard, uniquingKeysWith: min)
    }

    /// ns that the broker's clock is ahead of the host's.
    var clockOffset: Int64 { judge.line.map { $0.time - receiveTime.rawValue } ?? 0 }

    func pair(_ subscription: Int) -> Pair {
        instruments.indices.contains(subscription - 1) ? instruments[subscription - 1].pair : .none
    }

    mutating func append(_ event: FeedEvent, pair: Pair = .none) {
        let feed = FeedRecord(
            event, pair: pair, brokerTime: UTCNanos(rawValue: max(feedTime, lastClock)), receiveTime: receiveTime)
        records.append(feed.envelope)
    }
}

/// What the end of the ticks journal tells of the feed.
struct FeedPast {
    /// The newest time that the broker told; 0 for a fresh journal.
    var time = UTCNanos(rawValue: 0)
    /// When the last record was received, by the host's clock.
    var received = UTCNanos(rawValue: 0)
    /// Since when each pair is blind that was not seen again.
    var blindPairs: [Pair: UTCNanos] = [:]
    /// The pairs that were configured before.
    var formerPairs: Set<Pair> = []
    /// From where its times go on without being set back; `nil` if that is long ago.
    var steadySince: UTCNanos?

    /// Pairs that were streamed once and are not configured now: if they come back, what lies between was not seen.
    fileprivate func absentSince(configured: Set<Pair>) -> [Pair: Int64] {
        var absent = blindPairs.filter { !configured.contains($0.key) }.mapValues(\.rawValue)
        guard time.rawValue > 0 else { return absent }
        for pair in formerPairs.subtracting(configured) where absent[pair] == nil {
            absent[pair] = max(0, time.rawValue - FeedEvent.orderMargin)
        }
        return absent
    }
}

/// What was met, since the process started.
struct RecorderCounters: Hashable {
    var ticks: UInt64 = 0
    var heartbeats: UInt64 = 0
    /// Clock records that stand in for heartbeats which did not come.
    var localClocks: UInt64 = 0
    /// Updates whose price is no positive decimal of at most 8 places.
    var badPrices: UInt64 = 0
    /// Updates whose time is missing, no number, or outside 2000–2100.
    var badTimes: UInt64 = 0
    var badHeartbeats: UInt64 = 0
    /// Times of heartbeats and ticks that not enough witnesses stood for.
    var timesSetAside: UInt64 = 0
    /// How often the feed's time was set ahead over a stretch without believed times, and set back.
    var clockLeaps: UInt64 = 0
    var clocksSetBack: UInt64 = 0
    /// Updates that the broker declared lost.
    var lostUpdates: UInt64 = 0
    var sessions: UInt64 = 0
    var recoveries: UInt64 = 0
    /// Subscriptions that the broker ended, refused, limited, or let fall silent.
    var subscriptionsEnded: UInt64 = 0
    var subscriptionsRefused: UInt64 = 0
    var subscriptionsLimited: UInt64 = 0
    var subscriptionsFrozen: UInt64 = 0
}
