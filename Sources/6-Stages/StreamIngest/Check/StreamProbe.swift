internal import Host
internal import MarketData
internal import NIOConcurrencyHelpers
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
/// `@unchecked Sendable`: everything happens on the data loop; `report` is behind a lock.
final class StreamProbe: SessionOwner, @unchecked Sendable {
    struct Sink: SessionSink {
        fileprivate var updates: [(subscription: Int, fields: [String])] = []
        fileprivate var events: [SessionEvent] = []

        mutating func updated(_ update: FieldUpdate) {
            updates.append((update.subscription, (0..<update.fieldCount).map { update.text($0) ?? "" }))
        }

        mutating func happened(_ event: SessionEvent) { events.append(event) }
    }

    /// The time for a session and the answers to all of its subscriptions, then for a first update of each.
    static let openSeconds: Int64 = 20
    static let updateSeconds: Int64 = 10

    let driver: SessionDriver<Sink>
    private let clock: Clock
    private var found: ProbeReport
    private var acceptedAt: [Int: Int64] = [:]
    private var deadline: Int64 = 0
    private var isLeaving = false
    private let outcome = NIOLockedValueBox<ProbeReport?>(nil)

    init(
        login: StreamLogin, instruments: [Instrument], clock: Clock, loop: any DataLoop, connections: any Connections,
        seed: UInt64
    ) {
        self.clock = clock
        driver = SessionDriver(
            login: login, seed: seed, sink: Sink(), loop: loop, clock: clock, connections: connections)
        found = ProbeReport(items: Array(repeating: ProbeReport.Item(), count: instruments.count + 1))
        for request in SubscriptionRequest.feed(of: instruments) { _ = driver.session.subscribe(request, now: .zero) }
    }

    /// What was found, once the session is left.
    var report: ProbeReport? { outcome.withLockedValue { $0 } }

    func start() {
        deadline = clock.monotonic() + Self.openSeconds * UTCNanos.perSecond
        driver.start(owner: self)
        settle()
        turn()
    }

    /// Looks at the deadline a few times a second: the answers move it.
    private func turn() {
        guard report == nil else { return }
        if clock.monotonic() >= deadline { leave() }
        driver.loop.after(.milliseconds(100)) { [self] in turn() }
    }

    func settle() {
        driver.carryOutActions()
        let (updates, events) = (driver.sink.updates, driver.sink.events)
        driver.sink = Sink()
        // Of a burst the answers are handled first: an update never comes before its own.
        for event in events { handle(event) }
        for update in updates { take(update.subscription, update.fields) }
        if found.items.allSatisfy({ $0.answer != .none && ($0.first != nil || $0.answer.isRefusal) }) { leave() }
        driver.schedule()
    }

    private func take(_ subscription: Int, _ fields: [String]) {
        guard found.items[subscription].first == nil, fields.contains(where: { !$0.isEmpty }) else { return }
        let since = clock.monotonic() - (acceptedAt[subscription] ?? clock.monotonic())
        found.items[subscription].first = (fields, since)
        guard subscription == 0, let value = Int64(fields[0]), (1..<4_102_444_800_000).contains(value) else { return }
        let millis = FeedDecoder.heartbeatMillis(value)
        found.heartbeat = (UTCNanos(rawValue: millis * UTCNanos.perMillisecond), clock.now())
    }

    private func handle(_ event: SessionEvent) {
        switch event {
        case .fellBackToHTTP(let reason): found.fallBack = reason
        case .began: found.isOnWebSocket = driver.session.isOnWebSocket ?? true
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
        driver.stop()
        settle()
    }

    private func finish() {
        driver.connections.closeAll()
        let found = found
        outcome.withLockedValue { $0 = $0 ?? found }
    }
}

extension ProbeReport.Answer {
    var isRefusal: Bool { if case .refused = self { true } else { false } }
}
