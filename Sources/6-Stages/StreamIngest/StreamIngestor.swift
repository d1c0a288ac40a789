internal import Assumptions
internal import Host
internal import Logging
internal import MarketData
internal import NIOCore
internal import Streams
internal import TLCP
internal import Wire

/// The data thread of ingest-stream: frame → TLCP → record → journal → bus in one call stack on one event
/// loop. The session decides, this carries out.
///
/// `@unchecked Sendable`: everything happens on `loop`; every entry from outside checks that.
final class StreamIngestor: TransportOwner, @unchecked Sendable {
    private let loop: any EventLoop
    private let clock: Clock
    private let logger: Logger
    private let desk: LoginDesk
    private let status: StatusPublisher
    private let service: ServiceNotifier
    private let instruments: [Instrument]
    private let transports: Transports
    private let writer: StreamWriter
    /// `nil`: no second opinion is asked for, or its journal failed.
    private var nativeWriter: StreamWriter?
    /// `nil`: not asked for, or ended by a failure.
    private var capture: StreamCapture?
    private var session: ClientSession
    private var recorder: FeedRecorder

    private let formerPairs: FormerPairs
    private let book: AssumptionBook
    private var nextBookkeeping: Int64
    private var throttle = LogThrottle()
    /// The timer that runs, and when it ends.
    private var timer: (end: Duration, task: Scheduled<Void>)?
    private var isReady = false
    private var isStopping = false
    private var isFinished = false
    private var isMarketOpen = false
    private var state = "connecting"
    private var reconnects = 0
    /// Monotonic.
    private let began: Int64
    private var loginTime: Int64 = 0
    private var statusMark: (monotonic: Int64, ticks: UInt64) = (0, 0)

    struct Parts {
        let loop: any EventLoop
        let clock: Clock
        let logger: Logger
        let desk: LoginDesk
        let status: StatusPublisher
        let service: ServiceNotifier
        let writer: StreamWriter
        let nativeWriter: StreamWriter?
        let native: NativeCandles?
        let past: FeedPast
        let formerPairs: FormerPairs
        let instruments: [Instrument]
        let trustFile: String?
        let capture: StreamCapture?
        let book: AssumptionBook
        let seed: UInt64
    }

    init(_ parts: Parts, login: StreamLogin) throws {
        loop = parts.loop
        clock = parts.clock
        began = parts.clock.monotonic()
        logger = parts.logger
        desk = parts.desk
        status = parts.status
        service = parts.service
        writer = parts.writer
        nativeWriter = parts.nativeWriter
        capture = parts.capture
        formerPairs = parts.formerPairs
        book = parts.book
        nextBookkeeping = began + 10 * UTCNanos.perSecond
        instruments = parts.instruments
        transports = try Transports(loop: parts.loop, trustFile: parts.trustFile)
        let options = SessionOptions(
            endpoint: login.endpoint, user: login.account, password: login.password.reveal())
        session = ClientSession(options: options, seed: parts.seed)
        recorder = FeedRecorder(instruments: parts.instruments, past: parts.past, native: parts.native)
        hear(login)
    }

    // MARK: Start and stop

    func start() {
        loop.preconditionInEventLoop()
        transports.owner = self
        recorder.begin(now: clock.now(), monotonic: clock.monotonic())
        for request in SubscriptionRequest.feed(of: instruments) { _ = session.subscribe(request, now: now) }
        for request in recorder.native?.requests ?? [] { _ = session.reserve(request) }
        session.start(now: now, into: &recorder)
        settle()
        // The journal has the word of those that are not configured any more.
        do { try formerPairs.write(instruments.map(\.pair)) } catch { desk.fail(error) }
        tickOver()
    }

    /// New tokens have come.
    func resume(_ login: StreamLogin) {
        loop.preconditionInEventLoop()
        hear(login)
        session.resume(
            endpoint: login.endpoint, user: login.account, password: login.password.reveal(), now: now, into: &recorder)
        settle()
    }

    /// A login is a witness of the broker's time.
    private func hear(_ login: StreamLogin) {
        loginTime = login.monotonic
        recorder.assumptions.note(
            .loginLimits, holds: login.limits != nil, at: clock.now(), "no answer that could be read")
        if let time = login.serverTime { recorder.judge.hear(rest: time, monotonic: login.monotonic) }
    }

    /// Ends the session at the broker, then the journal.
    func stop() {
        loop.preconditionInEventLoop()
        isStopping = true
        service.stopping()
        session.stop(now: now, into: &recorder)
        settle()
    }

    private var now: Duration { .nanoseconds(clock.monotonic()) }

    // MARK: What transports bring

    func opened(_ id: TransportID) {
        session.transportOpened(id, now: now)
        settle()
    }

    func received(_ bytes: UnsafeRawBufferPointer, from id: TransportID) {
        let monotonic = clock.monotonic()
        let time = clock.now()
        capture?.received(bytes, from: id, at: time)
        recorder.burstBegan(now: time, monotonic: monotonic)
        session.received(bytes, from: id, now: .nanoseconds(monotonic), into: &recorder)
    }

    func burstEnded() {
        session.burstEnded(now: now, into: &recorder)
        settle()
    }

    func closed(_ id: TransportID, reason: String) {
        transports.forget(id)
        capture?.ended(id, reason: reason, at: clock.now())
        session.transportClosed(id, reason: reason, now: now, into: &recorder)
        settle()
    }

    func posted(_ id: TransportID, _ answer: Result<[UInt8], PostFailure>) {
        switch answer {
        case .success(let body):
            capture?.answered(body, at: clock.now())
            body.withUnsafeBytes { session.postAnswered(id, body: $0, now: now, into: &recorder) }
        case .failure(let failure):
            warn("Control request not answered, sending it again", ["error": "\(failure.reason)"])
            session.postFailed(id, now: now)
        }
        settle()
    }

    // MARK: Turns

    /// After every entry: commit the burst, act, say what happened, set the timer.
    private func settle() {
        commit()
        turnToOtherPairs()
        while session.hasActions {
            for action in session.takeActions() {
                capture?.carriedOut(action, at: clock.now())
                transports.carryOut(action)
            }
        }
        writeCapture()
        let events = recorder.events
        recorder.events.removeAll(keepingCapacity: true)
        for event in events { handle(event) }
        schedule()
    }

    private func commit() {
        do {
            for record in recorder.records { try writer.append(record) }
            recorder.records.removeAll(keepingCapacity: true)
            try writer.commit()
        } catch {
            desk.fail(error)
        }
        if !recorder.candles.isEmpty { commitNative() }
    }

    /// An opinion that cannot be kept stops no tick.
    private func commitNative() {
        do {
            for candle in recorder.candles { try nativeWriter?.append(candle) }
            try nativeWriter?.commit()
        } catch {
            nativeWriter = nil
            logger.error("Native candles cannot be recorded, streaming continues", metadata: ["error": "\(error)"])
        }
        recorder.candles.removeAll(keepingCapacity: true)
    }

    /// Opens and closes subscriptions of native candles.
    private func turnToOtherPairs() {
        for turn in recorder.native?.takeTurns() ?? [] {
            switch turn {
            case .open(let subscription): session.open(subscription, now: now)
            case .close(let subscription): session.close(subscription)
            }
        }
    }

    /// After the ticks are out: the capture delays only itself.
    private func writeCapture() {
        do {
            try capture?.flush()
        } catch {
            capture = nil
            logger.error("Capture ended, streaming continues", metadata: ["error": "\(error)"])
        }
    }

    private func schedule() {
        guard let next = session.nextDeadline else { return }
        // Whatever comes moves the deadline on: a timer that ends too early looks again.
        if let timer, timer.end <= next { return }
        timer?.task.cancel()
        let pause = max(0, (next - now).nanoseconds)
        let task = loop.scheduleTask(in: .nanoseconds(pause)) { [self] in
            timer = nil
            session.timePassed(now: now, into: &recorder)
            settle()
        }
        timer = (next, task)
    }

    /// Once a second: the stand-in clock, the status, the watchdog. On the loop that appends to the journal:
    /// when that is wedged, this is.
    private func tickOver() {
        if isFinished { return }
        recorder.timePassed(now: clock.now(), monotonic: clock.monotonic())
        lookAfterSubscriptions()
        settle()
        publishStatus()
        throttle.tellLeftOut(now: clock.monotonic(), logger)
        if clock.monotonic() >= nextBookkeeping { keepBook() }
        service.status(state)
        service.progressed()
        if !isStopping { loop.scheduleTask(in: .seconds(1)) { [self] in tickOver() } }
    }

    /// Asks at once for what the broker refused when the market opens; looks whether a silent pair is dead.
    private func lookAfterSubscriptions() {
        let isOpen = recorder.feedTime > 0 && TradingWeek.isOpen(at: UTCNanos(rawValue: recorder.feedTime).seconds)
        if isOpen, !isMarketOpen {
            session.askAgain(now: now)
            recorder.beginLooks()
        }
        if recorder.asksAgain {
            recorder.asksAgain = false
            session.askAgain(now: now)
        }
        isMarketOpen = isOpen
        if let silent = recorder.takeSilentSubscription() { session.renew(silent, now: now) }
    }

    // MARK: Events

    private func handle(_ event: SessionEvent) {
        switch event {
        case .connecting(let isWebSocket):
            logger.debug("Connecting", metadata: ["transport": isWebSocket ? "websocket" : "http"])
        case .fellBackToHTTP(let reason):
            warn("WebSocket cannot be opened, trying HTTP streaming", ["error": "\(reason)"])
        case .began(let replacing):
            say(.notice, "Session began", ["replacing": "\(replacing)"])
        case .subscribed(let subscription):
            logger.debug("Subscribed", metadata: ["epic": "\(epic(subscription))"])
        case .renewed(let subscription):
            logger.debug("Silent subscription renewed", metadata: ["epic": "\(epic(subscription))"])
        case .refused(let subscription, let code, let text): refusedItem(subscription, code, text)
        case .itemLost(let subscription, let reason):
            warn("Unreadable update, subscribing again", ["epic": "\(epic(subscription))", "error": "\(reason)"])
        case .allAnswered: allAnswered()
        case .preserved: say(.info, "Session rebound, nothing missed")
        case .recovered(let resent):
            state = "streaming"
            say(.notice, "Session recovered, nothing missed", ["resent": "\(resent)"])
        case .updatesLost(let subscription, _, let count):
            warn("Broker declared updates lost", ["epic": "\(epic(subscription))", "count": "\(count)"])
        case .stalled:
            state = "silent"
            warn("Feed is silent", [:])
        case .flowing:
            state = "streaming"
            say(.info, "Feed flows again")
        case .cut(let reason):
            state = "recovering"
            reconnects += 1
            warn("Connection lost, recovering the session", ["error": "\(reason)"])
        case .lost(let reason):
            state = "blind"
            warn("Session lost", ["error": "\(reason)"])
        case .waiting(let pause, let failures, let reason):
            state = "blind"
            service.ready()
            warn(
                "Next attempt after a pause",
                ["milliseconds": "\(pause.nanoseconds / 1_000_000)", "count": "\(failures)", "error": "\(reason)"])
        case .credentialsRefused(let code, _):
            state = "logging in"
            service.ready()
            warn("Broker refused the session tokens, logging in again", ["code": "\(code)"])
            noteRefusedTokens(code)
            desk.ask()
        case .stopped(let code, let text):
            keepBook()
            desk.fail(
                Failure(.unavailable, "the broker refuses to stream, and will not change that: code \(code) \(text)"))
        case .destroyed: finish()
        case .oddLine(let what): warn("Unreadable line ignored", ["error": "\(what)"])
        case .configured(let subscription, let frequency, _):
            // Updates above a limit are dropped by the broker without a word (`tlcp` § Modes).
            if frequency != "unlimited" {
                warn("Broker limits the updates", ["epic": "\(epic(subscription))", "frequency": "\(frequency)"])
            }
        case .unsubscribed(let subscription):
            warn("Broker ended a subscription, subscribing again", ["epic": "\(epic(subscription))"])
        case .endOfSnapshot, .snapshotCleared, .recoveryRefused: break
        }
    }

    /// What the broker does with assumptions, once a minute on the disk.
    private func keepBook() {
        nextBookkeeping = clock.monotonic() + 60 * UTCNanos.perSecond
        do {
            try book.write(recorder.assumptionTally)
        } catch {
            warn("Assumptions cannot be recorded", ["error": "\(error)"])
        }
    }

    /// Tokens live at least six hours (`ig-api` § 2.8).
    private func noteRefusedTokens(_ code: Int) {
        let age = (clock.monotonic() - loginTime) / UTCNanos.perSecond
        recorder.assumptions.note(
            .tokensLast, holds: age >= 6 * 3_600, at: clock.now(), "code \(code) after \(age) s")
    }

    private func refusedItem(_ subscription: Int, _ code: Int, _ text: String) {
        warn(
            "Broker refused a subscription, trying again later",
            ["epic": "\(epic(subscription))", "code": "\(code)", "error": "\(text)"])
    }

    private func allAnswered() {
        // Tokens are checked lazily: a session of dead tokens refuses every item (`ig-api` § 9.8).
        let subscribed = recorder.subscribedPairs
        if subscribed == 0 {
            state = "logging in"
            service.ready()
            warn("Broker refused every subscription, logging in again", [:])
            noteRefusedTokens(0)
            return desk.ask()
        }
        state = "streaming"
        desk.proven()
        say(
            .notice, "Streaming", ["subscriptions": "\(subscribed)", "refused": "\(instruments.count - subscribed)"])
        guard !isReady else { return }
        isReady = true
        service.status(state)
        service.ready()
        Program.ready([("ticks", writer.endpoint)])
    }

    private func finish() {
        guard isStopping, !isFinished else { return }
        isFinished = true
        recorder.end(now: clock.now())
        commit()
        publishStatus()
        keepBook()
        transports.closeAll()
        do {
            try writer.close()
            try nativeWriter?.close()
        } catch {
            desk.fail(error)
        }
        logger.notice("Stopped", metadata: ["position": "\(writer.lastPosition)"])
        desk.finish()
    }

    private func epic(_ subscription: Int) -> String { recorder.epic(subscription) }

    private func say(_ level: Logger.Level, _ sentence: String, _ metadata: Logger.Metadata = [:]) {
        throttle.say(level, sentence, metadata, now: clock.monotonic(), logger)
    }

    private func warn(_ sentence: String, _ metadata: Logger.Metadata) {
        throttle.warn(sentence, metadata, now: clock.monotonic(), logger)
    }

    // MARK: Status

    private func publishStatus() {
        let now = clock.monotonic()
        let ticks = recorder.counters.ticks
        let seconds = Double(now - statusMark.monotonic) / 1e9
        let rate = seconds > 0 && statusMark.monotonic > 0 ? Double(ticks - statusMark.ticks) / seconds : 0
        statusMark = (now, ticks)
        var metrics = MetricValues()
        recorder.report(into: &metrics, at: clock.now(), since: began)
        metrics[.ticksPerSecond] = rate
        metrics[.transport, transportName] = 1
        metrics.set(.reconnects, reconnects)
        metrics.set(.subscriptions, recorder.subscribedPairs)
        metrics.set(.subscriptionsLacking, session.isBound ? instruments.count - recorder.subscribedPairs : 0)
        let report = StageStatus(
            .ingestStream, time: clock.now(), state: state, outputs: outputs, metrics: metrics)
        do { try status.publish(report) } catch { warn("Status cannot be published", ["error": "\(error)"]) }
    }

    private var outputs: [StageStatus.Output] {
        [.init(.ticks, position: writer.lastPosition)]
            + (nativeWriter.map { [.init(.native, position: $0.lastPosition)] } ?? [])
    }

    private var transportName: String {
        switch session.isOnWebSocket {
        case true?: "websocket"
        case false?: "http"
        case nil: "none"
        }
    }
}

extension SubscriptionRequest {
    /// The heartbeat first, so that the feed's time is known before the first tick; then the ticks of each.
    static func feed(of instruments: [Instrument]) -> [SubscriptionRequest] {
        let heartbeat = SubscriptionRequest(mode: .merge, items: ["TRADE:HB.U.HEARTBEAT.IP"], fields: ["HEARTBEAT"])
        return [heartbeat]
            + instruments.map {
                SubscriptionRequest(mode: .distinct, items: [$0.tickItem], fields: ["BID", "OFR", "UTM"])
            }
    }
}

extension Duration {
    /// Whole nanoseconds; durations here are far below the 292 years that fit.
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
