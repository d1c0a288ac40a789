internal import Host
internal import MarketData
internal import TLCP

/// The thread that carries all data, as what runs on it sees it. A test turns its own.
protocol DataLoop: Sendable {
    /// Runs `body` on the loop after a pause.
    /// - Returns: what takes it back.
    @discardableResult
    func after(_ pause: Duration, _ body: @escaping @Sendable () -> Void) -> @Sendable () -> Void

    /// Traps on any other thread.
    func checkIsCurrent()
}

/// The connections that a session asks for. They hand what they bring to their owner, on the data loop.
protocol Connections: AnyObject, Sendable {
    var owner: (any ConnectionOwner)? { get set }
    func carryOut(_ action: SessionAction)
    /// A connection has ended by itself.
    func forget(_ id: TransportID)
    func closeAll()
}

/// Hears what the connections bring, on their event loop.
protocol ConnectionOwner: AnyObject, Sendable {
    func opened(_ id: TransportID)
    func received(_ bytes: UnsafeRawBufferPointer, from id: TransportID)
    func burstEnded()
    func closed(_ id: TransportID, reason: String)
    func posted(_ id: TransportID, _ answer: Result<[UInt8], PostFailure>)
}

/// Why a control request got no answer, for people.
struct PostFailure: Error {
    let reason: String
}

/// Runs a session on its connections: hands it what they bring, carries out what it asks for, and wakes it when
/// something is due. The session decides, also when to connect again.
///
/// `@unchecked Sendable`: everything happens on `loop`.
///
/// Generic over the sink, and called by owners that are not: so the path from the bytes to the sink is compiled for
/// each sink, without a call through a protocol per update.
final class SessionDriver<Sink: SessionSink & SendableMetatype>: @unchecked Sendable {
    var session: ClientSession
    var sink: Sink
    let loop: any DataLoop
    let clock: Clock
    let connections: any Connections
    /// Called when the session was woken: its owner then looks what has come of it.
    private var woken: @Sendable () -> Void = {}
    /// The timer that runs, and when it ends.
    private var timer: (end: Duration, cancel: @Sendable () -> Void)?

    init(
        login: StreamLogin, seed: UInt64, sink: Sink, loop: any DataLoop, clock: Clock, connections: any Connections
    ) {
        let options = SessionOptions(
            endpoint: login.endpoint, user: login.account, password: login.password.reveal())
        session = ClientSession(options: options, seed: seed)
        self.sink = sink
        self.loop = loop
        self.clock = clock
        self.connections = connections
    }

    /// Monotonic.
    var now: Duration { .nanoseconds(clock.monotonic()) }

    // MARK: The session

    func start(owner: some SessionOwner) {
        loop.checkIsCurrent()
        connections.owner = owner
        woken = { [weak owner] in owner?.settle() }
        session.start(now: now, into: &sink)
    }

    /// New tokens have come.
    func resume(_ login: StreamLogin) {
        loop.checkIsCurrent()
        session.resume(
            endpoint: login.endpoint, user: login.account, password: login.password.reveal(), now: now, into: &sink)
    }

    /// Ends the session at the broker.
    func stop() {
        loop.checkIsCurrent()
        session.stop(now: now, into: &sink)
    }

    // MARK: What connections bring

    func opened(_ id: TransportID) { session.transportOpened(id, now: now) }

    /// - Parameter monotonic: the time now, ns.
    @inline(__always)
    func received(_ bytes: UnsafeRawBufferPointer, from id: TransportID, at monotonic: Int64) {
        session.received(bytes, from: id, now: .nanoseconds(monotonic), into: &sink)
    }

    func burstEnded() { session.burstEnded(now: now, into: &sink) }

    func closed(_ id: TransportID, reason: String) {
        connections.forget(id)
        session.transportClosed(id, reason: reason, now: now, into: &sink)
    }

    func posted(_ id: TransportID, _ answer: Result<[UInt8], PostFailure>) {
        if case .success(let body) = answer {
            body.withUnsafeBytes { session.postAnswered(id, body: $0, now: now, into: &sink) }
        } else {
            session.postFailed(id, now: now)
        }
    }

    // MARK: What the session wants

    /// - Parameter note: called with each action before it is done.
    func carryOutActions(_ note: (SessionAction) -> Void = { _ in }) {
        while session.hasActions {
            for action in session.takeActions() {
                note(action)
                connections.carryOut(action)
            }
        }
    }

    /// Sets the timer to the session's next deadline.
    func schedule() {
        guard let next = session.nextDeadline else { return }
        // Whatever comes moves the deadline on: a timer that ends too early looks again.
        if let timer, timer.end <= next { return }
        timer?.cancel()
        let cancel = loop.after(max(.zero, next - now)) { [self] in
            timer = nil
            session.timePassed(now: now, into: &sink)
            woken()
        }
        timer = (next, cancel)
    }
}

/// Owns a driver, and takes what its session delivers.
protocol SessionOwner: ConnectionOwner {
    associatedtype Sink: SessionSink & SendableMetatype
    var driver: SessionDriver<Sink> { get }

    /// After every entry: carries out what the session wants, takes what the sink has, sets the timer.
    func settle()
}

extension SessionOwner {
    func opened(_ id: TransportID) {
        driver.opened(id)
        settle()
    }

    func received(_ bytes: UnsafeRawBufferPointer, from id: TransportID) {
        driver.received(bytes, from: id, at: driver.clock.monotonic())
    }

    func burstEnded() {
        driver.burstEnded()
        settle()
    }

    func closed(_ id: TransportID, reason: String) {
        driver.closed(id, reason: reason)
        settle()
    }

    func posted(_ id: TransportID, _ answer: Result<[UInt8], PostFailure>) {
        driver.posted(id, answer)
        settle()
    }
}
