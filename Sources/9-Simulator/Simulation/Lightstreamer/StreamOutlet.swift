internal import NIOCore

/// The connection a session is bound to.
protocol StreamOutlet: AnyObject {
    /// Whether the peer keeps up: false while more than a bound of bytes waits to be sent.
    var isWritable: Bool { get }
    /// Sends whole lines. The buffer holds at most one frame's worth.
    func send(_ lines: ByteBuffer)
    /// Pushes what was sent onto the wire.
    func flush()
    /// Nothing of this stream follows: an HTTP response ends, a WebSocket stays open.
    func endStream()
    /// Cuts the connection at once, as a network failure would.
    func cut()
    /// The same when half of these lines, one frame's worth, are on the wire: nothing ends where it should.
    func cut(within lines: ByteBuffer)
    /// Closes the connection in an orderly way once everything is sent.
    func close()
}

/// How a client wants one connection of its session. Source: TLCP § bind_session.
struct Binding {
    let isPolling: Bool
    /// Longest silence on a stream; for a poll, how long it may wait for data. Milliseconds.
    let keepaliveMillis: Int
    let idleMillis: Int
    let pollingMillis: Int
    let sendsSync: Bool
    /// Bytes of one HTTP response; `nil` on a WebSocket.
    let contentLength: Int?
    let reducesHead: Bool

    init(_ parameters: RequestParameters, limits: StreamLimits, isHTTP: Bool) {
        isPolling = parameters.isTrue("LS_polling")
        let wanted = parameters.count("LS_keepalive_millis") ?? 0
        keepaliveMillis = wanted == 0 ? limits.keepaliveMillis : min(max(wanted, 1_000), 30_000)
        idleMillis = min(parameters.count("LS_idle_millis") ?? 0, 30_000)
        pollingMillis = min(parameters.count("LS_polling_millis") ?? 0, 15_000)
        sendsSync = parameters["LS_send_sync"] != "false" && !isPolling
        let length = parameters.count("LS_content_length") ?? 0
        // Below the head and one full line a response could not even begin.
        contentLength = isHTTP ? (length < 2_000 ? limits.contentLength : length) : nil
        reducesHead = parameters.isTrue("LS_reduce_head")
    }
}

/// The server's settings. Defaults: TLCP § Factory server settings.
public struct StreamLimits: Sendable {
    public var keepaliveMillis = 5_000
    public var sessionTimeoutMillis = 10_000
    public var sessionRecoveryMillis = 13_000
    /// Factory: 1,600 bytes, with TCP send buffers as small. Ours cover the larger buffers of this machine's sockets.
    public var recoveryBytes = 16 << 20
    public var contentLength = 4_000_000
    public var subscriptionsMax = 40
    /// Whether the limit counts items, as IG's does (ig-api § 14), or subscriptions.
    public var limitCountsItems = true
    public var requestBytesMax = 50_000
    public var heldUpdatesMax = 1_000
    /// Demo takes 2.5.0 since 2026; its one change, in `MSGDONE`, is never sent here. Source: ig-api § 14.
    public var versionMax = ProtocolVersion("2.5.0")
    /// The third argument of `CONOK`.
    public var controlLink = "*"
    /// The control link is this port's own address, known once it listens.
    public var linksToItself = false

    public init() {}
}
