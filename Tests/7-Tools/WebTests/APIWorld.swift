import Dispatch
import Foundation
import Host
import HTTPService
@testable import Inspection
import Logging
import MarketData
import Settings
import SQLiteStore
import Store
import Streams
import TestKit
@testable import Web
import Wire

/// Our own interface over a database and journals in a folder, asked through the router as clients ask.
final class APIWorld {
    /// 2026-05-12 08:00 UTC, a Tuesday.
    static let start: UTCSeconds = 1_778_572_800

    let folder = TemporaryFolder()
    let paths: Paths
    let live = LiveHub()
    let clock = SteppedClock(now: UTCNanos(seconds: start + 3_600))
    private let latest = Latest<PipelineView>()
    private let facts: SiteFacts
    private let workers: Workers
    private let router: Router
    private var position: UInt64 = 0

    init() throws {
        paths = try Paths(runtime: folder.path, state: folder.path)
        facts = SiteFacts(
            paths: paths, environment: Environment([:]), clock: clock.clock, live: live, latest: latest)
        workers = Workers(facts)
        router = Router([APIRoutes.group], facts, workers, quietLogger())
    }

    deinit { workers.stop() }

    // MARK: What there is

    /// Adds to the database, in one transaction.
    func store(_ records: [CandleEnvelope], of collector: Collector = .main, stream: Wire.Stream = .candles) throws {
        let store = try SQLiteWriter(path: paths.database)
        position += UInt64(records.count)
        _ = try store.write(records, collector: collector, stream: stream, position: position, now: clock.now)
        try store.close()
    }

    /// Adds to the journal of the own collector's ticks.
    func journal(_ records: [TickEnvelope]) throws {
        var settings = JournalSettings()
        (settings.retentionDays, settings.segmentRecords) = (0, 1_000)
        let writer = try JournalWriter(
            folder: paths.journal(.ticks), recordSize: TickEnvelope.byteCount, settings: settings,
            logger: quietLogger())
        for record in records {
            if writer.needsFlush { try writer.flush() }
            writer.append(record)
        }
        try writer.close()
    }

    /// Looks at the pipeline, of which no stage runs.
    func look() throws {
        let collectors = Collectors(own: Configuration())
        let stored = try StoreSnapshot(SQLiteReader(path: paths.database), collectors, now: clock.now.seconds)
        let seen = Verdict.Observation(
            stages: Stage.daemons.map { StatusListener.Heard($0, nil, receivedAt: nil) }, stored: stored,
            collectors: collectors, now: clock.now, free: nil, assumptions: [:])
        latest.value = PipelineView(seen, collectors, paths: paths)
    }

    // MARK: Requests

    struct Answer {
        let status: Int
        let contentType: String
        let text: String

        var data: Data { Data(text.utf8) }

        /// The sentence of an error.
        var message: String? {
            struct Whole: Decodable {
                struct Inner: Decodable {
                    let status: Int
                    let message: String
                }
                let error: Inner
            }
            guard let inner = try? JSONDecoder().decode(Whole.self, from: data).error, inner.status == status else {
                return nil
            }
            return inner.message
        }
    }

    /// - Parameter target: below `/api/v1`, such as `/candles/EUR_USD/5m?count=3`; nothing in it is encoded.
    func get(_ target: String) -> Answer {
        let parts = target.split(separator: "?", maxSplits: 1)
        let path = APIPath.prefix + parts[0]
        let query = (parts.count > 1 ? parts[1] : "").split(separator: "&").map { part in
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (name: String(sides[0]), value: sides.count > 1 ? String(sides[1]) : "")
        }
        let request = HTTPRequest(path: path, segments: path.split(separator: "/").map(String.init), query: query)
        let (box, isThere) = (Latest<HTTPResponse>(), DispatchSemaphore(value: 0))
        router.respond(to: request) { answer in
            if case .whole(let response) = answer { box.value = response }
            isThere.signal()
        }
        isThere.wait()
        guard let response = box.value else { return Answer(status: 0, contentType: "", text: "a stream") }
        return Answer(
            status: response.status, contentType: response.contentType,
            text: String(decoding: response.body, as: UTF8.self))
    }

    /// The value of an answer that must be one.
    func value<Value: Decodable>(_ target: String, as: Value.Type = Value.self) throws -> Value {
        let answer = get(target)
        guard answer.status == 200 else { throw TimeOut(description: "\(target): \(answer.status) \(answer.text)") }
        return try JSONDecoder().decode(Value.self, from: answer.data)
    }
}

/// The answer of `/candles`. Decimals keep every digit.
struct APICandles: Decodable {
    struct Line: Decodable {
        let time: Int64
        let bid: [Decimal]?
        let ask: [Decimal]?
        let mid: [Decimal]?
        let ticks: Int
        let complete: Bool
        let source: String
        let revision: Int
        let blindMilliseconds: Int
        let lostUpdates: Int
        let disputed: Bool
        let forming: Bool
    }

    let pair: String
    let timeframe: String
    let candles: [Line]
}
