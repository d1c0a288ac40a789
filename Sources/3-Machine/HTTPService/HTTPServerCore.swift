internal import Host
internal import Logging
internal import MarketData
internal import NIOCore

/// What the connections of a server share.
///
/// - Note: Event loop only.
final class HTTPServerCore {
    let limits: HTTPLimits
    let access: HTTPAccess
    /// Those of a Unix socket are let in by its permissions alone.
    let isTCP: Bool
    let responder: any HTTPResponder
    let counters: HTTPCounters
    let loop: any EventLoop
    let outbox: HTTPOutbox
    let logger: Logger
    /// Bytes of answers that no client has taken yet.
    var unsentBytes = 0
    var streams = 0
    private let clock: Clock
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var lastDate: (second: UTCSeconds, text: String)?

    /// Source: docs/http-api.md § Who may ask.
    static let standardHeaders: [(name: String, value: String)] = [
        ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
        ("Cache-Control", "no-store"),
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ]

    init(_ options: HTTPServer.Options, counters: HTTPCounters, loop: any EventLoop) {
        limits = options.limits
        access = options.access
        isTCP = if case .tcp = options.address { true } else { false }
        responder = options.responder
        clock = options.clock
        logger = options.logger
        self.counters = counters
        self.loop = loop
        outbox = HTTPOutbox(loop: loop, limits: limits, monotonic: clock.monotonic)
    }

    func monotonic(after duration: Duration) -> Int64 { clock.monotonic() + duration.nanoseconds }

    var hasRoom: Bool { connections.count < limits.connections }

    /// - Returns: `nil` if there are too many.
    func newConnection() -> HTTPConnection? {
        guard hasRoom else { return nil }
        let connection = HTTPConnection(self)
        connections[ObjectIdentifier(connection)] = connection
        counters.add(\.connections)
        return connection
    }

    func remove(_ connection: HTTPConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        counters.add(\.connections, -1)
    }

    /// Closes those that took too long.
    func closeDue() {
        let now = clock.monotonic()
        for connection in Array(connections.values) { connection.closeIfDue(now: now) }
    }

    func closeAll() {
        for connection in Array(connections.values) { connection.context?.close(promise: nil) }
    }

    /// The refusal of a request that may come again.
    func busy(_ message: String, path: String) -> HTTPResponse {
        var response = responder.refusal(503, message, path: path)
        response.headers.append(("Retry-After", "1"))
        return response
    }

    func date() -> String {
        let now = clock.now().seconds
        if let lastDate, lastDate.second == now { return lastDate.text }
        let text = httpDate(now)
        lastDate = (now, text)
        return text
    }
}

@available(*, unavailable)
extension HTTPServerCore: Sendable {}
