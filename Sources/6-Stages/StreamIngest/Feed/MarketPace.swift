internal import MarketData

/// How fast the market runs against our monotonic clock: learned from two believed times that are four seconds or more
/// apart. A broker's market keeps the pace of our clock; a simulated or recorded one may run at any speed.
struct MarketPace {
    private enum State { case unknown, steady, fast }

    /// What is measured over less than this says more about the connection than about the market.
    private static let measureNanos = 4 * UTCNanos.perSecond
    /// Behind a silence of so long what comes is late for a while, and is not measured.
    private static let silenceMax = 2 * UTCNanos.perSecond
    private static let settling = UTCNanos.perSecond
    /// What the connection may hold up one of the two times that are compared.
    private static let jitter = UTCNanos.perSecond / 5
    /// Of the time that passes, this part may be added to the market's: a clock that runs faster drifts away.
    static let driftPart: Int64 = 10
    /// The fastest market that is followed before its pace is known. Market seconds per second.
    private static let rateMax = 5_000.0
    private static let samplesMax = 3

    private var state = State.unknown
    /// The last measurements of a fast market. One wrong time spoils two of them, so that the middle one counts.
    private var samples: [Double] = []
    /// The time that was last the newest, and where the present measurement began.
    private var newest: TimeJudge.Told?
    private var mark: TimeJudge.Told?
    private var settles = Int64.min
    private var hasLeapt = false

    var isSteady: Bool { state == .steady }
    var isFast: Bool { state == .fast }

    /// Market seconds per second: the bound while it is unknown.
    private var rate = MarketPace.rateMax

    /// No time was the newest for a while, and the pace is not known yet.
    func isQuiet(now: Int64) -> Bool {
        guard let newest, state == .unknown else { return false }
        return now &- newest.monotonic > Self.measureNanos
    }

    /// A believed time is the newest.
    @inline(__always)
    mutating func hear(_ told: TimeJudge.Told) {
        // What follows a silence may be old at first.
        if let newest, told.monotonic &- newest.monotonic > Self.silenceMax {
            settles = told.monotonic &+ Self.settling
        }
        newest = told
    }

    /// How far ahead of the newest time the market may be by now. ns.
    func reach(now: Int64, tolerance: Int64) -> Int64 {
        let silence = newest.map { max(0, now &- $0.monotonic) } ?? 0
        return span(silence &+ silence / Self.driftPart &+ (state == .unknown ? Self.jitter : tolerance))
    }

    /// A span of our time in the market's, at most 100 years. ns.
    func span(_ nanos: Int64) -> Int64 { state == .steady ? nanos : Int64(min(Double(nanos) * rate, 3e18)) }

    /// Compares the newest time with the one at the mark.
    mutating func measure(now: Int64) {
        guard let newest, now >= settles else { return }
        guard let mark else {
            self.mark = newest
            return
        }
        let passed = newest.monotonic &- mark.monotonic
        guard passed >= Self.measureNanos else { return }
        learn(gain: newest.time &- mark.time &- passed, passed: passed)
        self.mark = newest
    }

    private mutating func learn(gain: Int64, passed: Int64) {
        let gainMax = passed / Self.driftPart &+ Self.jitter
        if state == .steady {
            // It stays so if a clock drifts away: only a market that leaps may turn out to be another one.
            if gain <= gainMax { hasLeapt = false } else if hasLeapt { forget() }
            return
        }
        samples = (samples + [1 + Double(gain) / Double(passed)]).suffix(Self.samplesMax)
        hasLeapt = false
        rate = samples.sorted()[samples.count / 2]
        state = rate > 1 + Double(gainMax) / Double(passed) ? .fast : .steady
        if state == .steady { (rate, samples) = (1, []) }
    }

    private mutating func forget() {
        (state, rate, samples) = (.unknown, Self.rateMax, [])
    }

    /// The market's time leaps, or is set back. One leap shows nothing of the pace of a steady market, two that follow
    /// each other do; a fast one may be another market now.
    mutating func leap() {
        if !hasLeapt { mark = nil }
        hasLeapt = newest != nil
        guard state == .fast else { return }
        forget()
        mark = nil
    }
}
