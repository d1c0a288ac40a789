/// Everything that a session needs to know beforehand.
public struct SessionOptions: Sendable {
    public enum Transports: Sendable {
        /// WebSocket; HTTP streaming if it cannot be opened.
        case webSocketFirst
        case webSocketOnly
        case httpOnly
    }

    /// The server on which sessions are created. Recovery and rebinding go to the control link that the server names.
    public var endpoint: Endpoint
    public var user: String?
    public var password: String?
    public var adapterSet: String? = "DEFAULT"
    /// IG's server refuses anything newer than 2.4.0.
    public var protocolVersion = "2.4.0"
    public var transports = Transports.webSocketFirst
    /// Asked of the server; `nil`: the server's own, which fits its recovery time best.
    public var keepaliveMillis: Int?
    /// Bytes of one HTTP stream before the server loops. Source: TLCP § Practice.
    public var contentLength = 50_000_000
    /// Silence beyond the keep-alive after which the feed is reported as stalled, and then cut.
    public var stallAfter = Duration.seconds(2)
    public var cutAfter = Duration.seconds(5)
    /// The time that opening a transport, and then the answer to create or bind, may take.
    public var answerWithin = Duration.seconds(4)
    /// How long after a cut a recovery is tried; servers keep a cut session 13 s by default.
    public var recoveryWindow = Duration.seconds(15)
    /// The least time between the starts of two recovery attempts.
    public var recoverySpacing = Duration.seconds(1)
    public var retryBase = Duration.seconds(1)
    public var retryCeiling = Duration.seconds(60)
    public var longRetryBase = Duration.seconds(60)
    public var longRetryCeiling = Duration.seconds(600)
    /// A session that lasted this long ends a row of failures.
    public var provenAfter = Duration.seconds(10)
    public var lineLengthMax = 1 << 20
    /// How long after the broker ended or refused a subscription it is asked for again; the pause doubles up to
    /// the ceiling, and begins anew once a subscription has held so long. Source: `ig-api` § 14.
    public var askAgainBase = Duration.seconds(60)
    public var askAgainCeiling = Duration.seconds(1_800)
    /// The time that the answer to a subscription may take.
    public var subscribeWithin = Duration.seconds(15)
    /// The time that the end of a subscription may take, before another is opened in its place.
    public var endWithin = Duration.seconds(5)
    /// After a recovery, requests that may have arrived before the cut are sent again once nothing has answered
    /// them for so long.
    public var requeueAfter = Duration.seconds(1)

    public init(endpoint: Endpoint, user: String? = nil, password: String? = nil) {
        self.endpoint = endpoint
        self.user = user
        self.password = password
    }
}

/// One connection that the session asked for. Numbers are never reused.
public struct TransportID: Hashable, Sendable, Comparable {
    let number: Int
    public static func < (a: TransportID, b: TransportID) -> Bool { a.number < b.number }
}

/// The actions for the owner of a session. Requests carry credentials: never log their bytes.
public enum SessionAction: Hashable, Sendable {
    /// Open a WebSocket and report `transportOpened`, or `transportClosed`.
    case openWebSocket(TransportID, Endpoint, subprotocol: String)
    /// Send a POST whose response is the stream; report its bytes, and its end as `transportClosed`.
    case openStream(TransportID, Endpoint, path: String, body: [UInt8])
    /// Send one text message.
    case send(TransportID, message: [UInt8])
    /// Send a POST on another connection; report `postAnswered` or `postFailed`.
    case post(TransportID, Endpoint, path: String, body: [UInt8])
    /// Close it; nothing it brings counts any more.
    case close(TransportID)
}

/// An event of a session, in order with the updates.
public enum SessionEvent: Hashable, Sendable {
    /// A transport is being opened.
    case connecting(isWebSocket: Bool)
    /// The WebSocket could not be opened: HTTP streaming is tried.
    case fellBackToHTTP(reason: String)
    /// A new session; `replacing`: another one was lost before it, with everything in between.
    case began(replacing: Bool)
    /// Bound again after `LOOP`: nothing was missed.
    case preserved
    /// Bound again after a cut, and the resent notifications have been delivered: nothing was missed.
    case recovered(resent: Int)
    case subscribed(Int)
    /// The server refused it. It is asked for again, without end.
    case refused(Int, code: Int, text: String)
    /// A new subscription took the place of one that goes on; its snapshot follows.
    case renewed(Int)
    /// An update did not fit: the item's values are uncertain, and its subscription is renewed at once.
    case itemLost(Int, reason: String)
    /// Every subscription of this session was answered once.
    case allAnswered
    /// Ended by the server, or as asked. If it is still wanted it is asked for again, without end.
    case unsubscribed(Int)
    case configured(Int, frequency: String, isFiltered: Bool)
    case endOfSnapshot(Int, item: Int)
    case snapshotCleared(Int, item: Int)
    /// The server dropped updates, and says so.
    case updatesLost(Int, item: Int, count: Int)
    /// Nothing has come for the keep-alive time and some; the next line ends it.
    case stalled
    case flowing
    /// The connection is lost; recovery is tried.
    case cut(reason: String)
    /// The server does not let the cut session be recovered: it is lost.
    case recoveryRefused(code: Int)
    /// The session is gone; the next one begins from nothing.
    case lost(reason: String)
    /// The next attempt comes after a pause.
    case waiting(Duration, failures: Int, reason: String)
    /// Nothing happens until `resume` brings new credentials.
    case credentialsRefused(code: Int, text: String)
    /// Trying again cannot help; nothing happens any more.
    case stopped(code: Int, text: String)
    /// Destroyed as asked.
    case destroyed
    /// A line that is not understood; it is left out.
    case oddLine(String)
}

/// Takes what a session delivers. Called in the middle of the session's work: do not call it from here.
public protocol SessionSink {
    mutating func updated(_ update: FieldUpdate)
    mutating func happened(_ event: SessionEvent)
}
