/// Something that goes wrong on request, as it does at the real broker. One word, or `word=value`; `FaultWord`
/// has the words.
public enum Fault: Hashable, Sendable {
    /// Cuts every stream connection: now (0), or behind the n-th data notification of each session.
    case cut(after: Int)
    /// Cuts each session every n data notifications.
    case cutEvery(Int)
    /// The same, with half of the last frame sent.
    case cutFrameEvery(Int)
    /// `LOOP` to each session every n data notifications, between two of a burst.
    case loopEvery(Int)
    case loop
    /// Every connection sends this many bytes a millisecond, until `clear`.
    case slow(bytes: Int)
    /// Bytes wait on each connection up to so many milliseconds, in order, until `clear`.
    case jitter(millis: Int)
    /// Cuts every stream connection; new connections close at once for this many seconds of the host's monotonic
    /// clock, or until `clear`.
    case outage(seconds: Int)
    /// An orderly close of every stream connection without `END` or `LOOP`; the sessions wait to be recovered.
    case close
    /// Cuts every stream connection and forgets its session, as a server does that starts again.
    case forget
    case end(code: Int)

    /// No data, with or without `PROBE`s, until `clear`.
    case silence(probes: Bool)
    /// Every stream sends this many bytes every 100 ms of a line that does not end, until `clear`.
    case endlessLine(bytes: Int)

    /// One item sends nothing more, until `clear`.
    case silentItem(String)
    /// Ends the subscriptions of an epic, or of all (`nil`), and refuses new ones for this many seconds of the
    /// host's monotonic clock (`nil`: until `clear`). Source: ig-api § 14.
    case unsubscribe(epic: String?, seconds: Int?)
    /// A frequency limit of an epic. Source: ig-api § 9.4, TLCP § Modes.
    case filter(epic: String, FrequencyLimit)
    case unfilter(epic: String)
    /// Every n-th update of every tick item is lost without an `OV`.
    case drop(every: Int)
    /// `OV` with this count for every subscribed item.
    case lost(Int)
    /// The next update of each session has a field too few.
    case shortUpdate
    /// Each session gets the updates of a subscription that its client never made.
    case zombie

    case refuseEpic(String)
    case refuseWebSocket
    /// Newer versions of TLCP are refused. Source: ig-api § 9.1.
    case protocolMax(ProtocolVersion)
    /// Every `create_session` is answered by this `CONERR` code.
    case refuseCreate(code: Int)
    /// Every bind with `LS_recovery_from` is answered by this `CONERR` code.
    case refuseRecovery(code: Int)
    /// `PROG` this much lower than asked.
    case progressBack(Int)

    case market(MarketFault)
    case rest(RESTFault)
    /// Puts back every lasting fault.
    case clear
}

/// Faults of the market.
public enum MarketFault: Hashable, Sendable {
    /// How far the clock behind `UTM` is ahead of market time.
    case clockAhead(millis: Int)
    case clockDrift(perMillion: Int)
    case heartbeatShift(seconds: Int)
    case tickShift(seconds: Int)
    case wrongHeartbeat(seconds: Int)
    case wrongTick(seconds: Int)
    /// One tick in this many has one side only, or none.
    case oneSided(every: Int)
    case repeatTicks(every: Int)
    case mergedCandles
    case resendCandles
    case oldCandles
    case stripZeros
}

/// Faults of REST.
public enum RESTFault: Hashable, Sendable {
    case expireTokens
    /// Logins are refused as in the weekend's maintenance. Source: ig-api § 10.
    case refuseLogin
    /// So many logins are answered out of a cache, with tokens that are dead. Source: ig-api § 2.8.
    case staleLogins(Int)
    /// Each login ends every stream with this code. Source: ig-api § 14.
    case loginEndsStream(code: Int)
    /// So many prices requests are refused by this status and `errorCode`. Source: ig-api § 7.
    case refusePrices(count: Int, status: Int, code: String)
    /// So many prices requests are paid, and the connection closes without an answer.
    case losePrices(Int)
    /// The rest of the week's history points.
    case points(Int)
    /// Requests a minute for the account and for the key. Source: ig-api § 8.
    case requestsPerMinute(account: Int, key: Int)
    /// A connection that was idle for this many seconds closes at its next request. Source: ig-api § 14.
    case closeIdle(seconds: Int)
    /// Faults that IG is not known to have, and that a client relies on not to happen.
    case strange(Strangeness)

    public enum Strangeness: Hashable, Sendable {
        /// A candle costs this many points.
        case candlePrice(Int)
        /// Seconds until the allowance is renewed.
        case expiry(Int)
        /// Candles of this many seconds earlier than requested.
        case historyShift(Int)
        /// High and low of each candle are swapped.
        case swappedCandles
        /// `GET /operations/application` is not found.
        case noApplication
    }
}

/// The most updates a second that a server sends of one item.
public struct FrequencyLimit: Hashable, Sendable {
    /// As `CONF` shows it.
    public let text: String
    /// Nanoseconds from one update to the next.
    public let interval: Int64

    /// Reads a positive decimal such as `0.1`.
    public init?(_ text: some StringProtocol) {
        guard let perSecond = Double(text), (0.000_001...1_000_000).contains(perSecond) else { return nil }
        self.text = String(text)
        interval = Int64(1e9 / perSecond)
    }
}
