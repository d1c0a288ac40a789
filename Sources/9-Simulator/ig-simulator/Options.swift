public import ArgumentParser
internal import Host
public import Logging
public import Simulation

extension Logger.Level: @retroactive ExpressibleByArgument {}

/// The text under the usage line: the simulator's manual.
let discussion = """
    One port of this machine serves the REST interface (base path /gateway/deal), Lightstreamer over WebSocket \
    (/lightstreamer, TLCP up to 2.5) and Lightstreamer over HTTP (/lightstreamer/*.txt). When it serves, it prints \
    as the first line on standard output

      READY rest=http://127.0.0.1:PORT stream=http://127.0.0.1:PORT

    PRICES. Without --ticks all 28 default pairs, and those of --more-instruments, move in a random walk that is a function of --seed and market time \
    alone: the same seed shows the same prices at the same market times, at any speed, and as history. With --ticks \
    only the given pairs move. A tick file is CSV or gzip CSV with the header timestamp_utc_ns,bid,ask; prices are \
    sent digit for digit. Epics: CS.D.EURUSD.CFD.IP and .MINI.IP are decimal, .TODAY.IP and .CEEM.IP in points; a \
    file may have any name of 1 to 12 of A-Z 0-9 _ (DE40=FILE: CS.D.DE40.CFD.IP).

    TIME. Market time stands still until clients have subscribed to the ticks of every pair that has a file, or of \
    any pair of the walk. Then it runs at --speed. With `max` the slowest client sets the pace and loses nothing; at \
    a number, a client that does not read loses updates as it would at IG. The heartbeat item \
    TRADE:HB.U.HEARTBEAT.IP carries market time once a market second. After the last tick, market time runs to the \
    end of its hour and 10 s more, so that every candle closes; with --exit-when-done the simulator then ends with 0.

    CAPTURES. With --play-capture the simulator sends the lines that one connection received to each client that \
    subscribes to the same items with the same fields, in the same order: snapshots, updates, EOS, CS, OV, and the \
    ends of its connection and sessions. It begins, and continues after each session, when all items that have \
    updates are subscribed to; it keeps the pace of the capture times --speed, and waits for a client that does not \
    read or is away. Login, control replies, session ids and PROBEs are the simulator's own; market time follows the \
    captured heartbeats and ticks. It plays nothing but the capture: no prices before it, no candles beside it. The \
    format is § 6 of \(Document.path("formats.md")).

    FAULTS, for --fault and, while it runs, for POST /simulator/faults (the words as the body, separated by spaces):

    \(Fault.syntax.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))

    `drop`, and `filter` beside its CONF, are silent on purpose: the client cannot notice the loss, so compare with \
    the simulator's own list of sent ticks. A word without a duration strikes once; a lasting fault ends with `clear`.

    POST /simulator/cut does the same as `cut`; GET /simulator/state shows market time, ticks sent, sessions, and by \
    how many nanoseconds the clock behind UTM is ahead of this machine's (aheadNanoseconds).

    EXIT CODES. 0 done or stopped, 64 usage, 65 bad tick file or capture (the message names file, line and reason), \
    66 file not readable, 69 port not free.
    """

struct ServingOptions: ParsableArguments {
    @Option(help: "Port to listen on; 0 takes a free one.") var port: Int = 0
    @Option(help: "Address to listen on. An address other than loopback exposes the simulator.") var host: String =
        "127.0.0.1"
    @Option(help: "PEM file with the certificate chain; serves https and wss.") var tlsCertificate: String?
    @Option(help: "PEM file with the certificate's key.") var tlsKey: String?
    @Option(help: "Streaming server that logins name, such as another simulator. Default: this one.")
    var streamUrl: String?
    @Option(help: "Least level to log on standard error: debug, info, notice, warning, error.") var logLevel:
        Logger.Level =
            .info
    @Option(help: "A fault from the start; may be repeated.", transform: faultArgument) var fault: [Fault] = []

    mutating func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must lie between 0 and 65535") }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key belong together")
        }
    }

    func apply(to options: inout SimulatorOptions) {
        options.port = port
        options.host = host
        options.certificate = tlsCertificate
        options.privateKey = tlsKey
        options.streamURL = streamUrl
        options.faults = fault
    }
}

struct MarketOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Ticks of one pair; may be repeated.", valueName: "PAIR=FILE"), transform: tickFileArgument)
    var ticks: [SimulatorOptions.TickFileOption] = []
    @Option(help: ArgumentHelp("A capture made by `ingest-stream --capture`.", valueName: "FILE"))
    var playCapture: String?
    @Option(help: "Market seconds per second, or `max`: as fast as the clients read.", transform: speedArgument)
    var speed: MarketSpeed = .times(1)
    @Option(help: "Seed of the walk, of tokens and session ids.") var seed: UInt64 = 1
    @Flag(help: "End with 0 once every tick is delivered.") var exitWhenDone: Bool = false
    @Flag(help: "Play rows whose time steps back instead of refusing the file.") var lateTicks: Bool = false
    @Option(
        help: ArgumentHelp(
            "Begin of the walk's market time, UTC, such as 2026-05-12T08:00:00. Default: now, or the last Thursday.",
            valueName: "moment"), transform: momentArgument)
    var start: Int64?
    @Option(help: "Ticks per pair and market second of the walk, on average.") var rate: Double = 2.0
    @Option(help: "Instruments of the walk beside the 28 pairs: IX001 (CS.D.IX001.CFD.IP), IX002 and so on.")
    var moreInstruments: Int = 0
    @Option(
        help: ArgumentHelp(
            "The same for one pair of the walk, in busy hours; may be repeated. The other pairs follow --rate.",
            valueName: "PAIR=RATE"), transform: pairRateArgument)
    var rateOf: [SimulatorOptions.PairRate] = []

    mutating func validate() throws {
        guard playCapture == nil || ticks.isEmpty else {
            throw ValidationError("--play-capture and --ticks exclude each other")
        }
        guard rate > 0, rate <= 1_000 else { throw ValidationError("--rate must lie between 0 and 1000") }
        guard (0...10_000).contains(moreInstruments) else {
            throw ValidationError("--more-instruments must lie between 0 and 10000")
        }
    }

    func apply(to options: inout SimulatorOptions) {
        options.tickFiles = ticks
        options.capture = playCapture
        options.speed = speed
        options.seed = seed
        options.exitsWhenDone = exitWhenDone
        options.allowsLateTicks = lateTicks
        options.start = start
        options.rate = rate
        options.moreInstruments = moreInstruments
        options.pairRates = rateOf
    }
}

struct LimitOptions: ParsableArguments {
    @Option(help: "The only identifier that may log in. Default: any.") var identifier: String?
    @Option(
        help: ArgumentHelp(
            "A client that may log in, with a limit, an allowance and accounts of its own; may be repeated. Its stream "
                + "takes so many items, else those of --subscription-limit.",
            valueName: "IDENTIFIER[=ITEMS]"), transform: accountArgument)
    var account: [SimulatorOptions.Account] = []
    @Option(help: "The only password. Default: any.") var password: String?
    @Option(help: "The only API key. Default: any.") var apiKey: String?
    @Option(help: "History points per week.") var allowance: Int = 10_000
    @Option(help: "REST requests per minute for the account, or `unlimited`.", transform: perMinuteArgument)
    var accountPerMinute: PerMinute = PerMinute(count: 30)
    @Option(help: "REST requests per minute for the API key, or `unlimited`.", transform: perMinuteArgument)
    var keyPerMinute: PerMinute = PerMinute(count: 60)
    @Option(help: "The account's clock, which snapshotTime shows: london, new-york, utc.")
    var accountClock: RESTSettings.AccountClock = .london

    mutating func validate() throws {
        guard identifier == nil || account.isEmpty else {
            throw ValidationError("--identifier and --account exclude each other")
        }
    }

    func apply(to options: inout SimulatorOptions) {
        options.identifier = identifier
        options.accounts = account
        options.password = password
        options.apiKey = apiKey
        options.rest.points = max(0, allowance)
        options.rest.accountPerMinute = accountPerMinute.count
        options.rest.keyPerMinute = keyPerMinute.count
        options.rest.accountClock = accountClock
    }
}

struct StreamingOptions: ParsableArguments {
    @Option(help: "Milliseconds of silence before a PROBE.") var keepalive: Int = 5_000
    @Option(help: "Milliseconds a cut session waits to be recovered.") var sessionRecoveryMillis: Int = 13_000
    @Option(help: "Milliseconds a session waits to be bound after LOOP.") var sessionTimeout: Int = 10_000
    @Option(
        help:
            "Bytes of sent data kept for recovery. The real server's factory value is 1600, with equally small send buffers."
    )
    var maxRecoveryLength: Int = 16 << 20
    @Option(help: "Bytes of one HTTP response if the client does not name a length.") var contentLength: Int = 4_000_000
    @Option(help: "Control link in CONOK: `*` for none, `self` for this port, or host:port.") var controlLink: String =
        "*"
    @Option(
        help: "Newest TLCP version; newer ones get CONERR 65. IG refused 2.5.0 until 2025.", transform: versionArgument)
    var protocolMax: ProtocolVersion? = ProtocolVersion("2.5.0")
    @Option(help: "Most subscriptions of a session.") var subscriptionLimit: Int = 40
    @Option(help: "What --subscription-limit counts: items (the strict reading) or subscriptions.")
    var limitCounts: LimitCounts = .items

    enum LimitCounts: String, ExpressibleByArgument, CaseIterable { case items, subscriptions }

    func apply(to options: inout SimulatorOptions) {
        options.stream.keepaliveMillis = max(1, keepalive)
        options.stream.sessionRecoveryMillis = max(0, sessionRecoveryMillis)
        options.stream.sessionTimeoutMillis = max(0, sessionTimeout)
        options.stream.recoveryBytes = max(0, maxRecoveryLength)
        options.stream.contentLength = max(2_000, contentLength)
        options.stream.linksToItself = controlLink == "self"
        options.stream.controlLink = controlLink == "self" ? "*" : controlLink
        options.stream.versionMax = protocolMax
        options.stream.subscriptionsMax = max(0, subscriptionLimit)
        options.stream.limitCountsItems = limitCounts == .items
    }
}

/// A number, or no limit.
struct PerMinute {
    var count: Int?
}

extension RESTSettings.AccountClock: ExpressibleByArgument {}

private func tickFileArgument(_ text: String) throws -> SimulatorOptions.TickFileOption {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { throw ValidationError("`\(text)` is not PAIR=FILE, such as EUR_USD=ticks.csv.gz") }
    return .init(pair: parts[0], path: parts[1])
}

private func pairRateArgument(_ text: String) throws -> SimulatorOptions.PairRate {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let rate = Double(parts[1]), rate > 0, rate <= 1_000 else {
        throw ValidationError("`\(text)` is not PAIR=RATE with a rate between 0 and 1000, such as EUR_USD=20")
    }
    return .init(pair: parts[0], rate: rate)
}

private func accountArgument(_ text: String) throws -> SimulatorOptions.Account {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    if parts.count == 1, !parts[0].isEmpty { return .init(identifier: parts[0]) }
    guard parts.count == 2, !parts[0].isEmpty, let items = Int(parts[1]), items >= 0 else {
        throw ValidationError("`\(text)` is not IDENTIFIER or IDENTIFIER=ITEMS, such as eu=40")
    }
    return .init(identifier: parts[0], itemsMax: items)
}

private func speedArgument(_ text: String) throws -> MarketSpeed {
    guard let speed = SimulatorOptions.speed(text) else {
        throw ValidationError("`\(text)` is not a speed: give a positive number or `max`")
    }
    return speed
}

private func momentArgument(_ text: String) throws -> Int64 {
    guard let moment = SimulatorOptions.moment(text) else {
        throw ValidationError("`\(text)` is not a moment such as 2026-05-12T08:00:00")
    }
    return moment
}

private func perMinuteArgument(_ text: String) throws -> PerMinute {
    if text == "unlimited" { return PerMinute(count: nil) }
    guard let count = Int(text), count > 0 else {
        throw ValidationError("`\(text)` is not a limit: give a whole number or `unlimited`")
    }
    return PerMinute(count: count)
}

private func versionArgument(_ text: String) throws -> ProtocolVersion {
    guard let version = ProtocolVersion(text) else { throw ValidationError("`\(text)` is not a version such as 2.4.0") }
    return version
}

private func faultArgument(_ text: String) throws -> Fault {
    guard let fault = Fault(text) else { throw ValidationError("`\(text)` is not a fault; --help lists them") }
    return fault
}
