internal import Reports
internal import Assumptions
internal import Host
internal import IG
internal import MarketData
internal import Planning
internal import Store
internal import Streams
internal import Wire

/// What is wrong with the pipeline at one moment, since when, and what to do about it: the one judgement that `status`,
/// `top`, `doctor` and `gaps --check` show. A function of what was observed alone.
///
/// Times are the market's: the host's clock plus the offset that ingest-stream has learned. Silence of feed, pairs and
/// candles is judged only while a market is open (`TradingHours`). Source: docs/operations.md § Verdict.
struct Verdict {
    /// What deserves a look; empty if all is well.
    let findings: [Finding]

    /// The worst of all. `failed`: a monitor should alert a person.
    var state: Finding.State {
        if findings.contains(where: { $0.state == .failed }) { return .failed }
        return findings.isEmpty ? .ok : .warning
    }

    /// What failed, each a short sentence without its end.
    var failures: [String] { findings.filter { $0.state == .failed }.map(\.sentence) }

    /// In one line.
    var line: String { findings.isEmpty ? "all is well" : findings.map(\.sentence).joined(separator: "; ") }

    /// A line for each finding, with what to do about it.
    func text(_ style: TextStyle) -> String {
        guard !findings.isEmpty else { return style.painted("all is well", .good) + "\n" }
        return findings.map { $0.text(mark: style.painted($0.stateText, $0.tone)) }.joined()
    }

    /// The heartbeat comes once a second (`ig-api` § 9.3).
    private static let heartbeatMax = 10 * UTCNanos.perSecond
    /// How long a pair may be blind before it counts: the broker ends single subscriptions and takes them again.
    private static let blindMax = 60 * UTCNanos.perSecond
    /// How long a pair may bring no tick while most of the others do.
    private static let silenceMax = 150 * UTCNanos.perSecond
    /// The others are lively when they have ticked within so long.
    private static let liveliness = 10 * UTCNanos.perSecond
    /// How long the failure of an assumption is worth a look.
    private static let assumptionAge: Duration = .seconds(86_400)
    /// How far the host's clock may be off. Beyond a day the market is a simulated one.
    private static let offsetMax = 5 * UTCNanos.perSecond
    /// Bytes that the state folder's disk must have free.
    static let freeMin: Int64 = 200_000_000
    static let diskAdvice = "free some space: on a full disk the stages stop with code 74"

    init(_ observation: Observation) {
        let judge = Judge(observation)
        findings =
            judge.stages + judge.disk + judge.feed + judge.blindPairs + judge.silentPairs + judge.candles
            + judge.disputes + judge.clock + judge.quota + judge.assumptions
    }

    /// Looks at one thing after the other.
    private struct Judge {
        let seen: Observation
        /// Whether any instrument is traded.
        let isOpen: Bool
        private var ingest: StageStatus? { seen.ingest }

        init(_ observation: Observation) {
            seen = observation
            isOpen = observation.pairs.contains { observation.session($0) != nil }
        }

        // MARK: Machine

        var stages: [Finding] {
            let down = seen.stages.filter { $0.status == nil }.map(\.stage.name)
            guard !down.isEmpty else { return [] }
            return [
                Finding(
                    "stages", "", .failed, "not running: \(down.joined(separator: ", "))",
                    "systemctl start candlewick.target, or scripts/run; then journalctl -u candlewick-\(down[0])")
            ]
        }

        var disk: [Finding] {
            guard let free = seen.free, free < Verdict.freeMin else { return [] }
            return [
                Finding(
                    "disk", "", .failed, "only \(byteText(free)) of disk free", Verdict.diskAdvice)
            ]
        }

        // MARK: Feed

        /// Since when the feed is not seen, in time that has really passed; `nil` while it is.
        private var silence: Int64? {
            guard let age = ingest?.age(.heartbeatTime), age >= Verdict.heartbeatMax else { return nil }
            return age
        }

        var feed: [Finding] {
            guard isOpen, let silence, let ingest else { return [] }
            let state = ingest.state
            return [
                Finding(
                    "feed", "", .failed,
                    "no heartbeat for \(Duration.nanoseconds(silence).brief), since \(moment(ago: silence)) (\(state))",
                    Judge.advice(state))
            ]
        }

        private static func advice(_ state: String) -> String {
            switch state {
            case "logging in":
                "the broker refuses the login or its tokens: run candlewick doctor; journalctl -u candlewick-ingest-stream shows the reason"
            case "streaming", "silent":
                "the connection is open but the broker sends nothing: wait for the next session, check the broker's status page"
            default:
                "the broker cannot be reached: check the network, then journalctl -u candlewick-ingest-stream"
            }
        }

        var blindPairs: [Finding] {
            guard silence == nil, ingest != nil else { return [] }
            return seen.stored.continuity.blindPairs.compactMap { blind in
                guard let pair = seen.pairs.first(where: { $0.description == blind.pair }), seen.session(pair) != nil
                else { return nil }
                let age = (seen.marketNow - blind.since).nanoseconds
                let isRefused = ["instrument refused", "updates limited"].contains(blind.reason?.event)
                guard age >= Verdict.blindMax || isRefused else { return nil }
                return Finding("pair", blind.pair, .failed, blind.text, Judge.advice(reason: blind.reason?.event))
            }
        }

        private static func advice(reason: String?) -> String {
            switch reason {
            case "instrument refused":
                "check its epic, and whether the account may stream it: candlewick doctor asks the broker; ingest-stream keeps trying"
            case "updates limited": "the broker drops updates above this rate: every candle of the pair is partial"
            default:
                "ingest-stream keeps trying to subscribe; if the pair is still blind after an hour, run candlewick doctor"
            }
        }

        /// Pairs that bring nothing while most of the others are lively.
        var silentPairs: [Finding] {
            guard silence == nil, let ingest else { return [] }
            let blind = Set(seen.stored.continuity.blindPairs.map(\.pair))
            let ages = seen.pairs.compactMap { pair in age(pair, ingest).map { (pair, $0) } }
                .filter { !blind.contains($0.0.description) }
            let lively = ages.count { $0.1 < Verdict.liveliness }
            return ages.filter { $0.1 >= Verdict.silenceMax && lively * 2 > ages.count - 1 }.map { pair, age in
                Finding(
                    "pair", "\(pair)", .failed, "no tick for \(Duration.nanoseconds(age).brief) while other pairs tick",
                    "its subscription may be dead: ingest-stream renews it; if it stays silent, compare with the broker's site"
                )
            }
        }

        /// ns since the last tick of a pair, in its open session; `nil` if it had none or its market is closed.
        private func age(_ pair: Pair, _ ingest: StageStatus) -> Int64? {
            guard let session = seen.session(pair), let age = ingest.age(.tickTime, pair.description) else {
                return nil
            }
            // Markets open at different times: those that just opened have not been silent since yesterday.
            return min(age, (seen.marketNow.seconds - session.lowerBound).nanoseconds)
        }

        private func moment(ago nanos: Int64) -> String {
            UTCNanos(rawValue: seen.now.rawValue - nanos).text() + " UTC"
        }

        // MARK: Candles

        var candles: [Finding] {
            guard !seen.stored.candles.isEmpty else {
                return [
                    Finding(
                        "candles", "", isOpen ? .failed : .warning, "no candle is stored",
                        "wait: the first candle comes after the first complete interval")
                ]
            }
            // What was only bought or imported is not expected to go on.
            let streamed = seen.stored.candles.filter {
                $0.bySource[.streamed] != nil && seen.timeframes.contains($0.series.timeframe)
            }
            let states = streamed.map { ($0, seen.freshness($0)) }
            // A pair may be quiet. All of a timeframe are not.
            let dead = Dictionary(grouping: states, by: \.0.series.timeframe).filter {
                $0.value.allSatisfy(\.1.isStale)
            }
            let advice = "candlewick status shows each pair; candlewick tap feed shows the feed's events"
            if !dead.isEmpty {
                return dead.keys.sorted().map { Finding("candles", "", .failed, "no fresh candle of \($0)", advice) }
            }
            let stale = states.count { $0.1.isStale }
            guard stale * 2 > states.count else { return [] }
            return [Finding("candles", "", .failed, "more than half of the pairs are stale", advice)]
        }

        /// Of the last day.
        var disputes: [Finding] {
            let disputed = seen.stored.disputed
            guard disputed.count > 0, let newest = disputed.newest else { return [] }
            return [
                Finding(
                    "candles", "", .warning,
                    "the broker's own candles dispute \(disputed.count) of the last day, the newest of \(newest.text()) UTC",
                    "ticks may be missing: candlewick compare shows each")
            ]
        }

        // MARK: Clock and quota

        var clock: [Finding] {
            guard let offset = ingest?.metrics.nanos(.clockOffset), abs(offset) > Verdict.offsetMax,
                abs(offset) < 86_400 * UTCNanos.perSecond
            else { return [] }
            let side = offset > 0 ? "behind" : "ahead of"
            return [
                Finding(
                    "clock", "", .warning,
                    "this machine's clock is \(Duration.nanoseconds(abs(offset)).brief) \(side) the broker's",
                    "set up timedatectl or chrony")
            ]
        }

        /// Those that failed of late. The clock has a finding of its own.
        var assumptions: [Finding] {
            Assumption.allCases.filter { $0 != .clockOffset }.compactMap { assumption in
                let count = seen.assumptions[assumption]
                guard let last = count.lastViolation, seen.now.seconds - last < Verdict.assumptionAge else {
                    return nil
                }
                return Finding(
                    "assumption", assumption.rawValue, .warning,
                    "failed, last at \(last.text()) UTC (\(count.note ?? "")): "
                        + assumption.fact.sentence.lowercasedFirst,
                    "\(assumption.fact.consequence.lowercasedFirst); candlewick assumptions shows how often")
            }
        }

        var quota: [Finding] {
            let quota = seen.stored.quota
            guard quota.isTold, quota.remaining * 10 < quota.total, let renewal = quota.renewal,
                renewal > seen.now.seconds + .seconds(86_400)
            else { return [] }
            return [
                Finding(
                    "quota", "", .warning, quota.text, "ingest-backfill plan shows what the rest can buy")
            ]
        }
    }
}

extension Finding {
    /// Such as `EUR_USD blind since …`.
    var sentence: String { subject.isEmpty ? finding : "\(subject) \(finding)" }

    var tone: TextStyle.Tone {
        switch state {
        case .ok: .good
        case .warning: .warning
        case .failed: .bad
        }
    }
}
