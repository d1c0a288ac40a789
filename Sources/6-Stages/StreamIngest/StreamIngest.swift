internal import Assumptions
public import Host
internal import IG
internal import IGClient
public import Logging
internal import MarketData
internal import NIOCore
internal import NIOPosix
public import Settings
internal import Streams
internal import TLCP
internal import Wire

/// ingest-stream: the broker's stream in, the `ticks` stream out.
///
/// Two threads: the event loop carries all data (`StreamIngestor`); the caller's thread logs in, waits for
/// the stop, and ends the process when the data thread cannot go on.
public enum StreamIngest {
    /// Runs until a stop is asked for.
    /// - Parameter capture: a new file for what is exchanged with the broker (docs/formats.md § 6).
    /// - Throws: `Failure` (78) for wrong credentials or too many instruments, (69) where the broker refuses
    ///   for good, (64) where the capture's file exists; `JournalError`, `BusError`.
    public static func run(_ setup: StageSetup, capture: String?, clock: Clock, logger: Logger) throws {
        let instruments = setup.configuration.instruments
        let credentials = try Credentials(environment: setup.environment)
        let outlets = try Outlets(setup, capture: capture, logger)
        try recordSkip(outlets.ticks, outlets.past.time, clock)

        let mailbox = SupervisorMailbox()
        var patience = LoginPatience(
            spacing: LoginSpacing(
                seconds: setup.configuration.stream.loginSpacingSeconds, stateFolder: setup.paths.collectorState),
            clock: clock, logger: logger
        ) {
            let login = try RESTClient.login(credentials, trustFile: credentials.trustFile)
            return try StreamLogin(login, monotonic: clock.monotonic())
        }
        patience.refused = mailbox.noteRefusedLogin
        guard let login = try firstLogin(&patience, setup, outlets, mailbox, clock) else {
            setup.service.stopping()
            try outlets.native?.close()
            return try outlets.ticks.close()
        }
        let limit = ItemLimit(login.limits)
        tell(limit, logger)
        try limit.check(instruments)

        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }  // Its only failure is having been shut down before.
        let loop = group.next()
        let ingestor = StreamIngestor(
            outlets.parts(
                setup, loop: loop, connections: try Transports(loop: loop, trustFile: credentials.trustFile),
                native: outlets.native == nil ? nil : native(setup, limit, logger), limit: limit, mailbox, clock, logger
            ),
            nativeOutput: outlets.native, capture: outlets.capture, login: login)
        loop.execute { ingestor.start() }
        try supervise(ingestor, loop, mailbox, &patience, setup.stop, logger)
    }

    /// What the stage writes, and what it knows from its last run.
    private struct Outlets {
        let ticks: StreamWriter
        let native: StreamWriter?
        let capture: StreamCapture?
        let status: StatusPublisher
        let formerPairs: FormerPairs
        let past: FeedPast

        init(_ setup: StageSetup, capture path: String?, _ logger: Logger) throws {
            let bus = try SocketBus(setup.paths)
            ticks = try StreamWriter(
                stream: .ticks, paths: setup.paths,
                settings: setup.configuration.journal, bus: bus, logger: logger)
            native = StreamIngest.nativeWriter(setup, bus, logger)
            capture = try path.map { try StreamCapture(path: $0) }
            status = try StatusPublisher(.ingestStream, bus: bus, logger: logger)
            formerPairs = FormerPairs(stateFolder: setup.paths.collectorState)
            var past = try FeedPast(journal: setup.paths.journal(.ticks))
            past.formerPairs = formerPairs.read()
            self.past = past
        }

        func parts(
            _ setup: StageSetup, loop: any EventLoop, connections: Transports, native candles: NativeCandles?,
            limit: ItemLimit, _ mailbox: SupervisorMailbox, _ clock: Clock, _ logger: Logger
        ) -> StreamIngestor.Parts {
            var random = SystemRandomNumberGenerator()
            return StreamIngestor.Parts(
                loop: EventDataLoop(loop: loop), connections: connections, clock: clock, logger: logger,
                mailbox: mailbox, status: status, service: setup.service, ticks: ticks,
                native: candles, past: past, formerPairs: formerPairs,
                instruments: setup.configuration.instruments, limit: limit,
                closings: ClosingTimes(
                    timeframes: setup.configuration.timeframes, grace: setup.configuration.grace),
                book: AssumptionBook(stateFolder: setup.paths.collectorState, program: "ingest-stream"),
                seed: random.next(),
                ready: { Program.ready([("ticks", $0)]) })
        }
    }

    /// - Returns: `nil` if no second opinion is wanted, or it cannot be kept: that stops no tick.
    private static func nativeWriter(_ setup: StageSetup, _ bus: any Bus, _ logger: Logger) -> StreamWriter? {
        guard setup.configuration.secondOpinion != .off else { return nil }
        do {
            return try StreamWriter(
                stream: .native, paths: setup.paths,
                settings: setup.configuration.journal, bus: bus, logger: logger)
        } catch {
            logger.error("No second opinion: native candles cannot be recorded", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Says how the second opinion is had, or why not.
    private static func native(
        _ setup: StageSetup, _ limit: ItemLimit, _ logger: Logger
    ) -> NativeCandles? {
        let configuration = setup.configuration
        let native = NativeCandles(
            instruments: configuration.instruments, timeframes: configuration.timeframes,
            limit: limit.items)
        guard let native else {
            logger.notice(
                "No second opinion: it needs a free item besides heartbeat, pairs and renewals, and a timeframe of 1m, 5m or 1h",
                metadata: ["instruments": "\(configuration.instruments.count)"])
            return nil
        }
        logger.notice(
            "Native candles are a second opinion",
            metadata: [
                "items": "\(native.share)", "timeframe": "\(native.timeframe)",
                "minutesForAllPairs": "\(native.roundSeconds / 60)",
            ])
        return native
    }

    private static func tell(_ limit: ItemLimit, _ logger: Logger) {
        if limit.isTold {
            logger.info("The account streams so many items", metadata: ["limit": "\(limit.items)"])
        } else {
            logger.warning(
                "The broker does not say how many items the account streams: going on with the known limit",
                metadata: ["limit": "\(limit.items)"])
        }
    }

    /// At once: the next start knows nothing of the skip.
    static func recordSkip(_ writer: StreamWriter, _ time: UTCNanos, _ clock: Clock) throws {
        guard let skipped = writer.skipped else { return }
        let event = FeedEvent.positionsSkipped(first: skipped.lowerBound, count: UInt64(skipped.count))
        try writer.append(FeedRecord(event, brokerTime: time, receiveTime: clock.now()))
        try writer.commit()
    }

    /// Until the data thread begins this thread is the work loop, and the supervisor hears from it. A broker
    /// that is out of reach, on a weekend for days, must not keep the start from ending.
    private static func firstLogin(
        _ patience: inout LoginPatience, _ setup: StageSetup, _ outlets: Outlets, _ mailbox: SupervisorMailbox,
        _ clock: Clock
    ) throws -> StreamLogin? {
        let service = setup.service
        let began = clock.monotonic()
        patience.whileWaiting = { pause in
            let now = clock.monotonic()
            // A status that cannot be published now is published a second later.
            _ = try? outlets.status.publishEverySecond(monotonic: now) {
                var metrics = MetricValues()
                metrics.set(.heartbeatTime, nanos: clock.now().rawValue - (now - began))
                metrics[.transport, "none"] = 1
                metrics[.ticksPerSecond] = 0
                metrics.set(.feedState, byLabel: IngestState.loggingIn.gauges)
                metrics.set(.loginsRefused, mailbox.refusedLogins)
                return StageStatus(
                    .ingestStream, time: clock.now(), state: IngestState.loggingIn.rawValue,
                    outputs: [.init(.ticks, position: outlets.ticks.lastPosition)], metrics: metrics)
            }
            if let pause {
                service.ready()
                service.status(pause.text)
            } else {
                service.status("logging in")
            }
            service.progressed()
        }
        defer { patience.whileWaiting = { _ in } }
        return try patience.run(until: setup.stop, isOver: { false })
    }

    /// Logs in again when asked, until the stop or a failure.
    private static func supervise(
        _ ingestor: StreamIngestor, _ loop: any EventLoop, _ mailbox: SupervisorMailbox,
        _ patience: inout LoginPatience,
        _ stop: StopSignal, _ logger: Logger
    ) throws {
        while !stop.wait(milliseconds: 100) {
            if let failure = mailbox.failure { throw failure }
            if mailbox.takeProof() { patience.succeeded() }
            guard mailbox.takeRequest(), let login = try patience.run(until: stop, isOver: { mailbox.failure != nil })
            else {
                continue
            }
            logger.notice("Logged in again")
            _ = mailbox.takeRequest()
            loop.execute { ingestor.resume(login) }
        }
        loop.execute { ingestor.stop() }
        // The session answers within a second; the units' stop limit is 5.
        mailbox.waitForEnd(seconds: 4)
        if let failure = mailbox.failure { throw failure }
    }
}

extension FeedPast {
    /// Reads the end of a ticks journal.
    /// - Throws: `JournalError`.
    init(journal folder: String) throws {
        time = try FeedTail.newestTime(folder: folder)
        received = try FeedTail.lastReceived(folder: folder)
        let sight = try FeedTail.sight(folder: folder)
        (blindPairs, steadySince) = (sight.blindPairs, sight.steadySince)
    }
}

extension StreamLogin {
    /// - Throws: `Failure` (78) where the broker names no stream that can be reached.
    init(_ login: BrokerLogin, monotonic: Int64) throws {
        guard let endpoint = Endpoint(login.lightstreamerEndpoint),
            endpoint.isSecure || ["127.0.0.1", "localhost", "[::1]"].contains(endpoint.host)
        else {
            throw Failure(
                .configuration, "the broker's login does not name a streaming server with encrypted connections")
        }
        self.init(
            endpoint: endpoint, account: login.accountID, password: login.streamPassword, serverTime: login.serverTime,
            monotonic: monotonic, limits: login.limits)
    }
}
