/// Answers requests.
public protocol HTTPResponder: Sendable {
    /// Called on an event loop: must not block.
    /// - Parameter reply: takes the answer once, from any thread.
    func respond(to request: HTTPRequest, _ reply: @escaping @Sendable (HTTPAnswer) -> Void)

    /// The form of an error that the server finds: 400, 405, 413, 414, 431 or 503.
    /// - Parameter path: as sent; empty if it is not known.
    func refusal(_ status: Int, _ message: String, path: String) -> HTTPResponse
}

extension HTTPResponder {
    public func refusal(_ status: Int, _ message: String, path: String) -> HTTPResponse {
        HTTPResponse(status, contentType: plain, text: message + "\n")
    }
}
