package import HTTPService
internal import MarketData

/// A path and what answers it.
package struct Route: Sendable {
    /// How a request is answered.
    package enum Answer: Sendable {
        /// At once, on the event loop: from memory alone.
        case now(@Sendable (RouteRequest, SiteFacts) throws -> HTTPResponse)
        /// On a worker's thread, which may read database and files.
        case query(@Sendable (RouteRequest, Worker) throws -> HTTPResponse)
        /// As a stream of the live feed.
        case stream(@Sendable (RouteRequest, SiteFacts) throws -> LiveSubscription)
    }

    /// Such as `/api/v1/candles/{pair}/{timeframe}`.
    package let pattern: String
    package let answer: Answer
    /// The pattern's parts.
    let parts: [Substring]

    package init(_ pattern: String, _ answer: Answer) {
        (self.pattern, self.answer) = (pattern, answer)
        parts = pattern.split(separator: "/")
    }
}

/// The routes of one interface, and the form of its errors.
package struct RouteGroup: Sendable {
    /// Such as `/api/v1`; errors below it have this group's form.
    package let prefix: String
    package let routes: [Route]
    /// An error's response: 400, 404, 405, 503 or 500.
    package let error: @Sendable (WebError) -> HTTPResponse

    /// - Parameter error: without it, errors are text.
    package init(
        prefix: String, routes: [Route],
        error: @escaping @Sendable (WebError) -> HTTPResponse = { HTTPResponse($0.status, plain: $0.message) }
    ) {
        (self.prefix, self.routes, self.error) = (prefix, routes, error)
    }
}

/// A request and the values of the pattern's names.
package struct RouteRequest: Sendable {
    package let http: HTTPRequest
    private let names: [String: String]

    package init(_ http: HTTPRequest, names: [String: String] = [:]) { (self.http, self.names) = (http, names) }

    /// The value of a name of the pattern, which must have it.
    package func name(_ name: String) -> String { names[name] ?? "" }
}

extension HTTPResponse {
    /// - Parameter plain: one line without its end, as text.
    package init(_ status: Int = 200, plain: String) {
        self.init(status, contentType: "text/plain; charset=utf-8", text: plain + "\n")
    }
}

/// Why a request is not answered with what it asks for.
package struct WebError: Error, Hashable, Sendable {
    package let status: Int
    /// One sentence for the person who wrote the request, without its end.
    package let message: String

    package init(_ status: Int, _ message: String) { (self.status, self.message) = (status, message) }

    package static func badRequest(_ message: String) -> WebError { WebError(400, message) }
    package static func notFound(_ message: String) -> WebError { WebError(404, message) }
}
