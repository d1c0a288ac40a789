internal import Logging
internal import MarketData
internal import NIOCore

/// Everything that lives on the simulator's one event loop: the market, the two servers, and the pump that
/// moves market time.
final class SimulatorCore {
    let market: Market
    let stream: StreamServer
    let rest: RESTServer
    let logger: Logger
    let wallClock = WallClock()
    /// Open WebSockets, to be closed at the end.
    var webSockets: [ObjectIdentifier: WebSocketHandler] = [:]
    /// Open connections of every kind.
    var connections: [ObjectIdentifier: any Channel] = [:]
    /// Called once when the play is over and delivered, if the simulator is to leave then.
    var onDone: () -> Void = {}

    private let loop: any EventLoop
    private let speed: MarketSpeed
    private let exitsWhenDone: Bool
    private var clock: MarketClock
    private var isSliceScheduled = false
    private var saysDone = false
    private var isStopped = false
    private var timers: [RepeatedTask] = []

    /// Events per turn of the loop: several frames' worth, well under a millisecond.
    private static let sliceEvents = 4_000
    /// The pause between two turns at full speed. The loop reads no request while a task is due at once.
    private static let breath = TimeAmount.microseconds(20)
    /// How often due ticks are sent at a finite speed.
    private static let turn = TimeAmount.milliseconds(2)

    init(options: SimulatorOptions, market: Market, loop: any EventLoop, logger: Logger) {
        self.market = market
        self.loop = loop
        self.logger = logger
        speed = options.speed
        exitsWhenDone = options.exitsWhenDone
        clock = MarketClock(speed: options.speed)
        let accounts = Accounts(
            credentials: .init(
                identifier: options.identifier, password: options.password, apiKey: options.apiKey),
            named: options.accounts, seed: options.seed)
        let stream = StreamServer(
            market: market, limits: options.stream, seed: options.seed, logger: logger,
            authenticate: { accounts.streamAccount(user: $0, password: $1) })
        stream.itemsMax = { accounts.itemsMax(of: $0) }
        self.stream = stream
        let console = AdminConsole(stream: stream, accounts: accounts, market: market)
        var settings = options.rest
        settings.subscriptionsMax = options.stream.subscriptionsMax
        rest = RESTServer(
            accounts: accounts, market: market, settings: settings, logger: logger,
            admin: { console.reply(to: $0) })
        accounts.onLogin = { [unowned accounts] in
            if let code = accounts.faults.streamEnd { stream.endAll(code: code) }
        }
        console.aheadNanos = { [weak self] in self?.aheadNanos }
        stream.onProgress = { [weak self] in self?.progress() }
        for fault in options.faults { console.apply(fault) }
    }

    /// Monotonic nanoseconds.
    var now: Int64 { wallClock.monotonic() }

    /// Whether new connections close at once: a fault.
    var isOut: Bool { stream.faults.outageUntil.map { now < $0 } ?? false }

    /// Nanoseconds by which the clock behind `UTM` is ahead of this machine's; `nil` unless it runs at a steady speed.
    private var aheadNanos: Int64? {
        guard market.phase == .running else { return nil }
        return clock.ahead(of: wallClock.now(), at: now).map { $0 + market.faults.ahead(at: market.now) }
    }

    func start(streamURL: String, authority: String) {
        rest.streamURL = streamURL
        if stream.limits.linksToItself { stream.limits.controlLink = authority }
        timers.append(
            loop.scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) {
                [core = NIOLoopBound(self, eventLoop: loop)] _ in
                core.value.stream.tick(now: core.value.now)
            })
    }

    func stop() {
        isStopped = true
        for timer in timers { timer.cancel() }
        timers = []
    }

    // MARK: The pump

    /// Something happened after which the market may go on.
    private func progress() {
        if market.phase == .running, !clock.isRunning {
            clock.start(market: market.moment, monotonic: now)
            logger.info("the play starts", metadata: ["marketTime": "\(UTCNanos(rawValue: market.now))"])
            if speed != .max { startTurns() }
        }
        if market.phase == .finished { finishWhenDelivered() } else if speed == .max { scheduleSlice() }
    }

    private func startTurns() {
        timers.append(
            loop.scheduleRepeatedTask(initialDelay: .zero, delay: SimulatorCore.turn) {
                [core = NIOLoopBound(self, eventLoop: loop)] _ in core.value.slice()
            })
    }

    private func scheduleSlice() {
        guard market.phase != .waiting, !isSliceScheduled, !isStopped else { return }
        isSliceScheduled = true
        loop.scheduleTask(in: SimulatorCore.breath) { [core = NIOLoopBound(self, eventLoop: loop)] in
            core.value.isSliceScheduled = false
            core.value.slice()
        }
    }

    /// One turn: publishes what is due, then sends it.
    private func slice() {
        guard let limit = clock.limit(at: now) else { return }
        let isAtFullSpeed = speed == .max && market.phase == .running
        // At full speed the slowest reader sets the pace. What one connection received is also kept for its
        // reader: nothing of a capture is dropped.
        let isPaced = isAtFullSpeed || market.capture?.phase == .running
        if isPaced, !stream.isReady { return }
        stream.isStalled = false
        let stream = stream
        let count = market.step(until: limit, budget: SimulatorCore.sliceEvents) { isPaced && stream.isStalled }
        stream.flush()
        if market.phase == .finished {
            finishWhenDelivered()
        } else if isAtFullSpeed || count == SimulatorCore.sliceEvents {
            scheduleSlice()
        }
    }

    // MARK: The end

    private func finishWhenDelivered() {
        guard !saysDone, !exitsWhenDone || stream.isDelivered else { return }
        saysDone = true
        for (name, count) in market.sentCounts {
            let key = market.capture == nil ? "pair" : "item"
            logger.notice("ticks sent", metadata: [key: "\(name)", "count": "\(count)"])
        }
        if exitsWhenDone {
            onDone()
        } else if speed == .max {
            // No more ticks to hurry for: market time goes on as real time does.
            clock = MarketClock(speed: .times(1))
            clock.start(market: market.moment, monotonic: now)
            startTurns()
        }
    }
}
