import Assumptions
import Host
import IGClient
import Logging
import MarketData
@testable import StreamIngest
import Streams
import Synchronization
import TestKit
import TLCP
import Wire

/// A data loop that the test turns, with the clock that follows from it. ns.
final class ManualLoop: DataLoop, @unchecked Sendable {
    private struct Task {
        let due: Int64
        let number: Int
        let body: @Sendable () -> Void
    }

    private var tasks: [Task] = []
    private var count = 0
    /// Monotonic. The wall clock says 1,600,000,500 s at the start, which is a Sunday.
    private(set) var time: Int64 = 1_000 * UTCNanos.perSecond

    var clock: Clock {
        Clock(
            now: { [self] in UTCNanos(rawValue: time + 1_599_999_500 * UTCNanos.perSecond) },
            monotonic: { [self] in time })
    }

    func after(_ pause: Duration, _ body: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        count += 1
        let number = count
        tasks.append(Task(due: time + max(0, pause.nanoseconds), number: number, body: body))
        return { [self] in tasks.removeAll { $0.number == number } }
    }

    func checkIsCurrent() {}

    /// How much is set to be run.
    var waiting: Int { tasks.count }

    /// Lets time pass, and runs what becomes due, in order.
    func pass(_ seconds: Double) {
        let end = time + Int64(seconds * 1e9)
        while let next = tasks.min(by: { ($0.due, $0.number) < ($1.due, $1.number) }), next.due <= end {
            tasks.removeAll { $0.number == next.number }
            time = max(time, next.due)
            next.body()
        }
        time = end
    }
}

/// Connections of which the test is the other end.
final class ScriptedConnections: Connections, @unchecked Sendable {
    weak var owner: (any ConnectionOwner)?
    /// Each action as one word or a few, in order: what was opened, sent and closed.
    private(set) var log: [String] = []
    private(set) var newest: TransportID?
    /// The endpoint that was connected to last.
    private(set) var endpoint: Endpoint?
    private(set) var lastPost: TransportID?
    private(set) var isClosed = false

    func carryOut(_ action: SessionAction) {
        switch action {
        case .openWebSocket(let id, let endpoint, _):
            (newest, self.endpoint) = (id, endpoint)
            log.append("websocket")
        case .openStream(let id, let endpoint, _, _):
            (newest, self.endpoint) = (id, endpoint)
            log.append("stream")
        case .send(_, let message): log.append("send \(Self.summary(message))")
        case .post(let id, _, _, _):
            lastPost = id
            log.append("post")
        case .close: log.append("close")
        }
    }

    func forget(_ id: TransportID) {}
    func closeAll() { isClosed = true }

    func takeLog() -> [String] {
        defer { log = [] }
        return log
    }

    /// The request's name, and the operation of each of its lines.
    private static func summary(_ message: [UInt8]) -> String {
        let lines = String(decoding: message, as: UTF8.self).split(whereSeparator: \.isNewline)
        let operations = lines.dropFirst().compactMap { line in
            line.split(separator: "&").first { $0.hasPrefix("LS_op=") }?.dropFirst(6)
        }
        return ([lines.first ?? ""] + operations).joined(separator: " ")
    }
}

/// The memory of what was written.
final class MemoryOutput: StreamOutput {
    struct Full: Error, Equatable {}

    let endpoint = "inproc://memory"
    /// Thrown by the next commits.
    var failure: Full?
    private(set) var records: [TickEnvelope] = []
    private(set) var candles: [CandleRecord] = []
    /// How many records each commit that brought some ended.
    private(set) var bursts: [Int] = []
    private(set) var isClosed = false
    private var pending: [TickEnvelope] = []
    private var pendingCandles: [CandleRecord] = []

    var lastPosition: UInt64 { UInt64(records.count) }
    let syncNanos: Int64 = 3_000_000
    func append(_ records: [TickEnvelope]) throws { pending += records }
    func append(_ candles: [CandleRecord]) throws { pendingCandles += candles }

    func commit() throws {
        if let failure { throw failure }
        if !pending.isEmpty { bursts.append(pending.count) }
        records += pending
        candles += pendingCandles
        (pending, pendingCandles) = ([], [])
    }

    func close() throws {
        try commit()
        isClosed = true
    }
}

/// The stage `ingest-stream` in one process with its broker, its clock and its journal, all in the test's hand.
/// Two pairs: subscription 1 is the heartbeat, 2 and 3 are the ticks.
final class IngestWorld {
    let loop = ManualLoop()
    let connections = ScriptedConnections()
    let ticks = MemoryOutput()
    let native = MemoryOutput()
    let bus = MemoryBus()
    var statuses: [StageStatus] { bus.statuses[.ingestStream] ?? [] }
    let mailbox = SupervisorMailbox()
    let folder = TemporaryFolder()
    let ingestor: StreamIngestor
    /// The endpoints with which the stage said that it serves.
    let ready = ReadyLog()
    private var seen = 0

    final class ReadyLog: Sendable {
        private let endpoints = Mutex<[String]>([])
        var all: [String] { endpoints.withLock { $0 } }
        func add(_ endpoint: String) { endpoints.withLock { $0.append(endpoint) } }
    }

    static let instruments = ["EURUSD", "USDJPY"].map { Instrument(pair: Pair($0)!, epic: "CS.D.\($0).CFD.IP") }

    init(hasNative: Bool = false) throws {
        let candles = NativeCandles(instruments: Self.instruments, timeframes: [.fiveMinutes], limit: 40)
        let parts = StreamIngestor.Parts(
            loop: loop, connections: connections, clock: loop.clock,
            logger: quietLogger(), mailbox: mailbox,
            status: try StatusPublisher(.ingestStream, bus: bus, logger: quietLogger()),
            service: try ServiceNotifier(environment: Environment([:]), clock: loop.clock), ticks: ticks,
            native: hasNative ? candles : nil, past: FeedPast(), formerPairs: FormerPairs(stateFolder: folder.path),
            instruments: Self.instruments,
            closings: ClosingTimes(timeframes: [.fiveMinutes, .fifteenMinutes], grace: .milliseconds(500)),
            book: AssumptionBook(stateFolder: folder.path, program: "test"), seed: 1,
            ready: { [ready] in ready.add($0) })
        ingestor = StreamIngestor(parts, nativeOutput: hasNative ? native : nil, login: Self.login("one"))
    }

    static func login(_ host: String) -> StreamLogin {
        StreamLogin(
            endpoint: Endpoint("https://\(host).example.com")!, account: "ABC12", password: Secret("CST-a|XST-b"),
            serverTime: nil, monotonic: 0, limits: nil)
    }

    /// The connection that was asked for last opens.
    func connect() {
        guard let id = connections.newest else { return }
        ingestor.opened(id)
    }

    /// One read brings these lines.
    func say(_ lines: String...) {
        guard let id = connections.newest else { return }
        let text = lines.map { $0 + "\r\n" }.joined()
        Array(text.utf8).withUnsafeBytes { ingestor.received($0, from: id) }
        ingestor.burstEnded()
    }

    func cut() {
        guard let id = connections.newest else { return }
        ingestor.closed(id, reason: "cut by the test")
    }

    /// Started, connected, and all is subscribed at feed time 500; what that wrote is taken.
    func stream() {
        ingestor.start()
        connect()
        say("WSOK", "CONOK,S1,50000,5000,*")
        say("SUBOK,1,1,1", "U,1,1,1600000500", "SUBOK,2,1,3", "EOS,2,1", "SUBOK,3,1,3", "EOS,3,1")
        _ = take()
        _ = connections.takeLog()
    }

    /// A second passes, and the heartbeat comes. `second`: after 1,600,000,000.
    func beat(_ second: Int) {
        loop.pass(1)
        say("U,1,1,\(1_600_000_000 + second)")
    }

    /// The records that were written since the last call.
    func take() -> [String] {
        defer { seen = ticks.records.count }
        return texts(Array(ticks.records[seen...]))
    }

    var state: String? { statuses.last?.state }
}
