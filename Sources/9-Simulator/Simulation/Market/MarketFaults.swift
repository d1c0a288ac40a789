internal import MarketData

/// Faults of the broker's clock, ticks and candles. One object for the market and all of its pairs.
///
/// Times are in nanoseconds of market time unless stated otherwise.
final class MarketFaults {
    /// Nanoseconds by which the broker's clock is ahead.
    private var clockAhead: Int64 = 0
    /// Nanoseconds per second by which it goes too fast, and since when.
    private var drift: (perSecond: Int64, since: Int64)?
    /// Seconds by which every heartbeat, and the `UTM` of every tick, is wrong.
    private(set) var heartbeatShift: Int64 = 0
    private(set) var tickShift: Int64 = 0
    /// The same for the next heartbeat alone.
    private var wrongHeartbeat: Int64 = 0
    /// Counts the faults of the kind that strikes the next tick of each pair once.
    private(set) var wrongTick: (number: Int, seconds: Int64) = (0, 0)
    private(set) var oneSided = OneSidedTicks()
    /// Each pair sends one tick in this many twice.
    private(set) var repeatsEvery: Int?
    private(set) var mergesCandles = false
    private(set) var resendsCandles = false
    private(set) var showsOldCandles = false
    private(set) var stripsZeros = false

    /// - Parameter now: market time.
    func apply(_ fault: MarketFault, now: Int64) {
        switch fault {
        case .clockAhead(let millis): clockAhead = Int64(millis) * UTCNanos.perMillisecond
        case .clockDrift(let perMillion):
            clockAhead = ahead(at: now)
            drift = (Int64(perMillion) * 1_000, now)
        case .heartbeatShift(let seconds): heartbeatShift = Int64(seconds)
        case .tickShift(let seconds): tickShift = Int64(seconds)
        case .wrongHeartbeat(let seconds): wrongHeartbeat = Int64(seconds)
        case .wrongTick(let seconds): wrongTick = (wrongTick.number + 1, Int64(seconds))
        case .oneSided(let every): oneSided.begin(every: every, at: now)
        case .repeatTicks(let every): repeatsEvery = every
        case .mergedCandles: mergesCandles = true
        case .resendCandles: resendsCandles = true
        case .oldCandles: showsOldCandles = true
        case .stripZeros: stripsZeros = true
        }
    }

    /// Ends what lasts.
    func clear(now: Int64) {
        clockAhead = 0
        drift = nil
        heartbeatShift = 0
        tickShift = 0
        wrongHeartbeat = 0
        wrongTick.seconds = 0
        oneSided.end(at: now)
        repeatsEvery = nil
        mergesCandles = false
        resendsCandles = false
        showsOldCandles = false
        stripsZeros = false
    }

    /// How far the broker's clock is ahead at a market time. Source: ig-api § 14 (1.3 to 1.5 s seen).
    func ahead(at time: Int64) -> Int64 {
        guard let drift else { return clockAhead }
        return clockAhead &+ max(0, time - drift.since) / UTCNanos.perSecond &* drift.perSecond
    }

    /// The next heartbeat's error in seconds.
    func takeHeartbeatShift() -> Int64 {
        defer { wrongHeartbeat = 0 }
        return heartbeatShift + wrongHeartbeat
    }
}

/// Which ticks bring one side only, or none: a function of pair and time, so that history says the same as the
/// stream did. Source: ig-api § 14: of 644 updates 12 brought the bid only, 2 the offer only, 2 neither.
struct OneSidedTicks {
    private struct Period {
        let from: Int64
        var to: Int64
        let every: UInt64
    }

    private var periods: [Period] = []

    /// From now on one tick in `every` is such a one.
    mutating func begin(every: Int, at now: Int64) {
        end(at: now)
        periods.append(Period(from: now, to: .max, every: UInt64(every)))
    }

    mutating func end(at now: Int64) {
        guard let last = periods.indices.last, periods[last].to == .max else { return }
        periods[last].to = now
        // A bound that no test reaches.
        if periods.count > 1_000 { periods.removeFirst() }
    }

    /// The tick as the broker sends it.
    func shaped(_ tick: MarketTick, pair key: UInt64) -> MarketTick {
        guard let period = periods.last(where: { $0.from < tick.time && tick.time <= $0.to }) else { return tick }
        var dice = SeededRandom(seed: UInt64(bitPattern: tick.time) ^ key)
        guard dice.next() % period.every == 0 else { return tick }
        var shaped = tick
        let kind = dice.next() % 8
        if kind < 6 || kind == 7 { shaped.ask = .null }
        if kind >= 6 { shaped.bid = .null }
        return shaped
    }
}
