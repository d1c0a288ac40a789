internal import MarketData
internal import Wire

/// What time it is at the broker: the newest believed time, the clock records that follow from it, and how sure it is.
///
/// Heartbeats and live ticks move it. While the heartbeat is silent the local clock stands in (docs/architecture.md
/// § Candles, decision 0003). Owns no clock: `advance` says what time it is here.
/// Times are ns since 1970 by the broker's clock; moments are monotonic ns of this machine.
struct BrokerClock {
    /// Which times are believed.
    var judge: TimeJudge
    /// The present burst: by the host's clock, and the moment.
    var receiveTime = UTCNanos(rawValue: 0)
    private(set) var monotonic: Int64 = 0

    /// The newest believed time of heartbeats and live ticks; 0 before the first.
    private(set) var feedTime: Int64 = 0
    /// The newest clock record. They never step back, unless the clock is set back.
    private(set) var lastRecord: Int64
    /// The newest believed time and when it was heard: the stand-in clock runs on from it.
    private var lastBelieved = TimeJudge.Told(time: 0, monotonic: 0)
    /// The time of the last heartbeat that was believed; 0 before the first.
    private(set) var lastBeat: Int64 = 0
    /// The moment of that heartbeat; before the first, of the first believed time.
    private(set) var lastHeartbeat: Int64 = 0
    private var prediction = ClockPrediction()
    /// The newest record of the clock as predicted; 0 before the first.
    private var lastPrediction: Int64 = 0

    /// The newest feed time with which an outside clock agreed; `nil` if none ever did.
    private var sureUntil: Int64?
    /// Where the era began that no outside clock agrees with; `nil` if one does.
    private var eraStart: Int64?
    private var eraBegan: Int64 = 0
    /// What was believed before the last leaps, and no outside clock agreed with.
    private var doubtfulEras: [Range<UTCNanos>] = []
    /// When the journal's last record was received, by the host's clock.
    private let lastReceived: UTCNanos

    /// Silence of the heartbeat after which the local clock stands in (docs/architecture.md § Candles).
    static var heartbeatLimit: Int64 { 5 * UTCNanos.perSecond }
    /// How far ahead of the first believed time the journal's end may be: a clock that stood in ran on a little.
    private static var wrongTail: Int64 { 60 * UTCNanos.perSecond }
    private static var erasMax: Int { 100 }

    init(itemCount: Int, past: FeedPast) {
        judge = TimeJudge(itemCount: itemCount)
        lastReceived = past.received
        lastRecord = past.time.rawValue
        // No outside clock agreed with the journal's last times.
        if let since = past.steadySince, since < past.time,
            abs(past.time.rawValue - past.received.rawValue) > Self.wrongTail
        {
            doubtfulEras = [since..<UTCNanos(rawValue: past.time.rawValue + 1)]
        }
    }

    // MARK: Time passes

    /// Bytes have come, or time has passed.
    mutating func advance(now: UTCNanos, monotonic: Int64) {
        receiveTime = now
        self.monotonic = monotonic
        judge.advance(now: monotonic, host: now)
    }

    /// The newest time that a record has or may have.
    var newest: Int64 { max(feedTime, lastRecord) }

    /// The broker's clock now, as learned; 0 before the first believed time.
    var marketTime: Int64 { judge.line?.time ?? 0 }

    /// ns that the broker's clock is ahead of the host's.
    var offset: Int64 { judge.line.map { $0.time - receiveTime.rawValue } ?? 0 }

    /// What the stand-in clock says: the last believed time, and the time passed since.
    var standIn: Int64 { lastBelieved.time + (monotonic - lastBelieved.monotonic) }

    var isHeartbeatLate: Bool { monotonic - lastHeartbeat >= Self.heartbeatLimit }

    /// ns since the last heartbeat that was believed; before the first, since the moment `start`.
    func heartbeatAge(since start: Int64) -> Int64 { monotonic - (lastBeat > 0 ? lastHeartbeat : start) }

    // MARK: Believed times

    /// A heartbeat or a live tick brought a believed time that is newer than all before.
    @inline(__always)
    mutating func goOn(to time: Int64) {
        if feedTime == 0 { lastHeartbeat = monotonic }
        feedTime = time
        lastBelieved = TimeJudge.Told(time: time, monotonic: monotonic)
        prediction.hear(tick: time, at: monotonic)
    }

    mutating func heard(heartbeat time: Int64) {
        lastBeat = time
        lastHeartbeat = monotonic
        if judge.isConfirmed, judge.keepsOurPace {
            prediction.hear(heartbeat: time, at: monotonic)
        } else {
            prediction.forget()
        }
    }

    /// A snapshot shows that nothing happened until its last tick: the feed is at least at that time.
    mutating func reach(snapshot time: Int64) { feedTime = max(feedTime, time) }

    /// - Returns: the time of a clock record that is to say `time`.
    mutating func record(_ time: Int64) -> UTCNanos {
        lastRecord = max(lastRecord, time)
        return UTCNanos(rawValue: lastRecord)
    }

    /// The fold's clock comes as far as the feed: one that steps back behind it would take a hole back.
    mutating func raiseRecordToFeedTime() { lastRecord = max(lastRecord, feedTime) }

    // MARK: Prediction

    /// The newest time that a heartbeat or a live tick proves: what happened before it has come.
    var provenTime: Int64 { max(lastBelieved.time, prediction.proven(byHeartbeat: lastBeat) ?? 0) }

    /// The moment at which the broker's clock has surely come to `time`, however much the connection holds up; `nil` if
    /// that is not known.
    func moment(of time: Int64) -> Int64? {
        guard judge.isConfirmed, judge.keepsOurPace, !isHeartbeatLate else { return nil }
        return prediction.offset.map { time - $0 }
    }

    mutating func predicted(_ time: Int64) { lastPrediction = time }

    /// Whether the record of a heartbeat that says `time` can only repeat a predicted one: records never step back.
    func repeatsPrediction(_ time: Int64) -> Bool { time < lastRecord && lastRecord == lastPrediction }

    /// A session began: another server may have another clock.
    mutating func forgetPrediction() { prediction.forget() }

    // MARK: Leaps

    /// What a leap means for what was seen.
    enum Leap: Hashable {
        /// It is the first believed time, or no later than the feed's.
        case harmless
        /// It is the first one, and the journal's end was ahead of the truth.
        case back
        /// Nothing is known of what lies between.
        case over(since: Int64)
    }

    /// The first believed time, or believed times go on far ahead. Begins an era, but for `back`.
    mutating func leap(to time: Int64) -> Leap {
        guard feedTime > 0 else {
            // The journal may end with a time that was wrong.
            if time < lastRecord - Self.wrongTail { return .back }
            beginEra(at: time)
            return .harmless
        }
        guard time > feedTime else { return .harmless }
        let since = judge.isConfirmed && eraStart != nil ? min(sureUntil ?? feedTime, time) : feedTime
        beginEra(at: time)
        return .over(since: since)
    }

    mutating func beginEra(at time: Int64) {
        if let eraStart, feedTime >= eraStart, doubtfulEras.count < Self.erasMax {
            doubtfulEras.append(UTCNanos(rawValue: eraStart)..<UTCNanos(rawValue: feedTime + 1))
        }
        (eraStart, eraBegan) = (time, monotonic)
        prediction.forget()
    }

    /// What was believed was ahead of the truth, which is `time`.
    mutating func setBack(to time: Int64) {
        beginEra(at: time)
        (feedTime, lastRecord) = (time, time)
        lastBelieved = TimeJudge.Told(time: time, monotonic: monotonic)
    }

    /// The last moment that was sure before the clock is set back to `time`.
    func sureMoment(before time: Int64) -> Int64 { min(sureUntil ?? sureAtStart(time), time) }

    /// No outside clock ever agreed. What is right now was so at the beginning of what was believed, or when the journal's
    /// last record was received.
    func sureAtStart(_ time: Int64) -> Int64 {
        if feedTime > 0 { return time - (monotonic - eraBegan) }
        return lastReceived.rawValue > 0 ? time - max(0, receiveTime.rawValue - lastReceived.rawValue) : 0
    }

    /// Asks the outside clocks. If one agrees with the feed's time, that is sure.
    /// - Returns: what was believed before a leap and no clock agreed with: it was wrong, and ticks went into intervals
    ///   that were over.
    mutating func takeWrongEras() -> [Range<UTCNanos>] {
        guard judge.isConfirmed, feedTime > 0 else { return [] }
        let wrong = doubtfulEras.filter { $0.upperBound.rawValue <= feedTime }
        (sureUntil, eraStart, doubtfulEras) = (feedTime, nil, [])
        return wrong
    }
}
