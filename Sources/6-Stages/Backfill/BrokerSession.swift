internal import Host
internal import IG
internal import IGClient
internal import Logging
internal import MarketData
internal import Planning
internal import Settings

/// A session at the broker for price requests: logged in when needed, at most once anew for dead tokens, one request at a
/// time and never faster than the pace.
final class BrokerSession {
    private let client: RESTClient
    private let credentials: Credentials
    private let spacing: LoginSpacing
    private let stop: StopSignal
    private let clock: Clock
    private let logger: Logger
    private var login: BrokerLogin?
    private var pacer: RequestPacer
    /// The broker's clock, and the monotonic time when it said so.
    private var serverTime: (time: UTCNanos, at: Int64)?
    /// Monotonic time when a stop was first seen.
    private var stopSeen: Int64?
    /// Called before each wait of more than a second: its length in seconds, and its reason.
    var onWait: (Int, String) -> Void = { _, _ in }
    /// Called at every turn of a wait, at least once a second.
    var onTurn: () throws -> Void = {}

    /// A stop leaves a request under way this long to be answered: what it bought is paid.
    private static let lastAnswerNanos = 3 * UTCNanos.perSecond
    private static let loginTriesMax = 4

    init(
        credentials: Credentials, paths: Paths, configuration: Configuration, stop: StopSignal, clock: Clock,
        logger: Logger
    ) {
        self.credentials = credentials
        self.stop = stop
        self.clock = clock
        self.logger = logger
        client = RESTClient(
            base: credentials.restURL, apiKey: credentials.apiKey, trustFile: credentials.trustFile)
        spacing = LoginSpacing(seconds: configuration.stream.loginSpacingSeconds, stateFolder: paths.collectorState)
        pacer = RequestPacer(
            spacing: Int64(configuration.history.requestSpacingMilliseconds) * UTCNanos.perMillisecond,
            burst: configuration.history.requestBurst)
        client.isCancelled = { [unowned self] in givesUp() }
    }

    /// The broker's present time; the local clock's where it does not say.
    var now: UTCSeconds {
        guard let serverTime else { return clock.now().seconds }
        return UTCNanos(rawValue: serverTime.time.rawValue + clock.monotonic() - serverTime.at).seconds
    }

    /// Seconds that the account's clock is ahead of UTC, as the login reported.
    var offset: Int64 { Int64(min(max(login?.timezoneOffset ?? 0, -14), 14)) * 3_600 }

    /// The broker's limits, as the login reported.
    var limits: ApplicationLimits? { login?.limits }

    /// Counts a request of an earlier process into the pace.
    func notePast(_ request: UTCNanos) { pacer.note(min(request.rawValue, clock.now().rawValue)) }

    /// Waits until the next request may be sent.
    /// - Throws: `BuyingEnd.stopped`.
    func awaitTurn() throws {
        let delay = pacer.delay(now: clock.now().rawValue)
        try wait(delay, for: "the broker's limit per minute")
        pacer.note(clock.now().rawValue)
    }

    /// The broker found it too fast.
    func slowDown() { pacer.rest(now: clock.now().rawValue) }

    /// Sends one prices request, and waits for its answer.
    /// - Throws: `RESTError`.
    func prices(_ request: PricesRequest, pointShift: Int) throws(RESTError) -> PricesReply {
        var message = RESTRequest(.get, request.path, version: PricesRequest.version)
        message.headers = login?.headers ?? []
        let answer = try client.send(message)
        note(answer.serverTime)
        guard let reply = PricesReply(body: answer.body, pointShift: pointShift) else {
            throw RESTError(operation: message.operation, cause: .unreadable("the prices are missing"))
        }
        return reply
    }

    /// Logs in, for the first time or anew, at the broker's distance from the last login of any program.
    /// - Throws: `Failure` (78) where trying again cannot help, (69) where it did not; `BuyingEnd.stopped`.
    func logIn() throws {
        for attempt in 1... {
            if let left = spacing.remaining(now: clock.now()) { try wait(left, for: "the distance between two logins") }
            spacing.noteAttempt()
            do {
                let login = try client.login(credentials)
                self.login = login
                note(login.serverTime)
                if let limits = login.limits { pacer.obey(perMinute: limits.perMinute) }
                return
            } catch let error as RESTError {
                guard attempt < BrokerSession.loginTriesMax, !stop.isRaised else {
                    throw Failure(.unavailable, "login failed \(attempt) times: \(error)")
                }
                logger.warning("Login failed, trying again", metadata: ["error": "\(error)"])
                if case .transport = error.cause {
                    try wait(2 * UTCNanos.perSecond << Int64(attempt), for: "the broker")
                }
            }
        }
    }

    /// - Throws: `BuyingEnd.stopped` where a stop was asked for meanwhile.
    func wait(_ nanos: Int64, for reason: String) throws {
        if nanos > UTCNanos.perSecond { onWait(Int(nanos / UTCNanos.perSecond) + 1, reason) }
        let deadline = clock.monotonic() + max(0, nanos)
        while case let left = deadline - clock.monotonic(), left > 0 {
            if stop.wait(milliseconds: Int32(min(left / UTCNanos.perMillisecond + 1, 1_000))) { break }
            try onTurn()
        }
        if stop.isRaised { throw BuyingEnd.stopped }
    }

    private func note(_ time: UTCNanos?) {
        if let time { serverTime = (time, clock.monotonic()) }
    }

    private func givesUp() -> Bool {
        guard stop.isRaised else { return false }
        let now = clock.monotonic()
        stopSeen = stopSeen ?? now
        return now - (stopSeen ?? now) > BrokerSession.lastAnswerNanos
    }
}

@available(*, unavailable)
extension BrokerSession: Sendable {}

/// Why buying ended before its plan.
enum BuyingEnd: Error, Hashable {
    /// The week's points are spent: by the broker's word, or down to the reserve.
    case spent(isRefused: Bool)
    /// The task may spend no more, whatever the week's points.
    case bound
    /// A stop was asked for.
    case stopped
    /// The broker does not answer, or refuses again and again: trying later may help.
    case unavailable(String)
}
