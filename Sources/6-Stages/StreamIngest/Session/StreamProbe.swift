internal import Host
internal import MarketData
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import TLCP

/// What a short look at the stream has shown.
struct ProbeReport: Sendable {
    enum Answer: Hashable, Sendable {
        case none
        case refused(code: Int, text: String)
        /// - Parameter limit: updates a second, where the broker limits them.
        case accepted(limit: String?)
    }

    /// Of the heartbeat (0) and of each instrument's ticks.
    struct Item: Sendable {
        var answer = Answer.none
        /// Fields of the first update that had a value, and when it came after the acceptance, ns.
        var first: (fields: [String], nanoseconds: Int64)?
    }

    var items: [Item]
    var isOnWebSocket = true
    /// Why the WebSocket could not be used.
    var fallBack: String?
    /// Why there is no session.
    var failure: String?
    /// The broker's clock by the first heartbeat, and this machine's when it came.
    var heartbeat: (told: UTCNanos, here: UTCNanos)?
}

/// Opens the stream as `StreamIngestor` does, looks whether each item is accepted and sends something, and
/// leaves. Writes nothing.
///
/// `@unchecked Sendable`: everything happens on `loop`; `report` is behind a lock.
final class StreamProbe: TransportOwner, @unchecked Sendable {
    private struct Sink: SessionSink {
        var updates: [(subscription: Int, fields: [String])] = []
        var events: [SessionEvent] = []

        mutating func updated(_ update: FieldUpdate) {
            updates.append((update.subscription, (0..<update.fieldCount).map { update.text($0) ?? "" }))
        }

        mutating func happened(_ event: SessionEvent) { events.append(event) }
    }

    /// The time for a session and the answers to all of its subscriptions, then for a first update of each.
    static let openSeconds: Int64 = 20
    static let updateSeconds: Int64 = 10

    private let loop: any EventLoop
    private let clock: Clock
    private let transports: Transports
    private var session: ClientSession
    private var sink = Sink()
    private var found: ProbeReport
    private var acceptedAt: [Int: Int64] = [:]
    private var deadline: Int64 = 0
    private var isLeaving = false
    private let outcome = NIOLockedValueBox<ProbeReport?>(nil)

    init(
        login: StreamLogin, instruments: [Instrument], trustFile: String?, clock: Clock, loop: any EventLoop,
        seed: UInt64
    ) throws {
        self.loop = loop
        self.clock = clock
        transports = try Transports(loop: loop, trustFile: trustFile)
        let options = SessionOptions(
            endpoint: login.endpoint, user: login.account, password: login.password.reveal())
        session = ClientSession(options: options, seed: seed)
        found = ProbeReport(items: Array(repeating: ProbeReport.Item(), count: instruments.count + 1))
        for request in SubscriptionRequest.feed(of: instruments) { _ = session.subscribe(request, now: .zero) }
    }

    /// What was found, once the session is left.
    var report: ProbeReport? { outcome.withLockedValue { $0 } }

    func start() {
        loop.preconditionInEventLoop()
        transports.owner = self
        deadline = clock.monotonic() + Self.openSeconds * UTCNanos.perSecond
        session.start(now: now, into: &sink)
        settle()
        turn()
    }

    private var now: Duration { .nanoseconds(clock.monotonic()) }

    // MARK: What transports bring

    func opened(_ id: TransportID) {
        session.transportOpened(id, now: now)
        settle()
    }

    func received(_ bytes: UnsafeRawBufferPointer, from id: TransportID) {
        session.received(bytes, from: id, now: now, into: &sink)
    }

    func burstEnded() {
        session.burstEnded(now: now, into: &sink)
        settle()
    }

    func closed(_ id: TransportID, reason: String) {
        transports.forget(id)
        session.transportClosed(id, reason: reason, now: now, into: &sink)
        settle()
    }

    func posted(_ id: TransportID, _ answer: Result<[UInt8], PostFailure>) {
        if case .success(let body) = answer {
            body.withUnsafeBytes { session.postAnswered(id, body: $0, now: now, into: &sink) }
        } else {
            session.postFailed(id, now: now)
        }
        settle()
    }

    // MARK: Turns

    /// The session's timers and our own, a few times a second.
    private func turn() {
        guard report == nil else { return }
        session.timePassed(now: now, into: &sink)
        settle()
        if clock.monotonic() >= deadline { leave() }
        loop.scheduleTask(in: .milliseconds(100)) { [self] in turn() }
    }

    private func settle() {
        while session.hasActions {
            for action in session.takeActions() { transports.carryOut(action) }
        }
        let (updates, events) = (sink.updates, sink.events)
        sink = Sink()
        // Of a burst the answers are told first: an update never comes before its own.
        for event in events { handle(event) }
        for update in updates { take(update.subscription, update.fields) }
        if found.items.allSatisfy({ $0.answer != .none && ($0.first != nil || $0.answer.isRefusal) }) { leave() }
    }

    private func take(_ subscription: Int, _ fields: [String]) {
        guard found.items[subscription].first == nil, fields.contains(where: { !$0.isEmpty }) else { return }
        let since = clock.monotonic() - (acceptedAt[subscription] ?? clock.monotonic())
        found.items[subscription].first = (fields, since)
        guard subscription == 0, let value = Int64(fields[0]), (1..<4_102_444_800_000).contains(value) else { return }
        // Seconds or milliseconds since 1970: both have been documented (`ig-api` § 9.3).
        let millis = value < 100_000_000_000 ? value * 1_000 : value
        found.heartbeat = (UTCNanos(rawValue: millis * UTCNanos.perMillisecond), clock.now())
    }

    private func handle(_ event: SessionEvent) {
        switch event {
        case .fellBackToHTTP(let reason): found.fallBack = reason
        case .began: found.isOnWebSocket = session.isOnWebSocket ?? true
        case .subscribed(let subscription):
            found.items[subscription].answer = .accepted(limit: nil)
            acceptedAt[subscription] = clock.monotonic()
        case .configured(let subscription, let frequency, _):
            if frequency != "unlimited" { found.items[subscription].answer = .accepted(limit: frequency) }
        case .refused(let subscription, let code, let text):
            found.items[subscription].answer = .refused(code: code, text: text)
        case .allAnswered: deadline = clock.monotonic() + Self.updateSeconds * UTCNanos.perSecond
        case .cut(let reason), .waiting(_, _, let reason): fail(reason)
        case .credentialsRefused(let code, let text), .stopped(let code, let text): fail("code \(code) \(text)")
        case .destroyed: finish()
        default: break
        }
    }

    private func fail(_ reason: String) {
        guard !isLeaving else { return }
        found.failure = reason
        leave()
    }

    /// Ends the session at the broker too.
    private func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        session.stop(now: now, into: &sink)
        settle()
    }

    private func finish() {
        transports.closeAll()
        let found = found
        outcome.withLockedValue { $0 = $0 ?? found }
    }
}

extension ProbeReport.Answer {
    var isRefusal: Bool { if case .refused = self { true } else { false } }
}
