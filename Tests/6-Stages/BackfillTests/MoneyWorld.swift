import Backfill
import CandleFiles
import Foundation
import Host
import Logging
import MarketData
import Planning
import Settings
@testable import Simulation
import SQLiteStore
import Store
import Streams
import Testing
import TestKit
import Wire

/// A state folder with a stream behind it, repaired at a broker whose every point is counted. Time is the test's.
final class MoneyWorld {
    /// The bounds that are kept here: small, so that they are met.
    static let (run, days, weekPercent, reserve, points) = (15, 3, 9, 30, 1_000)
    private static let timeframe = Timeframe.fifteenMinutes
    private static var week: Int { points * weekPercent / 100 }
    static let pairs = [Make.eurUSD, Pair("USD_JPY")!]
    /// 2026-05-14 12:01:40 UTC, a Thursday.
    private static let start: UTCSeconds = 1_778_760_100
    private static let ticks = Dictionary(uniqueKeysWithValues: pairs.map { ($0, makeTicks()) })

    private(set) var report = MoneyReport()
    /// Payments against a promise. Noted, since the server's thread belongs to no test.
    private(set) var violations: [String] = []
    let broker: MoneyBroker
    private let folder = TemporaryFolder()
    private let paths: Paths
    private let store: SQLiteWriter
    private let time = TestTime(base: MoneyWorld.start)
    private let name: String
    private var random: SplitMix
    private var position: UInt64 = 0
    /// End of what is streamed, Unix seconds.
    private var streamedUntil: UTCSeconds
    /// Complete candles that a person or the stream brought, or that were paid and arrived.
    private var owned: Set<Interval> = []
    /// Repair's payments: points by the local clock's time.
    private var paid: [(at: UTCSeconds, points: Int)] = []
    private var paidInRun = 0
    /// The client is not sure of the spent points: a first candle shows them.
    private var isUncertain = true

    init(seed: UInt64) throws {
        name = "seed \(seed)"
        random = SplitMix(seed: seed)
        paths = try Paths(runtime: folder.path + "/run", state: folder.path + "/state")
        try paths.prepare()
        store = try SQLiteWriter(path: paths.database)
        broker = MoneyBroker(
            Self.ticks, points: Self.points, start: Self.start.rawValue, end: Self.start.rawValue + 7 * 86_400)
        streamedUntil = Self.timeframe.start(of: Self.start - Int64.random(in: 1...4, using: &random) * 86_400)
        broker.server.allowances[0].leave(Int.random(in: Self.reserve...80, using: &random))
        broker.onPayment = { [unowned self] in note($0) }
        try write([event(.blindEnded(from: UTCNanos(rawValue: 0), until: UTCNanos(seconds: streamedUntil)))])
        try stream()
    }

    /// A tick ten seconds into each interval of the trading week, for eight days.
    private static func makeTicks() -> [MarketTick] {
        TradingHours.fx.starts(of: timeframe, in: (start - 7 * 86_400)..<(start + 86_400)).map {
            MarketTick(time: UTCNanos(seconds: $0 + 10).rawValue, bid: price("1.1"), ask: price("1.2"))
        }
    }

    private static func price(_ text: String) -> WirePrice { WirePrice(text: Array(text.utf8)) ?? .null }

    // MARK: What happens

    func step() throws {
        switch Int.random(in: 0..<14, using: &random) {
        case 0: try importCandles()
        case 1: try importWrongUnit()
        case 2: try passTime()
        case 3: jump()
        case 4: try takeIn()
        case 5: spendElsewhere()
        default: try repair()
        }
    }

    /// Old candles, or such that fill holes; none makes repair want more.
    private func importCandles() throws {
        try takeIn()
        let before = try wanted()
        let latest = time.broker.rawValue - 1_800
        let starts = Set(
            (0..<Int.random(in: 1...5, using: &random)).map { _ in
                Int64.random(
                    in: (Bool.random(using: &random) ? 946_684_800 : latest - 500_000)...latest, using: &random)
                    / 900 * 900
            })
        let rows = starts.map { "\($0),1,1,1,1\n" }.joined()
        let candles = try CandleImport(try file(rows).candles, paths: paths, repairDays: Self.days, clock: time.clock)
        try candles.handOver(settings: configuration.journal, logger: silent)
        try takeIn()
        #expect(try wanted() <= before, "\(name): an import made repair want more")
        report.imports += 1
    }

    /// Milliseconds taken for seconds, the other way round.
    private func importWrongUnit() throws {
        let failure = #expect(throws: Failure.self) { try file("1778400,1,1,1,1\n") }
        #expect(failure?.code == .badData)
    }

    private func file(_ rows: String) throws -> CandleFile {
        try CandleFile(
            path: folder.write(("timestamp,open,high,low,close\n" + rows).utf8, to: "old.csv"),
            pair: Self.pairs.randomElement(using: &random), timeframe: Self.timeframe, endedBy: time.broker)
    }

    private func passTime() throws {
        time.pass(Int64.random(in: 1...5, using: &random) * 3_600)
        broker.now += 5 * 3_600 * UTCNanos.perSecond
        broker.step(until: time.broker.rawValue)
        try stream()
    }

    /// The machine's wall clock is set: right, wrong by hours, or by more than a week.
    private func jump() {
        let hours = [0, 0, 0, -200, -30, -3, 2, 25, 200].randomElement(using: &random) ?? 0
        time.setLocal(ahead: Int64(hours) * 3_600)
        isUncertain = true
        report.jumps += 1
    }

    /// Another program of the account.
    private func spendElsewhere() {
        broker.server.allowances[0].leave(max(0, broker.remaining - Int.random(in: 1...60, using: &random)))
        isUncertain = true
    }

    private func repair() throws {
        misfortune()
        paidInRun = 0
        owned = try stored()
        do {
            let backfill = try self.backfill()
            let summary = try backfill.carryOut(.repair, progress: NoProgress())
            report.runs += 1
            #expect(summary.points <= Self.run, "\(name)")
        } catch let failure as Failure {
            #expect([.temporary, .unavailable].contains(failure.code), "\(name): \(failure)")
        }
        if let snapshot = time.endCrash() ?? snapshot { try restore(snapshot) }
        snapshot = nil
        broker.isDead = false
        broker.server.accounts.faults = RESTFaults()
        if Bool.random(using: &random) { try takeIn() }
    }

    /// The state folder as a kill left it, taken while an answer was on its way.
    private var snapshot: String?
    private var killsAtPayment = 0
    private var losesBehindPayment = 0

    private func misfortune() {
        (killsAtPayment, losesBehindPayment) = (0, 0)
        let faults = broker.server.accounts
        switch Int.random(in: 0..<9, using: &random) {
        case 0: faults.faults.lostPrices = Int.random(in: 1...3, using: &random)
        case 6, 7: losesBehindPayment = Int.random(in: 1...2, using: &random)
        case 1: faults.faults.refusedPrices = (Int.random(in: 1...6, using: &random), refusal())
        case 2: faults.faults.staleLogins = 1
        case 3: killsAtPayment = Int.random(in: 1...4, using: &random)
        case 4, 5:
            time.crash(atCall: Int.random(in: 1...60, using: &random)) { [unowned self] in
                broker.isDead = true
                return copy()
            }
        default: break
        }
    }

    private func refusal() -> RESTError {
        [
            RESTError(status: 503, code: "system.error"),
            RESTError(status: 401, code: "error.security.client-token-invalid"),
            RESTError(status: 403, code: "error.public-api.exceeded-account-historical-data-allowance"),
        ].randomElement(using: &random)!
    }

    // MARK: The broker's book

    /// Judges one payment by what was promised.
    /// - Returns: whether the client is killed before the answer.
    private func note(_ payment: MoneyBroker.Payment) -> Bool {
        let count = payment.starts.count
        paidInRun += count
        let now = time.clock.now().seconds
        paid.append((now, count))
        report.points += count
        expect(paidInRun <= Self.run, "a run paid \(paidInRun)")
        let inWeek = paid.reduce(0) { $0 + ($1.at > now - 7 * 86_400 ? $1.points : 0) }
        expect(inWeek <= Self.week, "a week paid \(inWeek)")
        let intervals = payment.starts.map { Interval(Series(payment.pair, Self.timeframe), start: $0) }
        expect(owned.isDisjoint(with: intervals), "paid twice")
        let isRecent = intervals.allSatisfy { $0.end > time.broker - 86_400 }
        let isFirstWord = isUncertain && count == 1
        expect(isRecent || isFirstWord || payment.remaining >= Self.reserve, "\(payment.remaining) left of the reserve")
        if payment.remaining < Self.reserve { report.fromReserve += count }
        let oldest = time.broker - Int64(Self.days) * 86_400 - 900
        expect(payment.starts.allSatisfy { $0 >= oldest }, "older than \(Self.days) days")
        losesBehindPayment -= 1
        if losesBehindPayment == 0 { broker.server.accounts.faults.lostPrices = 1 }
        killsAtPayment -= 1
        if killsAtPayment == 0 { snapshot = copy() }
        let isLost = payment.isLost || snapshot != nil
        if isLost { report.lost += 1 } else { owned.formUnion(intervals) }
        isUncertain = isLost
        return snapshot != nil
    }

    private func expect(_ isKept: Bool, _ what: String) {
        if !isKept { violations.append("\(name): \(what)") }
    }

    // MARK: The state folder

    private func copy() -> String {
        let place = folder.path + "/snapshot"
        try? FileManager.default.removeItem(atPath: place)  // None from before is as good.
        do {
            try FileManager.default.copyItem(atPath: paths.state + "/journal", toPath: place)
        } catch {
            Issue.record("\(name): \(error)")
        }
        report.kills += 1
        return place
    }

    private func restore(_ snapshot: String) throws {
        try FileManager.default.removeItem(atPath: paths.state + "/journal")
        try FileManager.default.moveItem(atPath: snapshot, toPath: paths.state + "/journal")
        isUncertain = true
    }

    /// Streams from where it ended up to now, with holes.
    private func stream() throws {
        let end = Self.timeframe.start(of: time.broker)
        var records: [CandleEnvelope] = []
        var isBlind = false
        while streamedUntil < end {
            let length = Int64.random(in: 1...20, using: &random) * 900
            let until = min(end, streamedUntil + length)
            if isBlind {
                records.append(
                    event(.blindEnded(from: UTCNanos(seconds: streamedUntil), until: UTCNanos(seconds: until))))
            } else {
                for start in TradingHours.fx.starts(of: Self.timeframe, in: streamedUntil..<until) {
                    records += Self.pairs.map { Make.candle(start, minutes: 15, pair: $0).envelope }
                }
            }
            streamedUntil = until
            // Of the last day little is lacking, so that older holes are reached.
            let isRecent = streamedUntil > time.broker - 86_400
            isBlind = Int.random(in: 0..<(isRecent ? 12 : 3), using: &random) == 0
        }
        try write(records)
    }

    private func event(_ event: FeedEvent) -> CandleEnvelope {
        position += 1
        var record = Make.feed(event, at: Double(time.broker.rawValue))
        record.position = position
        return .feed(record)
    }

    private func write(_ records: [CandleEnvelope]) throws {
        position += 1
        _ = try store.write(records, collector: .main, stream: .candles, position: position, now: time.clock.now())
    }

    /// The history journal comes into the database, as aggregator and store-writer bring it there.
    private func takeIn() throws {
        let records = try journal().filter { $0.kind != .part }.map { record in
            var taken = record
            (taken.inputPosition, taken.inputStream) = (record.position, .history)
            return taken
        }
        if !records.isEmpty { try write(records) }
    }

    /// The records of the history journal that the database lacks.
    private func journal() throws -> [CandleEnvelope] {
        let stored = try SQLiteReader(path: paths.database).position(of: .history, collector: .main)
        let folder = paths.journal(.history)
        guard try JournalTail.exists(folder: folder) else { return [] }
        let reader = try JournalReader(folder: folder, recordSize: CandleEnvelope.byteCount, from: stored + 1)
        var records: [CandleEnvelope] = []
        while try reader.read(CandleEnvelope.self, { records.append($0) }) > 0 {}
        return records
    }

    private func stored() throws -> Set<Interval> {
        let reader = try SQLiteReader(path: paths.database)
        var all = Set(
            try journal().compactMap(\.candle).map { Interval($0.series, start: $0.start.seconds) })
        for pair in Self.pairs {
            let series = Series(pair, Self.timeframe)
            all.formUnion(
                try reader.starts(series, in: 0..<UTCSeconds.max).complete.map { Interval(series, start: $0) })
        }
        return all
    }

    // MARK: The program

    private var configuration: Configuration {
        var configuration = Configuration()
        configuration.instruments = configuration.instruments.filter { Self.pairs.contains($0.pair) }
        configuration.timeframes = [Self.timeframe]
        configuration.stream.loginSpacingSeconds = 0
        configuration.journal.segmentRecords = 1_024
        configuration.history.requestSpacingMilliseconds = 0
        configuration.history.weeklyPoints = Self.points
        configuration.history.reservePoints = Self.reserve
        configuration.history.repairDays = Self.days
        configuration.history.repairPoints = Self.run
        configuration.history.repairWeekPercent = Self.weekPercent
        return configuration
    }

    private let silent = quietLogger()

    private func backfill() throws -> Backfill {
        let environment = [
            "IG_API_KEY": "k", "IG_USERNAME": "me", "IG_PASSWORD": "secret",
            "IG_REST_URL": "http://127.0.0.1:\(broker.port)/gateway/deal",
        ]
        return Backfill(
            paths: paths, configuration: configuration, environment: Environment(environment), stop: try StopSignal(),
            clock: time.clock, logger: silent)
    }

    /// Points that repair wants, without its bounds.
    private func wanted() throws -> Int {
        let plan = try backfill().propose(.repair).plan
        return plan.points + plan.postponed
    }
}

/// Counts of the sequences' actions.
struct MoneyReport: CustomStringConvertible {
    var (runs, points, imports, kills, lost, jumps, fromReserve) = (0, 0, 0, 0, 0, 0, 0)

    static func += (sum: inout MoneyReport, other: MoneyReport) {
        sum.runs += other.runs
        sum.points += other.points
        sum.imports += other.imports
        sum.kills += other.kills
        sum.lost += other.lost
        sum.jumps += other.jumps
        sum.fromReserve += other.fromReserve
    }

    var description: String {
        """
        \(runs) runs to their end, \(points) points, \(fromReserve) of them with less than the reserve left, \(imports) imports, \
        \(kills) kills, \(lost) answers lost or in flight, \(jumps) clock jumps
        """
    }
}

/// Clocks that the test sets. Each look at the monotonic one passes some seconds, so that no wait takes time.
final class TestTime: @unchecked Sendable {
    /// The broker's time.
    private(set) var broker: UTCSeconds
    private var wall: Int64 = 0
    private var monotonic: Int64 = 0
    private var callsLeft = 0
    private var onCrash: () -> String = { "" }
    private var snapshot: String?

    /// Seconds.
    private let step: Int64

    /// - Parameter step: of the monotonic clock, seconds.
    init(base: UTCSeconds, step: Int64 = 11) { (broker, self.step) = (base, step) }

    func pass(_ seconds: Int64) { broker = broker + seconds }
    /// The local clock alone.
    func setLocal(ahead seconds: Int64) { wall = seconds }

    /// The client is killed when it looks at the clock for the n-th time from now.
    func crash(atCall count: Int, _ body: @escaping () -> String) { (callsLeft, onCrash) = (count, body) }

    /// - Returns: the state as the kill left it; `nil` if there was none.
    func endCrash() -> String? {
        defer { (snapshot, callsLeft) = (nil, 0) }
        return snapshot
    }

    var clock: Clock {
        Clock(
            now: {
                if self.callsLeft > 0 {
                    self.callsLeft -= 1
                    if self.callsLeft == 0 { self.snapshot = self.onCrash() }
                }
                return UTCNanos(seconds: self.broker + self.wall)
            },
            monotonic: {
                self.monotonic += self.step * UTCNanos.perSecond
                return self.monotonic
            })
    }
}

private final class NoProgress: BackfillProgress {
    func serves(_ endpoint: String) {}
    func began(_ proposal: Proposal, pace: Configuration.History) {}
    func waits(_ seconds: Int, _ reason: String) {}
    func finished(_ purchase: Purchase, failure: String?, _ summary: BackfillSummary) {}
}
