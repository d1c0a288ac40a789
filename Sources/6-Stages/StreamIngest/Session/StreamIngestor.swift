internal import Assumptions
internal import Host
internal import Logging
internal import MarketData
internal import Streams
internal import TLCP
internal import Wire

/// The data thread of ingest-stream: frame → TLCP → record → journal → bus in one call stack on one loop. The session
/// decides, `SessionDriver` and this carry out.
///
/// All that it touches is handed in: loop, clock, connections, outputs. What it logs and what its status says is in
/// `StreamIngestor+Events.swift`.
///
/// `@unchecked Sendable`: everything happens on the data loop; every entry from outside checks that.
final class StreamIngestor: SessionOwner, @unchecked Sendable {
    let driver: SessionDriver<FeedRecorder>
    let parts: Parts
    /// `nil`: no second opinion is asked for, or its journal failed.
    private(set) var nativeOutput: (any StreamOutput)?
    /// `nil`: not asked for, or ended by a failure.
    private var capture: StreamCapture?

    private var nextBookkeeping: Int64
    var throttle = LogThrottle()
    private var isReady = false
    private var isStopping = false
    private(set) var isFinished = false
    /// The instruments whose market was open a second ago.
    private var openMarkets: Set<Int> = []
    /// Wakes the stage when the broker's clock, as learned, closes intervals.
    var closingTimer: (end: Int64, cancel: @Sendable () -> Void)?
    var state = IngestState.connecting
    var reconnects = 0
    /// Monotonic.
    let began: Int64
    private var loginTime: Int64 = 0
    var statusMark: (monotonic: Int64, ticks: UInt64) = (0, 0)

    /// - Parameters:
    ///   - nativeOutput: `nil`: no second opinion is asked for.
    ///   - capture: `nil`: none is asked for.
    init(
        _ parts: Parts, nativeOutput: (any StreamOutput)? = nil, capture: StreamCapture? = nil, login: StreamLogin
    ) {
        self.parts = parts
        began = parts.clock.monotonic()
        self.nativeOutput = nativeOutput
        self.capture = capture
        nextBookkeeping = began + 10 * UTCNanos.perSecond
        driver = SessionDriver(
            login: login, seed: parts.seed,
            sink: FeedRecorder(
                instruments: parts.instruments, past: parts.past, native: parts.native, closings: parts.closings,
                limit: parts.limit),
            loop: parts.loop, clock: parts.clock, connections: parts.connections)
        hear(login)
    }

    // MARK: Start and stop

    func start() {
        driver.loop.checkIsCurrent()
        driver.sink.begin(now: parts.clock.now(), monotonic: parts.clock.monotonic())
        for request in SubscriptionRequest.feed(of: parts.instruments) {
            _ = driver.session.subscribe(request, now: driver.now)
        }
        for request in driver.sink.native?.requests ?? [] { _ = driver.session.reserve(request) }
        driver.start(owner: self)
        settle()
        // The journal has the word of those that are not configured any more.
        do { try parts.formerPairs.write(parts.instruments.map(\.pair)) } catch { parts.mailbox.fail(error) }
        tickOver()
    }

    /// New tokens have come.
    func resume(_ login: StreamLogin) {
        driver.loop.checkIsCurrent()
        hear(login)
        driver.resume(login)
        settle()
    }

    /// A login is a witness of the broker's time.
    private func hear(_ login: StreamLogin) {
        loginTime = login.monotonic
        driver.sink.output.assumptions.note(
            .loginLimits, holds: login.limits != nil, at: parts.clock.now(), "no answer that could be read")
        if let time = login.serverTime { driver.sink.hear(rest: time, monotonic: login.monotonic) }
    }

    /// Ends the session at the broker, then the journal.
    func stop() {
        isStopping = true
        parts.service.stopping()
        driver.stop()
        settle()
    }

    // MARK: What connections bring

    func received(_ bytes: UnsafeRawBufferPointer, from id: TransportID) {
        let monotonic = parts.clock.monotonic()
        let time = parts.clock.now()
        capture?.received(bytes, from: id, at: time)
        driver.sink.burstBegan(now: time, monotonic: monotonic)
        driver.received(bytes, from: id, at: monotonic)
    }

    func closed(_ id: TransportID, reason: String) {
        capture?.ended(id, reason: reason, at: parts.clock.now())
        driver.closed(id, reason: reason)
        settle()
    }

    func posted(_ id: TransportID, _ answer: Result<[UInt8], PostFailure>) {
        switch answer {
        case .success(let body): capture?.answered(body, at: parts.clock.now())
        case .failure(let failure):
            warn("Control request not answered, sending it again", ["error": "\(failure.reason)"])
        }
        driver.posted(id, answer)
        settle()
    }

    // MARK: Turns

    /// After every entry: commit the burst, act, say what happened, set the timer.
    func settle() {
        closeOnTime()
        commit()
        turnToOtherPairs()
        driver.carryOutActions { capture?.carriedOut($0, at: parts.clock.now()) }
        writeCapture()
        let events = driver.sink.output.events
        driver.sink.output.events.removeAll(keepingCapacity: true)
        for event in events {
            report(event)
            act(on: event)
        }
        driver.schedule()
    }

    private func commit() {
        do {
            try parts.ticks.append(driver.sink.output.records)
            driver.sink.output.records.removeAll(keepingCapacity: true)
            try parts.ticks.commit()
        } catch {
            parts.mailbox.fail(error)
        }
        if !driver.sink.output.candles.isEmpty { commitNative() }
    }

    /// An opinion that cannot be kept stops no tick.
    private func commitNative() {
        do {
            try nativeOutput?.append(driver.sink.output.candles)
            try nativeOutput?.commit()
        } catch {
            nativeOutput = nil
            parts.logger.error(
                "Native candles cannot be recorded, streaming continues", metadata: ["error": "\(error)"])
        }
        driver.sink.output.candles.removeAll(keepingCapacity: true)
    }

    /// Opens and closes subscriptions of native candles.
    private func turnToOtherPairs() {
        for turn in driver.sink.native?.takeTurns() ?? [] {
            switch turn {
            case .open(let subscription): driver.session.open(subscription, now: driver.now)
            case .close(let subscription): driver.session.close(subscription)
            }
        }
    }

    /// After the ticks are out: the capture delays only itself.
    private func writeCapture() {
        do {
            try capture?.flush()
        } catch {
            capture = nil
            parts.logger.error("Capture ended, streaming continues", metadata: ["error": "\(error)"])
        }
    }

    /// Once a second: the stand-in clock, the status, the watchdog. On the loop that appends to the journal:
    /// when that is wedged, this is.
    private func tickOver() {
        if isFinished { return }
        driver.sink.timePassed(now: parts.clock.now(), monotonic: parts.clock.monotonic())
        lookAfterSubscriptions()
        settle()
        publishStatus()
        throttle.tellLeftOut(now: parts.clock.monotonic(), parts.logger)
        if parts.clock.monotonic() >= nextBookkeeping { keepBook() }
        parts.service.status(state.rawValue)
        parts.service.progressed()
        if !isStopping { driver.loop.after(.seconds(1)) { [self] in tickOver() } }
    }

    /// Asks at once for what the broker refused when a market opens; looks whether a silent pair is dead.
    private func lookAfterSubscriptions() {
        let open = driver.sink.openMarkets
        let opened = open.subtracting(openMarkets)
        if !opened.isEmpty {
            driver.session.askAgain(now: driver.now)
            driver.sink.beginLooks(at: opened)
        }
        if driver.sink.asksAgain {
            driver.sink.asksAgain = false
            driver.session.askAgain(now: driver.now)
        }
        openMarkets = open
        if let silent = driver.sink.takeSilentSubscription() { driver.session.renew(silent, now: driver.now) }
    }

    // MARK: What follows from an event

    private func act(on event: SessionEvent) {
        switch event {
        case .allAnswered: allAnswered()
        case .waiting: parts.service.ready()
        case .credentialsRefused(let code, _):
            noteRefusedTokens(code)
            askForLogin()
        case .stopped(let code, let text):
            keepBook()
            parts.mailbox.fail(
                Failure(.unavailable, "the broker refuses to stream permanently: code \(code) \(text)"))
        case .destroyed: finish()
        default: break
        }
    }

    private func allAnswered() {
        // Tokens are checked lazily: a session of dead tokens refuses every item (`ig-api` § 9.8).
        let subscribed = driver.sink.subscribedPairs
        if subscribed == 0 {
            state = .loggingIn
            warn("Broker refused every subscription, logging in again", [:])
            noteRefusedTokens(0)
            return askForLogin()
        }
        state = .streaming
        parts.mailbox.proven()
        say(
            .notice, "Streaming",
            ["subscriptions": "\(subscribed)", "refused": "\(parts.instruments.count - subscribed)"])
        guard !isReady else { return }
        isReady = true
        parts.service.status(state.rawValue)
        parts.service.ready()
        parts.ready(parts.ticks.endpoint)
    }

    private func askForLogin() {
        parts.service.ready()
        parts.mailbox.askForLogin()
    }

    /// Tokens live at least six hours (`ig-api` § 2.8).
    private func noteRefusedTokens(_ code: Int) {
        let age = (parts.clock.monotonic() - loginTime) / UTCNanos.perSecond
        driver.sink.output.assumptions.note(
            .tokensLast, holds: age >= 6 * 3_600, at: parts.clock.now(), "code \(code) after \(age) s")
    }

    /// What the broker does with assumptions, once a minute on the disk.
    private func keepBook() {
        nextBookkeeping = parts.clock.monotonic() + 60 * UTCNanos.perSecond
        do {
            try parts.book.write(driver.sink.assumptionTally)
        } catch {
            warn("Assumptions cannot be recorded", ["error": "\(error)"])
        }
    }

    private func finish() {
        guard isStopping, !isFinished else { return }
        isFinished = true
        driver.sink.end(now: parts.clock.now())
        commit()
        publishStatus()
        keepBook()
        driver.connections.closeAll()
        do {
            try parts.ticks.close()
            try nativeOutput?.close()
        } catch {
            parts.mailbox.fail(error)
        }
        parts.logger.notice("Stopped", metadata: ["position": "\(parts.ticks.lastPosition)"])
        parts.mailbox.finish()
    }
}
