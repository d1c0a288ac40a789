internal import Assumptions
internal import MarketData
internal import TLCP
internal import Wire

/// Turns what a Lightstreamer session delivers into records of the `ticks` stream: ticks, the feed's time
/// and the feed's events. Owns no socket, no journal and no clock: its owner says what time it is.
///
/// Subscription 0 is the heartbeat; of N instruments, subscription n is the tick item of instrument n − 1, and N + n its
/// native candles.
///
/// Three parts do the work, and this one leads each update through them: `FeedDecoder` reads its fields, `BrokerClock`
/// judges its time, `ContinuityMachine` knows what was missing before it. All write to one `FeedOutput`.
struct FeedRecorder: SessionSink {
    let instruments: [Instrument]
    let limit: ItemLimit
    var clock: BrokerClock
    var continuity: ContinuityMachine
    var output = FeedOutput()
    /// `nil`: no second opinion is asked for, or none can be had.
    var native: NativeCandles?
    /// Subscriptions whose pair moves, by another opinion, and whose item brings nothing of it.
    var suspects: [Int] = []
    /// `nil`: nothing is closed by the clock as predicted.
    let closings: ClosingTimes?
    /// An item became free for a pair that was refused.
    var asksAgain = false
    /// When a heartbeat that is silent was looked at, monotonic.
    var heartbeatLook: Int64 = 0
    /// Heartbeats that came at their pace, and that agree with the host's clock.
    var steadyBeats: UInt64 = 0
    var closeBeats: UInt64 = 0

    /// How far a tick may step back behind the last one of its pair.
    private static var stepBackMax: Int64 { 10 * UTCNanos.perSecond }

    /// - Parameter past: what the journal's end says.
    init(
        instruments: [Instrument], past: FeedPast, native: NativeCandles? = nil, closings: ClosingTimes? = nil,
        limit: ItemLimit = .known
    ) {
        (self.native, self.closings, self.limit) = (native, closings, limit)
        self.instruments = instruments
        clock = BrokerClock(itemCount: instruments.count, past: past)
        continuity = ContinuityMachine(pairs: instruments.map(PairFeed.init), past: past)
    }

    /// The process starts: what was before is unknown since the journal's last word.
    mutating func begin(now: UTCNanos, monotonic: Int64) {
        burstBegan(now: now, monotonic: monotonic)
        continuity.begin(clock, &output)
    }

    /// Bytes have come: one time stands for all that they bring.
    mutating func burstBegan(now: UTCNanos, monotonic: Int64) {
        continuity.bytesCame(at: monotonic)
        clock.advance(now: now, monotonic: monotonic)
    }

    /// Lets the local clock stand in while the heartbeat is silent. Call it once a second.
    mutating func timePassed(now: UTCNanos, monotonic: Int64) {
        clock.advance(now: now, monotonic: monotonic)
        for era in clock.takeWrongEras() {
            continuity.addHole(era, clock, &output)
        }
        guard clock.feedTime > 0 else { return }
        native?.timePassed(feedTime: clock.feedTime)
        // A feed without proof may be dead: the fold must know before the next clock closes a candle.
        if monotonic - continuity.proof.last >= BrokerClock.heartbeatLimit {
            continuity.lose(.silence, &clock, &output)
        }
        guard clock.isHeartbeatLate else { return }
        output.counters.localClocks += 1
        record(clock.standIn, .localClock)
    }

    /// The process stops in order.
    mutating func end(now: UTCNanos) {
        clock.receiveTime = now
        continuity.lose(.session, &clock, &output)
    }

    /// A login's reply is a witness of the broker's time.
    mutating func hear(rest time: UTCNanos, monotonic: Int64) { clock.judge.hear(rest: time, monotonic: monotonic) }

    // MARK: Ticks

    mutating func updated(_ update: FieldUpdate) {
        if update.subscription == 0 { return beat(update) }
        let index = update.subscription - 1
        guard index < instruments.count else {
            if NativeCandles.isOver(update) { takeNative(update) }
            return
        }
        guard update.fieldCount == 3 else { return }
        tick(update, index)
    }

    private mutating func tick(_ update: FieldUpdate, _ index: Int) {
        var flags = FeedDecoder.origin(
            of: update, snapshotIsEndless: continuity.pairs[index].sight.hasEndlessSnapshot)
        guard let sides = FeedDecoder.sides(of: update, pointShift: continuity.pairs[index].pointShift, &flags) else {
            output.counters.badPrices += 1
            violate(.tickPrices, instruments[index].epic)
            return leaveOut(index, flags)
        }
        guard let time = time(update[2], index, flags) else { return leaveOut(index, flags) }
        if !flags.contains(.snapshot) {
            takeLive(index, time, sides, flags)
        } else if continuity.takeSnapshot(index, time, sides, clock, &output) {
            flags.insert(.duplicate)
        }
        output.counters.ticks &+= 1
        let tick = TickRecord(
            continuity.pairs[index].pair, brokerTime: UTCNanos(rawValue: time), receiveTime: clock.receiveTime,
            bid: Price(rawValue: sides.bid), ask: Price(rawValue: sides.ask), flags: flags)
        output.records.append(tick.envelope)
    }

    @inline(__always)
    private mutating func takeLive(_ index: Int, _ time: Int64, _ sides: FeedDecoder.Sides, _ flags: TickFlags) {
        let last = continuity.pairs[index].time
        // A time that is sent again proves nothing.
        if time != last { proven(time) }
        if time < last, !flags.contains(.recovered) { noteStepBack(index, time) }
        continuity.pairs[index].ticked(time, sides, clock.monotonic)
        if continuity.hasSpoilt { continuity.restorePair(index, clock, &output) }
    }

    /// An update that cannot be taken is a lost one: the pair's candle must say so. A snapshot is no update; what it
    /// would have shown is part of the blindness before it.
    private mutating func leaveOut(_ index: Int, _ flags: TickFlags) {
        if flags.contains(.snapshot) {
            continuity.leaveOutSnapshot(index)
        } else {
            continuity.spoil(index, clock, &output)
        }
        output.events.append(.oddLine("update of \(instruments[index].epic) with a wrong price or time"))
    }

    /// - Returns: ns since 1970; `nil` for what is no time, or is not believed. At the market's close the broker sends
    ///   all fields null: the feed's time then stands for the tick's. A price without a time cannot be placed.
    private mutating func time(_ field: UnsafeRawBufferPointer?, _ index: Int, _ flags: TickFlags) -> Int64? {
        switch FeedDecoder.time(field) {
        case .at(let time): return isBelieved(time, index, flags) ? time : nil
        case .missing:
            if flags.isSuperset(of: .sideMissing), clock.feedTime > 0 { return clock.feedTime }
            output.counters.badTimes += 1
            violate(.tickTimes, "\(instruments[index].epic): none")
            return nil
        case .wrong:
            output.counters.badTimes += 1
            violate(.tickTimes, "\(instruments[index].epic): not of 2000 to 2100 in ms")
            return nil
        }
    }

    // MARK: Heartbeats

    private mutating func beat(_ update: FieldUpdate) {
        guard let time = FeedDecoder.heartbeat(update[0]) else {
            output.counters.badHeartbeats += 1
            return violate(.heartbeatTime, "\(update[0]?.count ?? 0) bytes")
        }
        guard accept(clock.judge.judge(time, by: .heartbeat), time) else { return }
        // One that stands still proves nothing.
        guard time != clock.lastBeat else { return }
        watchBeat(time)
        clock.heard(heartbeat: time)
        continuity.heartbeatCame()
        output.counters.heartbeats &+= 1
        proven(time)
        for index in continuity.endOpenings(clock, &output) { violate(.snapshotEnds, instruments[index].epic) }
        record(time, clock.repeatsPrediction(time) ? .predicted : [])
    }

    mutating func record(_ time: Int64, _ flags: TickFlags) {
        let time = clock.record(time)
        output.records.append(ClockRecord(time, receiveTime: clock.receiveTime, flags: flags).envelope)
        continuity.recorded(clock, &output)
    }

    // MARK: Believed times

    @inline(__always)
    private mutating func isBelieved(_ time: Int64, _ index: Int, _ flags: TickFlags) -> Bool {
        if flags.contains(.snapshot) {
            // It may be as old as the pair's last tick, and so is no witness of the present time.
            guard let line = clock.judge.line else {
                output.counters.timesSetAside += 1
                return false
            }
            if time <= line.time { return true }
        }
        guard time > continuity.pairs[index].time &- Self.stepBackMax else {
            output.counters.timesSetAside += 1
            return false
        }
        return accept(clock.judge.judge(time, by: .item(index)), time)
    }

    /// Does what a verdict asks for.
    /// - Returns: whether the time is believed.
    @inline(__always)
    private mutating func accept(_ verdict: TimeJudge.Verdict, _ time: Int64) -> Bool {
        switch verdict {
        case .believed: return true
        case .setAside:
            output.counters.timesSetAside += 1
            return false
        case .leap:
            leap(to: time)
            return true
        case .setBack:
            setBack(to: time)
            return true
        }
    }

    /// A heartbeat or a live tick: what came before it is complete.
    @inline(__always)
    private mutating func proven(_ time: Int64) {
        if continuity.proof.isMissing { continuity.endSilence(at: clock.monotonic) }
        guard time > clock.feedTime else { return }
        clock.goOn(to: time)
        if continuity.sight.isEnding { continuity.seeIfCaughtUp(&clock, &output) }
    }

    private mutating func leap(to time: Int64) {
        if clock.feedTime > 0 { output.counters.clockLeaps += 1 }
        switch clock.leap(to: time) {
        case .harmless: break
        case .back:
            setBack(to: time)
            clock.beginEra(at: time)
        case .over(let since): continuity.leapt(over: since, to: time, clock, &output)
        }
    }

    /// What was believed was ahead of the truth: nothing is known from the last moment that was sure until now.
    private mutating func setBack(to time: Int64) {
        output.counters.clocksSetBack += 1
        let newest = UTCNanos(rawValue: clock.newest)
        let since = max(0, clock.sureMoment(before: time) - FeedEvent.orderMargin)
        output.append(.blindBegan(since: UTCNanos(rawValue: since)), at: clock)
        output.append(.clockSetBack(from: newest, to: UTCNanos(rawValue: time)), at: clock)
        clock.setBack(to: time)
        continuity.setBack(to: time, since: since, clock, &output)
    }
}
