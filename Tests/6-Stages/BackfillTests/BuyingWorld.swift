@testable import Backfill
import Foundation
import Host
import IG
import IGClient
import Logging
import MarketData
import Planning
import Settings
import Streams
import TestKit
import Wire

/// A buyer with its journal, at a scripted broker. Time is the test's, and no wait takes any.
final class BuyingWorld {
    /// 2026-05-12 08:00 UTC, a Tuesday.
    static let start: UTCSeconds = 1_778_572_800
    static let series = Series(Make.eurUSD, .fiveMinutes)
    static let pacing = "the broker's limit per minute"

    /// What a wait was announced as.
    struct Wait: Hashable {
        let seconds: Int
        let reason: String

        init(_ seconds: Int, _ reason: String) { (self.seconds, self.reason) = (seconds, reason) }
    }

    let broker: ScriptedBroker
    let time: TestTime
    let paths: Paths
    let known: KnownHistory
    let session: BrokerSession
    private(set) var waits: [Wait] = []
    let buyer: Buyer
    private let folder: TemporaryFolder
    private let writer: StreamWriter

    /// - Parameters:
    ///   - journal: a history journal to begin with, of a former process.
    ///   - spending: what may be spent in all.
    init(
        _ broker: ScriptedBroker = ScriptedBroker(), journal: String? = nil, spending: Int = .max,
        _ change: (inout Configuration) -> Void = { _ in }
    ) throws {
        self.broker = broker
        folder = TemporaryFolder()
        time = TestTime(base: Self.start + 86_400, step: 100)
        paths = try Paths(runtime: folder.path + "/run", state: folder.path + "/state")
        try paths.prepare()
        if let journal {
            try FileManager.default.createDirectory(
                atPath: paths.state + "/journal", withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: journal, toPath: paths.journal(.history))
        }
        var configuration = Configuration()
        configuration.instruments = Instrument.defaults.filter { $0.pair == Make.eurUSD }
        configuration.stream.loginSpacingSeconds = 0
        (configuration.history.requestSpacingMilliseconds, configuration.history.requestBurst) = (0, 1)
        change(&configuration)
        configuration.history.weeklyPoints = 100
        let quiet = quietLogger()
        writer = try StreamWriter(
            stream: .history, paths: paths, settings: configuration.journal, bus: try SocketBus(paths), logger: quiet)
        known = try KnownHistory(paths: paths, configuration: configuration)
        session = BrokerSession(
            credentials: try Credentials(
                environment: Environment([
                    "IG_API_KEY": "k", "IG_USERNAME": "me", "IG_PASSWORD": "secret", "IG_REST_URL": broker.url,
                ])), paths: paths, configuration: configuration, stop: try StopSignal(), clock: time.clock,
            logger: quiet)
        buyer = Buyer(
            writer: writer, known: known, session: session, instruments: configuration.instruments,
            spending: { Spending(reserve: 0, limit: spending) }, isRepair: false, clock: time.clock, logger: quiet)
        session.onWait = { [unowned self] in waits.append(Wait($0, $1)) }
    }

    /// The start of an interval, counted from `start`.
    static func place(_ number: Int64) -> UTCSeconds { start + number * 300 }

    /// Buys the candle before `start`: the account's clock is known from then on.
    func learnClock() throws {
        _ = try buy(-1..<0)
        waits = []
    }

    /// Buys intervals, counted from `start`.
    func buy(_ places: Range<Int64>) throws -> String? {
        try buyer.buy(
            Purchase(
                series: Self.series, first: Self.place(places.lowerBound), last: Self.place(places.upperBound - 1),
                points: places.count))
    }

    /// What the history journal holds on the disk.
    static func records(_ paths: Paths) throws -> [CandleEnvelope] {
        let reader = try JournalReader(folder: paths.journal(.history), recordSize: CandleEnvelope.byteCount)
        var records: [CandleEnvelope] = []
        while try reader.read(CandleEnvelope.self, { records.append($0) }) > 0 {}
        return records
    }

    /// Copies the history journal, as a kill would leave it now.
    static func copyJournal(_ paths: Paths, to place: String) throws {
        try FileManager.default.copyItem(atPath: paths.journal(.history), toPath: place)
    }
}
