/// What a WebSocket brings, on its event loop, in order.
public protocol WebSocketDelegate: AnyObject, SendableMetatype {
    /// The upgrade succeeded: messages may be sent.
    func webSocketOpened()
    /// Bytes of text messages, as they come; where a message ends does not matter to TLCP, whose lines have
    /// their own ends. Valid during the call, not checked for UTF-8.
    func webSocketReceived(_ bytes: UnsafeRawBufferPointer)
    /// All that was there to be read has been handed in.
    func webSocketBurstEnded()
    /// The connection ended or could not be opened; nothing follows.
    /// - Parameter reason: for people; no secrets.
    func webSocketClosed(reason: String)
}

/// What all WebSockets of a process have in common.
public struct WebSocketOptions: Sendable {
    /// PEM certificates that are trusted instead of those of the system: for a proxy, or a test server.
    public var trustFile: String?
    /// The time for connecting, TLS and upgrade together, in milliseconds.
    public var openMillis: Int64 = 5_000
    /// The time that the peer has to answer a close, in milliseconds.
    public var closeMillis: Int64 = 1_000
    /// The largest frame that is accepted. (The library's own default of 16 KiB is what a Lightstreamer
    /// server sends at most by default: too near.)
    public var frameSizeMax = 1 << 20

    public init() {}
}

/// A WebSocket that cannot be opened, or has to be closed.
public struct WebSocketError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
}
