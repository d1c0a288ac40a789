import Foundation
import Host
import HTTPService
import Logging
import Synchronization
import TestKit

/// A server of this machine that answers by a function.
final class TestServer: Sendable {
    let server: HTTPServer
    let counters = HTTPCounters()
    let address: ListenAddress

    init(
        listen: ListenAddress = .tcp(host: "127.0.0.1", port: 0), token: String? = nil, origins: [String] = [],
        limits: HTTPLimits = HTTPLimits(), _ responder: any HTTPResponder = EchoResponder()
    ) throws {
        let token = token.map { HTTPToken(Secret($0))! }
        var options = HTTPServer.Options(
            address: listen, access: HTTPAccess(token: token, origins: origins, address: listen),
            responder: responder, clock: .system, logger: quietLogger())
        options.limits = limits
        server = try HTTPServer(options, counters: counters)
        address = server.address
    }

    deinit { server.stop() }

    /// Asks once on a connection of its own, and reads to the end.
    func ask(_ head: String) -> String {
        let client = RawClient(self)
        client.send(head)
        return client.readToEnd()
    }
}

/// Answers `/…` with path, segments and query, one to a line; `/long/N` with N bytes; `/stream` with a stream.
final class EchoResponder: HTTPResponder {
    let streams = Mutex<[any HTTPStream]>([])
    /// What was asked for, in its order.
    let asked = Mutex<[String]>([])

    func respond(to request: HTTPRequest, _ reply: @escaping @Sendable (HTTPAnswer) -> Void) {
        asked.withLock { $0.append(request.path) }
        switch request.segments.first {
        case "long":
            let count = Int(request.segments[1])!
            reply(.whole(HTTPResponse(contentType: "text/plain", body: [UInt8](repeating: 120, count: count))))
        case "later":
            // From another thread, after those that came later had their chance.
            Thread.detachNewThread {
                usleep(50_000)
                reply(.whole(HTTPResponse(contentType: "text/plain", text: request.path)))
            }
        case "stream":
            reply(
                .stream(HTTPResponse(contentType: "text/event-stream", body: [])) { [self] stream in
                    streams.withLock { $0.append(stream) }
                })
        default:
            let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
            let text = ([request.path, request.segments.joined(separator: "|")] + (query.isEmpty ? [] : [query]))
            reply(.whole(HTTPResponse(contentType: "text/plain", text: text.joined(separator: "\n"))))
        }
    }

    var newest: (any HTTPStream)? { streams.withLock { $0.last } }
}
