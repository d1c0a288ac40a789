internal import Reports
public import Host
internal import IG
internal import IGClient
public import Logging
internal import MarketData
internal import NIOCore
internal import NIOPosix
public import Settings
internal import TLCP

/// `ingest-stream --check`: the broker's side of an installation, looked at as ingest-stream would meet it.
///
/// Logs in once, at the distance of all logins, asks REST for the configured epics, and opens the stream for
/// some seconds. A running ingest-stream goes on: no lock is taken, no journal is written, no socket is bound,
/// and the login is not ended, since the broker may have given both the same tokens (`ig-api` § 2.8).
public struct BrokerCheck {
    private let setup: StageSetup
    private let clock: Clock
    private let logger: Logger
    private let say: (Finding) -> Void
    private var failures = 0
    private var findings = 0

    /// The clocks may differ by so much: the `Date` header has whole seconds.
    private static let clockDifferenceMax = 2 * UTCNanos.perSecond
    /// The broker allows 30 requests a minute for the account. Source: `ig-api` § 8.
    private static let requestsMax = 20

    /// Says each finding on standard output as one line.
    /// - Throws: `Failure` (78) where credentials are missing or refused, (69) where another finding has failed.
    public static func run(_ setup: StageSetup, asJSON: Bool, clock: Clock, logger: Logger) throws {
        var check = BrokerCheck(setup: setup, clock: clock, logger: logger) { finding in
            Program.write(standardOutput: asJSON ? finding.json + "\n" : finding.text(mark: finding.stateText))
        }
        try check.run()
    }

    init(setup: StageSetup, clock: Clock, logger: Logger, say: @escaping (Finding) -> Void) {
        self.setup = setup
        self.clock = clock
        self.logger = logger
        self.say = say
    }

    private mutating func run() throws {
        let instruments = setup.configuration.instruments
        let credentials = try credentials()
        let rest = RESTClient(
            base: credentials.restURL, apiKey: credentials.apiKey, trustFile: credentials.trustFile)
        let stop = setup.stop
        rest.isCancelled = { stop.isRaised }
        if let login = try login(rest, credentials) {
            clockDifference(login.serverTime, clock.now(), "REST")
            let limit = ItemLimit(rest.limits(of: login))
            add(finding(limit, instruments))
            try askMarkets(rest, login, instruments)
            if let refusal = limit.refusal(of: instruments) { throw Failure(.configuration, refusal) }
            try probe(login, credentials, instruments)
        }
        guard failures == 0 else {
            throw Failure(.unavailable, "\(failures) of \(findings) checks failed")
        }
    }

    private mutating func add(_ finding: Finding) {
        findings += 1
        if finding.state == .failed { failures += 1 }
        say(finding)
    }

    // MARK: Login

    private mutating func credentials() throws -> Credentials {
        do {
            let credentials = try Credentials(environment: setup.environment)
            add(Finding("credentials", credentials.restURL, .ok, "complete"))
            return credentials
        } catch let failure as Failure {
            // `NAME is not set: set it in …`
            let parts = failure.description.split(separator: ": ", maxSplits: 1).map(String.init)
            let name = parts[0].prefix { $0 != " " }
            add(Finding("credentials", String(name), .failed, parts[0], parts.dropFirst().first ?? ""))
            throw Failure(.configuration, "the credentials are incomplete")
        }
    }

    private mutating func login(_ rest: RESTClient, _ credentials: Credentials) throws -> BrokerLogin? {
        let spacing = LoginSpacing(
            seconds: setup.configuration.stream.loginSpacingSeconds, stateFolder: setup.paths.collectorState)
        try keepDistance(spacing)
        spacing.noteAttempt()
        do throws(RESTError) {
            let login = try rest.tryLogin(credentials)
            let isSecure = credentials.restURL.hasPrefix("https")
            add(
                Finding(
                    "rest", credentials.restURL, .ok,
                    isSecure ? "answers, with a valid certificate" : "answers, without TLS on this machine"))
            add(Finding("login", credentials.restURL, .ok, "accepted"))
            return login
        } catch {
            try refused(error, credentials)
            return nil
        }
    }

    private mutating func refused(_ error: RESTError, _ credentials: Credentials) throws {
        switch error.cause {
        case .transport(let reason):
            let advice =
                reason.contains("certificate")
                ? "correct the clock or the certificates; IG_CA_FILE names certificates to trust"
                : "check the network, and IG_REST_URL if it is set"
            add(Finding("rest", credentials.restURL, .failed, "no answer: \(reason)", advice))
        case .unreadable:
            add(Finding("rest", credentials.restURL, .failed, "\(error)", "is this IG's address?"))
        case .refused(let status, let code):
            let isFinal = error.disposition.forLogin == .final
            let advice = isFinal ? error.advice : "try again later: IG has maintenance on weekends"
            add(Finding("login", credentials.restURL, .failed, "refused with \(status) \(code)", advice))
            if isFinal { throw Failure(.configuration, "the broker refuses the credentials") }
        }
    }

    private func keepDistance(_ spacing: LoginSpacing) throws {
        guard let wait = spacing.remaining(now: clock.now()), wait > 0 else { return }
        let until = clock.monotonic() + wait
        logger.notice(
            "Waiting: the last login is too recent", metadata: ["seconds": "\(wait / UTCNanos.perSecond + 1)"])
        while case let left = until - clock.monotonic(), left > 0 {
            if setup.stop.wait(milliseconds: Int32(min(left / UTCNanos.perMillisecond + 1, 100))) { throw Self.stopped }
        }
    }

    private static let stopped = Failure(.temporary, "stopped before all checks were done")

    // MARK: Limit, clock and markets

    private func finding(_ limit: ItemLimit, _ instruments: [Instrument]) -> Finding {
        let needed = "\(ItemLimit.needed(by: instruments)) are needed"
        if limit.refusal(of: instruments) != nil {
            return Finding(
                "limit", "items", .failed, "the account streams \(limit.items), \(needed)",
                """
                another collector with an account of its own takes the rest: \
                \(Document.path("scaling.md")) § Collectors
                """)
        }
        guard limit.isTold else {
            return Finding(
                "limit", "items", .warning, "the broker does not say how many the account streams, \(needed)",
                "\(limit.items) are assumed, which is what IG allows every account")
        }
        return Finding("limit", "items", .ok, "the account streams \(limit.items), \(needed)")
    }

    private mutating func clockDifference(_ told: UTCNanos?, _ here: UTCNanos, _ source: String) {
        guard let told else { return }
        let difference = here.rawValue - told.rawValue
        let tenths = abs(difference) / (UTCNanos.perSecond / 10)
        let isSmall = abs(difference) <= Self.clockDifferenceMax
        add(
            Finding(
                "clock", source, isSmall ? .ok : .warning,
                "this machine is \(tenths / 10).\(tenths % 10) s \(difference < 0 ? "behind" : "ahead of") the broker",
                isSmall
                    ? "" : "set its clock: receive times are off by the same amount (candles follow the broker's time)")
        )
    }

    /// As few requests as can be: one, and where an unknown epic spoils it, its halves.
    private mutating func askMarkets(_ rest: RESTClient, _ login: BrokerLogin, _ instruments: [Instrument]) throws {
        var left = [instruments[...]]
        var requests = 0
        while let part = left.popLast() {
            if setup.stop.isRaised { throw Self.stopped }
            guard requests < Self.requestsMax else {
                for instrument in part {
                    add(Finding("market", instrument.epic, .warning, "not checked: too many requests in a minute"))
                }
                continue
            }
            requests += 1
            do throws(RESTError) {
                let reply = try markets(rest, login, part)
                for instrument in part { add(market(instrument, reply, login)) }
            } catch {
                if part.count > 1, error.disposition == .wrongRequest {
                    let middle = part.startIndex + part.count / 2
                    left += [part[middle...], part[..<middle]]
                } else {
                    for instrument in part { add(refused(instrument, error)) }
                }
            }
        }
    }

    private func markets(
        _ rest: RESTClient, _ login: BrokerLogin, _ instruments: ArraySlice<Instrument>
    ) throws(RESTError) -> MarketsReply {
        var request = RESTRequest(
            .get, MarketsReply.path(epics: instruments.map(\.epic)), version: MarketsReply.version)
        request.headers = login.headers
        guard let reply = MarketsReply(body: try rest.send(request).body) else {
            throw RESTError(operation: request.operation, cause: .unreadable("the markets are missing"))
        }
        return reply
    }

    private func refused(_ instrument: Instrument, _ error: RESTError) -> Finding {
        guard case .refused(_, let code) = error.cause, error.disposition == .wrongRequest else {
            return Finding("market", instrument.epic, .failed, "\(error)", "try again later")
        }
        return Finding(
            "market", instrument.epic, .failed, "\(instrument.pair) is unknown: \(code)",
            "correct the epic in the configuration, or remove the instrument")
    }

    private func market(_ instrument: Instrument, _ reply: MarketsReply, _ login: BrokerLogin) -> Finding {
        let (epic, pair) = (instrument.epic, instrument.pair)
        guard let market = reply.markets.first(where: { $0.epic == epic }) else {
            return Finding(
                "market", epic, .failed, "\(pair) is missing in the broker's answer",
                "correct the epic in the configuration, or remove the instrument")
        }
        if let bid = market.bid, let real = implausible(bid, instrument) {
            return Finding(
                "market", epic, .failed, "\(pair) would be \(real) with scale \(instrument.scale)",
                "an epic in points needs scale 10000, with yen 100; a decimal epic needs 1")
        }
        let second = (login.serverTime ?? clock.now()).seconds
        let isExpected = market.status == "TRADEABLE" || !instrument.hours.isOpen(at: second)
        return Finding(
            "market", epic, isExpected ? .ok : .warning, "\(pair) is known, \(market.status)",
            isExpected ? "" : "it sends no ticks in this state, although it is within its trading hours")
    }

    /// The eight currencies of the default pairs cost between 0.1 and 10 of each other, and 10 to 1000 yen.
    /// - Returns: the price if it is impossible for such a pair.
    private func implausible(_ bid: Double, _ instrument: Instrument) -> Double? {
        guard Instrument.defaults.contains(where: { $0.pair == instrument.pair }) else { return nil }
        let real = bid / Double(instrument.scale)
        return (instrument.pair.quote == "JPY" ? 10.0...1_000 : 0.1...10).contains(real) ? nil : real
    }

    // MARK: Stream

    private mutating func probe(_ login: BrokerLogin, _ credentials: Credentials, _ instruments: [Instrument]) throws {
        let stream: StreamLogin
        do {
            stream = try StreamLogin(login, monotonic: clock.monotonic())
        } catch {
            return add(Finding("stream", login.lightstreamerEndpoint, .failed, "\(error)"))
        }
        let report = try look(at: stream, credentials, instruments)
        add(report.connection(to: stream.endpoint))
        guard report.failure == nil else { return }
        if let heartbeat = report.heartbeat { clockDifference(heartbeat.told, heartbeat.here, "heartbeat") }
        add(report.finding(0, Instrument.heartbeatItem, isQuietFine: false))
        let now = (report.heartbeat?.told ?? clock.now()).seconds
        for (index, instrument) in instruments.enumerated() {
            add(report.finding(index + 1, instrument.epic, isQuietFine: !instrument.hours.isOpen(at: now)))
        }
    }

    private func look(
        at login: StreamLogin, _ credentials: Credentials, _ instruments: [Instrument]
    ) throws -> ProbeReport {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }  // Its only failure is having been shut down before.
        let loop = group.next()
        var random = SystemRandomNumberGenerator()
        let probe = StreamProbe(
            login: login, instruments: instruments, clock: clock, loop: EventDataLoop(loop: loop),
            connections: try Transports(loop: loop, trustFile: credentials.trustFile), seed: random.next())
        loop.execute { probe.start() }
        while !setup.stop.wait(milliseconds: 50) {
            if let report = probe.report { return report }
        }
        throw Self.stopped
    }
}
