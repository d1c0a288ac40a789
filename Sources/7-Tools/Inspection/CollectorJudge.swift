internal import Archive
internal import Assumptions
internal import Host
internal import IG
internal import MarketData
internal import Reports
internal import Store
internal import Streams
internal import Wire

/// Looks at one collector, at one thing after the other. What it lacks of a pair that another collector sees is a warning
/// only: the store gets whole candles all the same. Source: docs/operations.md § Verdict.
struct CollectorJudge {
    private let own: Verdict.CollectorObservation
    /// The other collectors.
    private let others: [CollectorJudge]
    /// If there are several collectors.
    private let name: String?
    /// `store-writer` is judged here if there is no other collector.
    private let storeWriter: StatusListener.Heard?
    private let now: UTCNanos
    private var ingest: StageStatus? { own.ingest }

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

    init(_ seen: Verdict.Observation, _ own: Verdict.CollectorObservation) {
        let others = seen.collectors.filter { $0.collector != own.collector }
        self.init(
            own, others.map { CollectorJudge($0, [], name: nil, nil, seen.now) },
            name: seen.hasSeveral ? own.collector.name : nil, seen.hasSeveral ? nil : seen.storeWriter, seen.now)
    }

    private init(
        _ own: Verdict.CollectorObservation, _ others: [CollectorJudge], name: String?,
        _ storeWriter: StatusListener.Heard?, _ now: UTCNanos
    ) {
        (self.own, self.others, self.name, self.storeWriter, self.now) = (own, others, name, storeWriter, now)
    }

    private func finding(
        _ check: String, _ subject: String, _ state: Finding.State, _ finding: String, _ advice: String
    ) -> Finding {
        Finding(check, subject, state, finding, advice).of(name)
    }

    // MARK: What others see

    /// Whether it sees a pair well at this moment, or would if the market were open.
    private func sees(_ pair: Pair) -> Bool {
        guard own.pairs.contains(pair), own.stages.allSatisfy({ $0.status != nil }), let ingest, silence == nil,
            own.unstored == nil, !own.continuity.blindPairs.contains(where: { $0.pair == pair.description })
        else { return false }
        guard own.session(pair) != nil else { return true }
        return age(pair, ingest).map { $0 < CollectorJudge.silenceMax } ?? false
    }

    /// The names of the others that together see some pairs; `nil` if one of the pairs is seen by nobody else.
    private func helpers(_ pairs: [Pair]) -> [String]? {
        var helpers: Set<Collector> = []
        for pair in pairs {
            guard let helper = others.first(where: { $0.sees(pair) }) else { return nil }
            helpers.insert(helper.own.collector)
        }
        return helpers.sorted().map(\.name)
    }

    /// A fault of some pairs: a failure unless others see them all.
    private func fault(
        _ check: String, _ subject: String = "", of pairs: [Pair], _ text: String, _ advice: String
    ) -> Finding {
        guard let helpers = helpers(pairs), !helpers.isEmpty else {
            return finding(check, subject, .failed, text, advice)
        }
        let verb = helpers.count == 1 ? "sees" : "see"
        let what = subject.isEmpty ? "its pairs" : "it"
        return finding(check, subject, .warning, "\(text); \(helpers.joined(separator: ", ")) \(verb) \(what)", advice)
    }

    // MARK: Stages

    var stages: [Finding] {
        let all = own.stages + (storeWriter.map { [$0] } ?? [])
        let down = all.filter { $0.status == nil }.map(\.stage)
        guard !down.isEmpty else { return [] }
        if name != nil, !own.hasFile, down.count == all.count {
            return [
                finding(
                    "stages", "", .warning, "does not run, and has no configuration file",
                    """
                    if it has gone for good, move its journals away; otherwise \
                    \(Document.path("configuration.md")) says where its file belongs
                    """
                )
            ]
        }
        let found = Verdict.notRunning(down, instance: own.instance)
        return [fault("stages", of: own.pairs, found.finding, found.advice)]
    }

    /// Its candles wait in its journal.
    var unstored: [Finding] {
        guard let reason = own.unstored else { return [] }
        return [
            fault(
                "store", of: own.pairs, "store-writer cannot take the candles: \(reason)",
                """
                run candlewick journal check\(name.map { " --collector \($0)" } ?? ""), then read \
                \(Document.path("operations.md")), 'Journals'
                """
            )
        ]
    }

    // MARK: Feed

    /// Since when the feed is not seen, in time that has really passed; `nil` while it is.
    private var silence: Int64? {
        guard let age = ingest?.age(.heartbeatTime), age >= CollectorJudge.heartbeatMax else { return nil }
        return age
    }

    var feed: [Finding] {
        guard own.isOpen, let silence, let ingest else { return [] }
        let state = ingest.state
        return [
            fault(
                "feed", of: own.pairs.filter { own.session($0) != nil },
                "no heartbeat for \(Duration.nanoseconds(silence).brief), since \(moment(ago: silence)) (\(state))",
                advice(state))
        ]
    }

    private func advice(_ state: String) -> String {
        let unit = Verdict.unit(.ingestStream, own.instance)
        return switch state {
        case "logging in":
            "the broker refuses the login or its tokens: run candlewick doctor; journalctl -u \(unit) shows the reason"
        case "streaming", "silent":
            "the connection is open but the broker sends nothing: wait for the next session, check the broker's status page"
        default:
            "the broker cannot be reached: check the network, then journalctl -u \(unit)"
        }
    }

    var blindPairs: [Finding] {
        guard silence == nil, ingest != nil else { return [] }
        return own.continuity.blindPairs.compactMap { blind in
            guard let pair = own.pairs.first(where: { $0.description == blind.pair }), own.session(pair) != nil
            else { return nil }
            let age = (own.marketNow - blind.since).nanoseconds
            let isRefused = ["instrument refused", "updates limited"].contains(blind.reason?.event)
            guard age >= CollectorJudge.blindMax || isRefused else { return nil }
            return fault("pair", blind.pair, of: [pair], blind.text, CollectorJudge.advice(reason: blind.reason?.event))
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
        let blind = Set(own.continuity.blindPairs.map(\.pair))
        let ages = own.pairs.compactMap { pair in age(pair, ingest).map { (pair, $0) } }
            .filter { !blind.contains($0.0.description) }
        let lively = ages.count { $0.1 < CollectorJudge.liveliness }
        return ages.filter { $0.1 >= CollectorJudge.silenceMax && lively * 2 > ages.count - 1 }.map { pair, age in
            fault(
                "pair", "\(pair)", of: [pair],
                "no tick for \(Duration.nanoseconds(age).brief) while other pairs tick",
                "its subscription may be dead: ingest-stream renews it; if it stays silent, compare with the broker's site"
            )
        }
    }

    /// ns since the last tick of a pair, in its open session; `nil` if it had none or its market is closed.
    private func age(_ pair: Pair, _ ingest: StageStatus) -> Int64? {
        guard let session = own.session(pair), let age = ingest.age(.tickTime, pair.description) else {
            return nil
        }
        // Markets open at different times: those that just opened have not been silent since yesterday.
        return min(age, (own.marketNow.seconds - session.lowerBound).nanoseconds)
    }

    private func moment(ago nanos: Int64) -> String {
        UTCNanos(rawValue: now.rawValue - nanos).text() + " UTC"
    }

    // MARK: Clock, quota and assumptions

    var clock: [Finding] {
        guard let offset = ingest?.metrics.nanos(.clockOffset), abs(offset) > CollectorJudge.offsetMax,
            abs(offset) < 86_400 * UTCNanos.perSecond
        else { return [] }
        let side = offset > 0 ? "behind" : "ahead of"
        return [
            finding(
                "clock", "", .warning,
                "this machine's clock is \(Duration.nanoseconds(abs(offset)).brief) \(side) the broker's",
                "set up timedatectl or chrony")
        ]
    }

    /// Those that failed of late. The clock has a finding of its own.
    var assumptions: [Finding] {
        Assumption.allCases.filter { $0 != .clockOffset }.compactMap { assumption in
            let count = own.assumptions[assumption]
            guard let last = count.lastViolation, now.seconds - last < CollectorJudge.assumptionAge else {
                return nil
            }
            return finding(
                "assumption", assumption.rawValue, .warning,
                "failed, last at \(last.text()) UTC (\(count.note ?? "")): "
                    + assumption.fact.sentence.lowercasedFirst,
                "\(assumption.fact.consequence.lowercasedFirst); candlewick assumptions shows how often")
        }
    }

    /// The timer runs once an hour, and waits for segments of a day.
    private static let backlogMax: Duration = .seconds(2 * 86_400)

    var archive: [Finding] {
        guard let backlog = own.backlog, case let age = now - backlog.since, age > Self.backlogMax else { return [] }
        return [
            finding(
                "archive", "", .warning, "\(backlog.stream.rawValue) of \(age.brief) ago are not archived yet",
                "the journals keep them meanwhile: systemctl enable --now candlewick-archive.timer, or candlewick archive run"
            )
        ]
    }

    var quota: [Finding] {
        let quota = own.quota
        guard quota.isTold, quota.remaining * 10 < quota.total, let renewal = quota.renewal,
            renewal > now.seconds + .seconds(86_400)
        else { return [] }
        return [finding("quota", "", .warning, quota.text, "ingest-backfill plan shows what the rest can buy")]
    }
}
