import Assumptions
import Host
import MarketData
import Settings
@testable import StreamIngest
import Streams
import TestKit
import TLCP
import Wire

/// A process of ingest-stream: the product's session, recorder and journal. At the other end of its connections is a
/// `HostileBroker`.
final class IngestProcess {
    private let ingestor: StreamIngestor
    private let line = BrokerLine()
    private let loop: SteppedLoop
    private let mailbox = SupervisorMailbox()
    private let clock: Clock
    /// Logins are 61 s apart (`ig-api` § 2.6). Monotonic.
    private var nextLogin: Int64

    init(paths: Paths, configuration: Configuration, bus: any Bus, clock: Clock, seed: UInt64) throws {
        self.clock = clock
        nextLogin = clock.monotonic() + 61 * UTCNanos.perSecond
        loop = SteppedLoop(clock: clock)
        let ticks = try StreamWriter(
            stream: .ticks, paths: paths, settings: configuration.journal, bus: bus, logger: quietLogger())
        let formerPairs = FormerPairs(stateFolder: paths.collectorState)
        var past = try FeedPast(journal: paths.journal(.ticks))
        past.formerPairs = formerPairs.read()
        try StreamIngest.recordSkip(ticks, past.time, clock)
        ingestor = StreamIngestor(
            StreamIngestor.Parts(
                loop: loop, connections: line, clock: clock, logger: quietLogger(), mailbox: mailbox,
                status: try StatusPublisher(.ingestStream, bus: bus, logger: quietLogger()),
                service: try ServiceNotifier(environment: Environment([:]), clock: clock), ticks: ticks, native: nil,
                past: past, formerPairs: formerPairs, instruments: HostileBroker.instruments,
                closings: ClosingTimes(timeframes: configuration.timeframes, grace: configuration.grace),
                book: AssumptionBook(stateFolder: paths.collectorState, program: "ingest-stream"), seed: seed,
                ready: { _ in }),
            login: IngestProcess.login(clock))
        ingestor.start()
    }

    // What waits on the loop holds the stage, and with it the journal's files.
    deinit { loop.clear() }

    private static func login(_ clock: Clock) -> StreamLogin {
        StreamLogin(
            endpoint: Endpoint("https://broker.example.com")!, account: "ABC12", password: Secret("CST-a|XST-b"),
            serverTime: nil, monotonic: clock.monotonic(), limits: nil)
    }

    /// What is due is done, and both ends hear each other, until nothing is left to say.
    /// - Parameter isReachable: a connection can be opened, and stays.
    /// - Throws: what ends the process.
    func turn(_ broker: inout HostileBroker, isReachable: Bool) throws {
        // Far more rounds than any exchange takes: an endless one is a fault of either end.
        for _ in 0..<1_000 {
            let hasRun = loop.runDue()
            logInIfAsked()
            if let failure = mailbox.failure { throw failure }
            if !line.carry(&broker, ingestor, isReachable: isReachable), !hasRun { return }
        }
        throw Failure(.software, "ingest-stream and the broker do not come to rest")
    }

    private func logInIfAsked() {
        guard clock.monotonic() >= nextLogin, mailbox.takeRequest() else { return }
        nextLogin = clock.monotonic() + 61 * UTCNanos.perSecond
        ingestor.resume(IngestProcess.login(clock))
    }
}

/// A data loop that runs when the test says so.
private final class SteppedLoop: DataLoop, @unchecked Sendable {
    private struct Task {
        let due: Int64
        let number: Int
        let body: @Sendable () -> Void
    }

    private let clock: Clock
    private var tasks: [Task] = []
    private var count = 0

    init(clock: Clock) { self.clock = clock }

    func after(_ pause: Duration, _ body: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        count += 1
        let number = count
        tasks.append(Task(due: clock.monotonic() + max(0, pause.nanoseconds), number: number, body: body))
        return { [weak self] in self?.tasks.removeAll { $0.number == number } }
    }

    func checkIsCurrent() {}

    /// Runs what is due, the earliest first.
    /// - Returns: whether something was.
    func runDue() -> Bool {
        let now = clock.monotonic()
        guard let next = tasks.min(by: { ($0.due, $0.number) < ($1.due, $1.number) }), next.due <= now else {
            return false
        }
        tasks.removeAll { $0.number == next.number }
        next.body()
        return true
    }

    func clear() { tasks = [] }
}

/// One WebSocket at a time between ingest-stream and a `HostileBroker`.
private final class BrokerLine: Connections, @unchecked Sendable {
    weak var owner: (any ConnectionOwner)?
    private var opening: TransportID?
    private var open: TransportID?
    private var messages: [[UInt8]] = []
    private var isClosing = false

    func carryOut(_ action: SessionAction) {
        switch action {
        case .openWebSocket(let id, _, _), .openStream(let id, _, _, _): opening = id
        case .send(let id, let message): if id == open { messages.append(message) }
        case .post: break
        case .close(let id):
            if id == opening { opening = nil }
            if id == open { (open, isClosing, messages) = (nil, true, []) }
        }
    }

    func forget(_ id: TransportID) {}
    func closeAll() {}

    /// Takes each end's words to the other.
    /// - Returns: whether there were any.
    func carry(_ broker: inout HostileBroker, _ ingestor: StreamIngestor, isReachable: Bool) -> Bool {
        if isClosing {
            isClosing = false
            broker.disconnected()
        }
        if let id = opening {
            opening = nil
            if isReachable {
                open = id
                broker.connected()
                ingestor.opened(id)
            } else {
                ingestor.closed(id, reason: "refused by the test")
            }
            return true
        }
        guard let id = open else { return false }
        let hadMessages = !messages.isEmpty
        for message in messages { broker.receive(message) }
        messages = []
        let bytes = broker.takeOutput()
        if !bytes.isEmpty {
            bytes.withUnsafeBytes { ingestor.received($0, from: id) }
            ingestor.burstEnded()
        }
        guard broker.wantsCut || !isReachable else { return hadMessages || !bytes.isEmpty }
        broker.disconnected()
        if open == id {
            open = nil
            ingestor.closed(id, reason: "cut by the test")
        }
        return true
    }
}
