internal import Archive
internal import Engines
public import Reports
internal import Assumptions
public import Host
internal import IG
internal import MarketData
internal import Planning
public import Settings
internal import Store
internal import Streams
internal import Wire

/// The state of the whole pipeline: stages, feed, what the database holds, what may still be bought, and the disk.
public struct StatusReport: Report {
    private let seen: Verdict.Observation
    private let paths: Paths
    let verdict: Verdict

    private var stored: StoreSnapshot { seen.stored }
    private var candles: [SeriesStatistics] { stored.candles }
    /// Whose facts stand where one collector's are expected.
    private var own: Verdict.CollectorObservation {
        seen.collectors.first { $0.collector == paths.collector } ?? seen.collectors[0]
    }

    /// Listens to the stages for up to two seconds, and reads the database.
    /// A database that is not there or cannot be read is a finding: the others count all the more.
    /// - Throws: `Failure` (77) if it is closed to this user; `BusError`.
    public init(paths: Paths, collectors: Collectors, clock: Clock) throws {
        let stages = try StatusListener.collect(
            paths: paths, collectors: collectors.all, milliseconds: 2_000, clock: clock)
        try self.init(stages: stages, paths: paths, collectors: collectors, clock: clock)
    }

    /// Reads the database; what the stages say is known.
    init(stages: [StatusListener.Heard], paths: Paths, collectors: Collectors, clock: Clock) throws {
        var stored = StoreSnapshot(collectors, now: clock.now().seconds)
        do {
            stored = try StoreSnapshot(storeEngine.openReader(paths), collectors, now: clock.now().seconds)
        } catch let failure as Failure where failure.code == .notPermitted {
            throw failure
        } catch {
            stored.failure = "\(error)"
        }
        self.init(
            Verdict.Observation(
                stages: stages, stored: stored, collectors: collectors, now: clock.now(),
                free: paths.free, assumptions: paths.assumptions(of: collectors),
                backlogs: paths.backlogs(of: collectors)),
            paths: paths.of(collectors.own.collector))
    }

    /// - Parameter paths: of the collector whose facts stand where one collector's are expected.
    init(_ seen: Verdict.Observation, paths: Paths) {
        (self.seen, self.paths) = (seen, paths)
        verdict = Verdict(seen)
    }

    /// Why a script should look: each a short sentence without its end. Empty if nothing failed.
    public var failures: [String] { verdict.failures }

    // MARK: For programs

    private struct CandleLine: Encodable {
        let pair: String
        let timeframe: String
        let count: Int
        let complete: Int
        let oldest: UTCSeconds
        let newest: UTCSeconds
        let close: String
        let state: String
    }

    private struct EventLine: Encodable {
        let collector: String?
        let time: Int64
        let pair: String?
        let event: String
        let detail: Int64
        let until: Int64
    }

    private struct QuotaLine: Encodable {
        let remaining: Int
        let total: Int
        let renewal: UTCSeconds?
        let isTold: Bool
    }

    private struct DiskLine: Encodable {
        let database: Int64
        let journals: [String: Int64]
        let free: Int64?
    }

    private struct VerdictLine: Encodable {
        /// As `Finding.State`: the worst of all.
        let state: String
        let findings: [Finding]
    }

    /// What is a collector's own.
    private struct CollectorLine: Encodable {
        let stages: [String: StageStatus?]
        let continuity: ContinuityReport
        let quota: QuotaLine
        let journals: [String: Int64]
    }

    private struct Whole: Encodable {
        let stages: [String: StageStatus?]
        let candles: [CandleLine]
        let continuity: ContinuityReport
        let delay: DelayReport
        let events: [EventLine]
        let quota: QuotaLine
        let disk: DiskLine
        let verdict: VerdictLine
        let findings: [String]
        /// By name; `nil` if there is only one.
        let collectors: [String: CollectorLine]?
    }

    /// One JSON object: `stages`, `candles`, `continuity`, `delay`, `events`, `quota`, `disk`, `verdict`, `findings`. If
    /// there are several collectors, `collectors` has what is each one's own, and the others are those of the own one.
    public var json: String {
        let lines = Dictionary(uniqueKeysWithValues: seen.collectors.map { ($0.collector.name, line(of: $0)) })
        let ours = line(of: own)
        let shared = seen.storeWriter.map { [($0.stage.name, $0.status)] } ?? []
        let whole = Whole(
            stages: ours.stages.merging(shared) { $1 },
            candles: candles.map {
                CandleLine(
                    pair: "\($0.series.pair)", timeframe: String($0.series.timeframe.minutes), count: $0.count,
                    complete: $0.complete, oldest: $0.oldest, newest: $0.newest, close: "\($0.close)",
                    state: seen.freshness($0).name)
            },
            continuity: ours.continuity, delay: seen.delay,
            events: stored.events.map {
                EventLine(
                    collector: seen.hasSeveral ? $0.collector.name : nil, time: $0.time.rawValue, pair: $0.pair,
                    event: $0.event, detail: $0.detail, until: $0.until)
            },
            quota: ours.quota, disk: DiskLine(database: stored.bytes, journals: ours.journals, free: seen.free),
            verdict: VerdictLine(state: verdict.state.rawValue, findings: verdict.findings), findings: failures,
            collectors: seen.hasSeveral ? lines : nil)
        return encodedJSON(whole) + "\n"
    }

    private func line(of collector: Verdict.CollectorObservation) -> CollectorLine {
        let quota = collector.quota
        return CollectorLine(
            stages: Dictionary(uniqueKeysWithValues: collector.stages.map { ($0.stage.name, $0.status) }),
            continuity: ContinuityReport(collector.continuity, collector.ingest),
            quota: QuotaLine(
                remaining: quota.remaining, total: quota.total, renewal: quota.renewal, isTold: quota.isTold),
            journals: Dictionary(uniqueKeysWithValues: journalSizes(collector.collector)))
    }

    private func journalSizes(_ collector: Collector) -> [(String, Int64)] {
        Stream.journaled.map { ($0.rawValue, DiskUsage.size(ofFolder: paths.of(collector).journal($0))) }
    }

    // MARK: For a person

    public func text(_ style: TextStyle) -> String {
        let continuity = seen.collectors.map {
            ContinuityReport($0.continuity, $0.ingest, of: name($0)).text(style)
        }
        let parts = [verdict.text(style), StageTable(seen.stages).text(style), seen.delay.text(style)]
        return (parts + continuity + [places, eventTable(style), candleTable(style)]).joined(separator: "\n")
    }

    private func candleTable(_ style: TextStyle) -> String {
        guard !candles.isEmpty else { return "no candles yet\n" }
        let rows = candles.map {
            [
                $0.series.pair.description, $0.series.timeframe.description, String($0.count),
                String($0.count - $0.complete), $0.newest.text(), $0.close.formatted(decimals: 3),
                seen.freshness($0).text,
            ]
        }
        let head = ["pair", "timeframe", "candles", "partial", "newest (UTC)", "close", "state"]
        return TextTable(
            head: head, rows: rows, leftAligned: ["pair", "newest (UTC)", "state"],
            tones: candles.map { seen.freshness($0).isStale ? .warning : .plain }
        ).text(style)
    }

    private func eventTable(_ style: TextStyle) -> String {
        let rows = stored.events.map {
            // The start of the stream has no feed time.
            (seen.hasSeveral ? [$0.collector.name] : [])
                + [$0.time.rawValue == 0 ? "-" : $0.time.text(), $0.pair ?? "feed", $0.event, $0.detailText]
        }
        guard !rows.isEmpty else { return "no feed events yet\n" }
        let head = (seen.hasSeveral ? ["collector"] : []) + ["feed time (UTC)", "pair", "event", "detail"]
        return TextTable(head: head, rows: rows, leftAligned: Set(head)).text(style)
    }

    /// If there are several.
    private func name(_ collector: Verdict.CollectorObservation) -> String? {
        seen.hasSeveral ? collector.collector.name : nil
    }

    private var places: String {
        let free = seen.free.map { ", \(byteText($0)) free" } ?? ""
        let quotas = seen.collectors.map { "quota     \(prefix($0))\($0.quota.text)\n" }.joined()
        let journals = seen.collectors.map { "\(prefix($0))\(journalText($0.collector))" }.joined(separator: "; ")
        return quotas + """
            disk      database \(byteText(stored.bytes)); journals: \(journals)\(free)
            database  \(paths.database)
            sockets   \(paths.runtime)

            """
    }

    private func prefix(_ collector: Verdict.CollectorObservation) -> String { name(collector).map { "\($0): " } ?? "" }

    private func journalText(_ collector: Collector) -> String {
        let sizes = journalSizes(collector).filter { $0.1 > 0 }.map { "\($0.0) \(byteText($0.1))" }
        return sizes.isEmpty ? "none" : sizes.joined(separator: ", ")
    }
}

extension Paths {
    /// What the programs of each collector counted.
    func assumptions(of collectors: Collectors) -> [Collector: AssumptionTally] {
        let all = collectors.all.map { ($0, AssumptionBook.all(stateFolder: of($0).collectorState)) }
        return Dictionary(uniqueKeysWithValues: all)
    }
}

extension Paths {
    /// Bytes free on the fullest of the disks that hold the state folder, its journals and the database; `nil` if none
    /// of them is there yet.
    var free: Int64? {
        let journals = collectors.flatMap { collector in Stream.journaled.map { of(collector).journal($0) } }
        let places = [state] + journals + (isDatabaseServed ? [] : [database])
        return places.compactMap { DiskUsage.free(at: $0) }.min()
    }

    /// What of each collector waits for the archiver.
    func backlogs(of collectors: Collectors) -> [Collector: Archiver.Backlog] {
        var backlogs: [Collector: Archiver.Backlog] = [:]
        // A manifest or journal that cannot be read is what `archive check` and `journal check` are for.
        for collector in collectors.all { backlogs[collector] = try? Archiver.backlog(of(collector)) }
        return backlogs
    }
}

extension Freshness {
    /// For programs.
    var name: String {
        switch self {
        case .fresh: "fresh"
        case .closed: "closed"
        case .stale: "stale"
        }
    }
}

extension StoredEvent {
    /// The details for a person.
    package var detailText: String {
        switch event {
        case "blind ended" where detail == 0: "from the start"
        case "blind ended": "\((until &- detail) / 1_000_000) ms"
        case "blind began": detail == 0 ? "from the start" : "since \(UTCNanos(rawValue: detail).text())"
        case "updates lost", "session recovered": "\(detail)"
        case "instrument refused": "code \(detail)"
        case "positions skipped": "\(until) from \(detail)"
        case "clock set back": "from \(UTCNanos(rawValue: detail).text()) to \(UTCNanos(rawValue: until).text())"
        case "updates limited": detail == 0 ? "limit removed" : "to \(detail) in 1000 s"
        default: ""
        }
    }
}

extension QuotaLedger.Estimate {
    var text: String {
        let told = isTold ? "" : " (not yet reported by the broker)"
        let renews = renewal.map { ", renewed \($0.text().prefix(16)) UTC" } ?? ""
        return "\(remaining) of \(total) points left\(told)\(renews)"
    }
}
