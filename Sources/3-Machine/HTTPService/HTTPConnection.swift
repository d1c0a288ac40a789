internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// One client: takes its requests one after the other, and answers each before the next.
///
/// - Note: Event loop only.
final class HTTPConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    enum Phase {
        /// Between two requests, or within a head.
        case waiting
        /// A head has come, not yet the request's end.
        case reading(HTTPRequestHead)
        case answering
        case streaming(HTTPStreamBody)
        /// Our side is closed, and the client's soon.
        case leaving
    }

    let server: HTTPServerCore
    var phase = Phase.waiting
    /// Of the answer that is being sent.
    var rest = ByteBuffer()
    var closesAfter = false
    /// Monotonic time at which the connection is closed if nothing changes until then.
    var deadline: Int64
    private(set) var context: ChannelHandlerContext?
    /// It has shown the token.
    private var isKnown = false
    private var hasHalfClosed = false
    private(set) lazy var headGuard = HeadGuard(limits: server.limits) { [unowned self] in
        if case .waiting = phase { deadline = server.monotonic(after: server.limits.head) }
    }

    init(_ server: HTTPServerCore) {
        self.server = server
        deadline = server.monotonic(after: server.limits.head)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        server.logger.debug("Client connected")
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        server.remove(self)
        if case .streaming(let stream) = phase { streamIsOver(stream) }
        phase = .leaving
        server.unsentBytes -= rest.readableBytes
        rest.clear()
        context.fireChannelInactive()
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), phase) {
        case (.head(let head), .waiting): take(head)
        case (.end, .reading(let head)):
            phase = .answering
            deadline = .max
            answer(head)
        default: break
        }
    }

    private func take(_ sent: HTTPRequestHead) {
        let head = sent.inOriginForm
        headGuard.answerBegins()
        server.counters.add(\.requests)
        closesAfter =
            !head.isKeepAlive || hasHalfClosed || head.method == .CONNECT || head.headers.contains(name: "upgrade")
        phase = .reading(head)
        guard head.hasBody else { return }
        // It is not read, so the next request cannot be found.
        closesAfter = true
        phase = .answering
        send(
            refusal(of: head) ?? server.responder.refusal(413, "a request must not have a body", path: head.path),
            to: head)
    }

    /// What the head alone forbids.
    private func refusal(of head: HTTPRequestHead) -> HTTPResponse? {
        if let preflight = server.access.preflight(head) { return preflight }
        if server.isTCP, let refusal = server.access.refusal(of: head) {
            if refusal.status == 401 { server.counters.add(\.requestsUnauthorized) }
            return refusal
        }
        isKnown = true
        if head.method != .GET, head.method != .HEAD {
            var response = server.responder.refusal(405, "only GET and HEAD are answered", path: head.path)
            response.headers.append(("Allow", "GET, HEAD"))
            return response
        }
        let response: (Int, String)? =
            if head.uri.utf8.count > server.limits.targetBytes {
                (414, "the target has more than \(server.limits.targetBytes) bytes")
            } else if head.version.minor >= 1, head.headers["host"].count != 1 {
                (400, "a request must have one Host header")
            } else { nil }
        return response.map { server.responder.refusal($0.0, $0.1, path: head.path) }
    }

    private func answer(_ head: HTTPRequestHead) {
        if let refusal = refusal(of: head) { return send(refusal, to: head) }
        guard let target = HTTPTarget(head.uri) else {
            return send(server.responder.refusal(400, "the target is not a path", path: head.path), to: head)
        }
        server.logger.debug("Request", metadata: ["path": "\(target.path)"])
        var headers: [String: String] = [:]
        for (name, value) in head.headers {
            headers[name.lowercased()] = headers[name.lowercased()].map { "\($0), \(value)" } ?? value
        }
        headers["authorization"] = nil
        let request = HTTPRequest(
            isHead: head.method == .HEAD, path: target.path, segments: target.segments, query: target.query,
            headers: headers)
        let connection = NIOLoopBound(self, eventLoop: server.loop)
        let loop = server.loop
        server.responder.respond(to: request) { answer in
            if loop.inEventLoop {
                connection.value.send(answer, to: head)
            } else {
                loop.execute { connection.value.send(answer, to: head) }
            }
        }
    }

    // MARK: Ends

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        hasHalfClosed = true
        switch phase {
        case .waiting, .reading, .streaming, .leaving: context.close(promise: nil)
        case .answering: closesAfter = true
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.debug("Connection failed", metadata: ["error": "\(error)"])
        guard case .waiting = phase, let error = error as? HTTPParserError, context.channel.isActive else {
            context.close(promise: nil)
            return
        }
        refuseHead(error)
    }

    /// Nothing is known of who sent it: without a token before, it gets what everyone gets without one.
    private func refuseHead(_ error: HTTPParserError) {
        phase = .answering
        closesAfter = true
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "")
        head.headers.add(name: "connection", value: "close")
        if server.isTCP, server.access.needsToken, !isKnown { return send(HTTPAccess.unauthorized, to: head) }
        let (status, message) =
            switch error {
            case .headerOverflow where headGuard.isWithinFirstLine:
                (414, "the target has more than \(server.limits.targetBytes) bytes")
            case .headerOverflow: (431, "the head has more than \(server.limits.headBytes) bytes")
            default: (400, "this is not a request of HTTP/1.1")
            }
        send(server.responder.refusal(status, message, path: ""), to: head)
    }

    /// Called again and again.
    func closeIfDue(now: Int64) {
        guard now >= deadline, let context else { return }
        switch phase {
        case .waiting, .reading: if headGuard.isWithinHead { server.counters.add(\.headsTimedOut) }
        case .answering, .streaming: server.counters.add(\.clientsCutOff)
        case .leaving: break
        }
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension HTTPConnection: Sendable {}

extension HTTPRequestHead {
    /// As sent, without the query.
    var path: String { String(uri.prefix { $0 != "?" }) }

    /// With a path for a target that is an address, as clients send it to a proxy; its host then takes the place of the
    /// header `Host`. Source: RFC 9112 § 3.2.2.
    var inOriginForm: HTTPRequestHead {
        let scheme = "http://"
        guard uri.prefix(scheme.utf8.count).lowercased() == scheme else { return self }
        let rest = uri.dropFirst(scheme.utf8.count)
        let host = rest.prefix { !"/?#".contains($0) }
        // HTTP/1.1 wants one Host header even then, and a name before the host is an error.
        guard !host.isEmpty, !host.contains("@"), headers["host"].count == 1 || version.minor == 0 else { return self }
        var head = self
        head.uri = (rest.dropFirst(host.count).first == "/" ? "" : "/") + rest.dropFirst(host.count)
        head.headers.replaceOrAdd(name: "host", value: String(host))
        return head
    }

    var hasBody: Bool {
        headers.contains(name: "transfer-encoding") || headers["content-length"].contains { $0 != "0" }
    }
}
