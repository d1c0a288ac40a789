internal import MarketData

/// Judges the times that the broker sends: it believes none of them just because the broker sent it.
///
/// The believed time runs on as a line, with the host's monotonic clock. A time that the line explains is believed
/// and may pull the line ahead a little: so the offset between the broker's clock and ours is learned, and follows
/// it slowly. Any other time is set aside. It becomes a claim, and a claim takes the line's place if more
/// independent witnesses stand for it than for the line, for long enough. The witnesses: the heartbeat, the tick
/// items (two votes at most: they share a clock), the host's clock, and the `Date` of the last REST reply.
///
/// A market that no outside clock agrees with and that does not keep the pace of ours, as a simulated one, may come ahead
/// as far as its pace explains: `MarketPace` learns it.
/// Source: `ig-api` § 14 (times are about 1.4 s ahead of arrival); the limits are our choice.
struct TimeJudge {
    /// The source of a time.
    enum Witness: Hashable {
        case heartbeat
        /// The tick item of an instrument, by its index.
        case item(Int)
    }

    enum Verdict: Hashable {
        case believed
        /// The line does not explain it, and not enough speaks for it.
        case setAside
        /// Believed: the first time of all, or one far ahead of the line. Times that came meanwhile were set aside.
        case leap
        /// Believed: what was believed before was ahead of the truth.
        case setBack
    }

    /// A time that the broker sent, and when we received it. ns.
    struct Told: Hashable {
        var time: Int64
        var monotonic: Int64

        /// What it is at a later moment.
        func at(_ monotonic: Int64) -> Int64 { time &+ (monotonic &- self.monotonic) }
    }

    /// Times that agree with each other and not with the line.
    private struct Claim {
        var last: Told
        let firstHeard: Int64
        var lastHeard: Int64
        var items: Set<Int> = []
        var heartbeats = 0
        var count = 0
    }

    /// How far a time may be ahead of the line, or of a claim, to be explained by it.
    static let tolerance = 3 * UTCNanos.perSecond
    /// How far the host's clock and REST's `Date` may be off and still stand for a time.
    private static let hostTolerance = 60 * UTCNanos.perSecond
    /// A witness that said nothing for so long stands for nothing.
    private static let memory = 10 * UTCNanos.perSecond
    /// How far behind the line a time may be: what a slow connection held up comes late.
    private static let lateMax = 120 * UTCNanos.perSecond
    /// How long a claim must hold: with two votes or more, and with one.
    private static let patience = 10 * UTCNanos.perSecond
    private static let longPatience = 25 * UTCNanos.perSecond
    private static let claimsMax = 8
    /// The line falls behind by this part, so that it follows a clock that runs slow.
    private static let leak: Int64 = 1_000

    /// The newest time that is believed, at the moment of the last burst; `nil` before the first.
    private(set) var line: Told?
    private var claims: [Claim] = []
    /// When each last sent a time that the line explains, monotonic.
    private var heartbeatHeard = Int64.min
    private var itemsHeard: [Int64]
    /// How far the host's clock is ahead of the monotonic one.
    private var hostOffset: Int64?
    private var rest: Told?
    private var now: Int64 = 0
    /// Nothing that is believed can do harm: no candle counts as seen.
    private var isBlind = true
    private var pace = MarketPace()
    /// How far ahead of a time that pulls the line others are believed at once; `nil` if the line's own pace decides.
    private var slack: Int64? = TimeJudge.tolerance
    /// How far behind the line a time is believed.
    private var lateness = TimeJudge.lateMax
    /// How far behind it a time may be to stand for it.
    private var freshness = TimeJudge.memory
    /// Above this a time is not believed at once: looked at for every tick.
    private(set) var latest: Int64 = .min

    init(itemCount: Int) { itemsHeard = Array(repeating: .min, count: itemCount) }

    /// Bytes have come, or time has passed.
    mutating func advance(now: Int64, host: UTCNanos) {
        let passed = max(0, now &- (line?.monotonic ?? now))
        if let line { self.line = Told(time: line.time &+ passed &- passed / Self.leak, monotonic: now) }
        self.now = now
        hostOffset = host.rawValue &- now
        pace.measure(now: now)
        moveBounds(passed)
    }

    /// How far from the line a time may be, now that some time has passed.
    private mutating func moveBounds(_ passed: Int64) {
        guard let line else { return }
        // A login just now agrees with any market, however fast it runs.
        let isOurs = pace.isSteady || pace.isQuiet(now: now) || (!pace.isFast && hasHost(line.time))
        lateness = isOurs ? Self.lateMax : pace.span(Self.lateMax)
        freshness = isOurs ? Self.memory : pace.span(Self.memory)
        if pace.isSteady {
            // A clock that errs pulls the line ahead by a part of the time that passes, and no more.
            let most = latest &+ passed &+ passed / MarketPace.driftPart
            (latest, slack) = (min(line.time &+ Self.tolerance, most), nil)
        } else {
            // A market that runs as fast as it is read steps ahead by little each time.
            let ahead = isOurs ? Self.tolerance : pace.reach(now: now, tolerance: Self.tolerance)
            (latest, slack) = (line.time &+ ahead, ahead)
        }
    }

    /// The `Date` of a REST reply, and when it came.
    mutating func hear(rest time: UTCNanos, monotonic: Int64) { rest = Told(time: time.rawValue, monotonic: monotonic) }

    /// Whether the feed is blind: then a leap can close nothing that was not doubtful already, and the times of the
    /// lost session stand for nothing.
    mutating func setBlind(_ isBlind: Bool) {
        if isBlind {
            heartbeatHeard = .min
            for item in itemsHeard.indices { itemsHeard[item] = .min }
        }
        self.isBlind = isBlind
    }

    /// Judges a time that came at the moment of the last `advance`.
    @inline(__always)
    mutating func judge(_ time: Int64, by witness: Witness) -> Verdict {
        guard time <= latest, let line, time > line.time &- lateness else { return judgeOdd(time, witness) }
        if time > line.time { pull(to: time) }
        if time > line.time &- freshness { note(witness) }
        return .believed
    }

    private mutating func pull(to time: Int64) {
        let told = Told(time: time, monotonic: now)
        line = told
        pace.hear(told)
        if let slack { latest = time &+ slack }
    }

    private mutating func begin(at time: Int64) {
        pull(to: time)
        latest = time &+ (slack ?? Self.tolerance)
    }

    @inline(__always)
    private mutating func note(_ witness: Witness) {
        switch witness {
        case .heartbeat: heartbeatHeard = now
        // Written once for all that one burst brings.
        case .item(let index): if itemsHeard[index] != now { itemsHeard[index] = now }
        }
    }

    // MARK: Times that the line does not explain

    @inline(never)
    private mutating func judgeOdd(_ time: Int64, _ witness: Witness) -> Verdict {
        let index = addToClaims(time, witness)
        guard isConvincing(claims[index]) else { return .setAside }
        let isBehind = line.map { time < $0.time } ?? false
        // The witnesses of the line do not stand for the new one.
        heartbeatHeard = claims[index].heartbeats > 0 ? now : .min
        for item in itemsHeard.indices { itemsHeard[item] = claims[index].items.contains(item) ? now : .min }
        claims = []
        pace.leap()
        begin(at: time)
        return isBehind ? .setBack : .leap
    }

    /// Adds a time to the claim that explains it, or to a new one.
    private mutating func addToClaims(_ time: Int64, _ witness: Witness) -> Int {
        claims.removeAll { now &- $0.lastHeard > Self.memory }
        let tolerance = pace.isFast ? pace.span(Self.tolerance) : Self.tolerance
        let known = claims.firstIndex { claim in
            let expected = claim.last.at(now)
            // A market that runs fast steps ahead; one that is late steps back a little.
            return time >= min(expected, claim.last.time) - tolerance && time <= expected + tolerance
        }
        let index = known ?? claims.count
        if known == nil {
            if claims.count == Self.claimsMax,
                let least = claims.indices.min(by: { claims[$0].count < claims[$1].count })
            {
                claims.remove(at: least)
            }
            claims.append(Claim(last: Told(time: time, monotonic: now), firstHeard: now, lastHeard: now))
        }
        let place = min(index, claims.count - 1)
        claims[place].count += 1
        claims[place].lastHeard = now
        if time > claims[place].last.at(now) - tolerance {
            claims[place].last = Told(time: max(time, claims[place].last.time), monotonic: now)
        }
        switch witness {
        case .heartbeat: claims[place].heartbeats += 1
        case .item(let item): claims[place].items.insert(item)
        }
        return place
    }

    private func isConvincing(_ claim: Claim) -> Bool {
        let votes = votes(claim)
        guard votes > votesForLine else { return false }
        let age = now &- claim.firstHeard
        let isAhead = hostOffset.map { claim.last.time > now &+ $0 &+ Self.hostTolerance } ?? false
        if isBlind, !isAhead || hasREST(claim.last.time) { return votes >= 2 || claim.heartbeats >= 2 }
        return age >= (votes >= 2 ? Self.patience : Self.longPatience) && claim.count >= 3
    }

    private func votes(_ claim: Claim) -> Int {
        (claim.heartbeats > 0 ? 1 : 0) + min(2, claim.items.count) + outsideVotes(claim.last.time)
    }

    private var votesForLine: Int {
        guard let line else { return 0 }
        // The times of the lost session, and a login's time that still seems to fit a fast market, stand for nothing.
        if isBlind { return hasHost(line.time) ? 1 : 0 }
        let items = itemsHeard.lazy.filter { $0 > now &- Self.memory }.prefix(2).count
        return (heartbeatHeard > now &- Self.memory ? 1 : 0) + items + outsideVotes(line.time)
    }

    /// Whether a clock outside the stream agrees with what is believed.
    var isConfirmed: Bool { line.map { outsideVotes($0.time) > 0 } ?? false }

    /// The market was measured to keep the pace of our clock.
    var keepsOurPace: Bool { pace.isSteady }

    /// The host's clock and REST's.
    private func outsideVotes(_ time: Int64) -> Int {
        (hasHost(time) ? 1 : 0) + (hasREST(time) ? 1 : 0)
    }

    private func hasHost(_ time: Int64) -> Bool {
        hostOffset.map { abs(now &+ $0 &- time) <= Self.hostTolerance } ?? false
    }

    private func hasREST(_ time: Int64) -> Bool { rest.map { abs($0.at(now) &- time) <= Self.hostTolerance } ?? false }
}
