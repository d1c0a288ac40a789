/// An answer: the whole of it, or a stream that goes on.
public enum HTTPAnswer: Sendable {
    case whole(HTTPResponse)
    /// The head goes out, then `begin` gets the stream, on the connection's event loop: it must not block.
    case stream(HTTPResponse, begin: @Sendable (any HTTPStream) -> Void)
}

/// Status, headers and body. The server adds `Content-Length`, `Date` and the headers that every answer has.
public struct HTTPResponse: Sendable {
    public var status: Int
    /// Such as `application/json`.
    public var contentType: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(
        _ status: Int = 200, contentType: String, headers: [(name: String, value: String)] = [], body: [UInt8]
    ) {
        (self.status, self.contentType, self.headers, self.body) = (status, contentType, headers, body)
    }

    public init(
        _ status: Int = 200, contentType: String, headers: [(name: String, value: String)] = [], text: String
    ) {
        self.init(status, contentType: contentType, headers: headers, body: Array(text.utf8))
    }
}

/// The body of an answer that goes on, such as server-sent events. Any thread.
public protocol HTTPStream: AnyObject, Sendable {
    /// Hands bytes to the client. Never blocks. A client that reads too slowly is cut off.
    /// - Returns: false once the client is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool

    /// Called once when the client is gone, on its event loop; at once if it is gone already.
    func onClose(_ body: @escaping @Sendable () -> Void)

    func close()
}
