internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// The HTTP side of a connection: gathers requests and hands them to REST or to the stream server.
final class HTTPHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let core: SimulatorCore
    private let pipeline: HTTPPipeline
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLong = false
    /// The exchange that is answering now, which may be a stream.
    private var exchange: HTTPExchange?
    /// Monotonic nanoseconds: when the last answer was complete.
    private var lastAnswer: Int64?

    init(core: SimulatorCore, pipeline: HTTPPipeline) {
        self.core = core
        self.pipeline = pipeline
    }

    func channelActive(context: ChannelHandlerContext) {
        if core.isOut { return context.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            isTooLong = false
        case .body(let buffer):
            guard body.count + buffer.readableBytes <= core.stream.limits.requestBytesMax else {
                isTooLong = true
                return
            }
            body.append(contentsOf: buffer.readableBytesView)
        case .end:
            guard let head else { return }
            self.head = nil
            guard exchange == nil else {
                // A second request while the first one's answer is an endless stream.
                context.close(promise: nil)
                return
            }
            handle(head, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let exchange { core.stream.outletClosed(exchange, now: core.now) }
        exchange = nil
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if let exchange, exchange.isWritable { core.stream.outletWritable(exchange) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        core.logger.debug("connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    /// Whether the network has dropped the idle connection: a fault.
    private var isDead: Bool {
        guard let idle = core.rest.accounts.faults.idleSeconds, let lastAnswer else { return false }
        return core.now - lastAnswer >= Int64(idle) * 1_000_000_000
    }

    private func handle(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if isDead {
            context.close(promise: nil)
            return
        }
        if isTooLong {
            reply(RESTReply(status: 413, body: ["errorCode": "invalid.input"]), head, context)
            return
        }
        if head.headers[canonicalForm: "Upgrade"].contains(where: { $0.lowercased() == "websocket" }) {
            if !pipeline.upgrade(head, context, handler: self) { empty(.badRequest, head, context) }
            return
        }
        if head.uri.hasPrefix("/lightstreamer") {
            stream(head, context)
            return
        }
        var headers: [String: String] = [:]
        for (name, value) in head.headers { headers[name.lowercased()] = value }
        let request = RESTRequest(method: head.method.rawValue, uri: head.uri, headers: headers, body: body)
        reply(core.rest.reply(to: request, now: core.now), head, context)
    }

    // MARK: Lightstreamer over HTTP

    private func stream(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let file = parts[0].dropFirst("/lightstreamer".count).drop { $0 == "/" }
        guard file.hasSuffix(".txt"), let name = StreamRequest.Name(rawValue: String(file.dropLast(4))), name != .wsok
        else {
            empty(.notFound, head, context)
            return
        }
        let query = RequestParameters(line: (parts.count > 1 ? parts[1] : "").utf8) ?? RequestParameters()
        // Only the query announces TLCP: anything else gets no answer of this protocol (ig-api § 9.1).
        guard let version = query["LS_protocol"].flatMap({ ProtocolVersion(announcement: $0) }) else {
            empty(.badRequest, head, context)
            return
        }
        let exchange = HTTPExchange(
            channel: context.channel, version: version, address: address(context), keepsAlive: head.isKeepAlive,
            onEnd: { [weak self] in self?.streamEnded() })
        self.exchange = exchange
        do throws(StreamRequest.Malformed) {
            let request = try StreamRequest(name: name, body: body)
            core.stream.handle(request.filled(from: query), from: exchange, now: core.now)
        } catch {
            exchange.reply("ERROR,67,Malformed request")
        }
        exchange.finishRequest()
    }

    private func streamEnded() {
        exchange = nil
        lastAnswer = core.now
    }

    // MARK: Replies

    private func empty(_ status: HTTPResponseStatus, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        reply(RESTReply(status: Int(status.code)), head, context)
    }

    private func reply(_ reply: RESTReply, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if reply.isLost {
            context.close(promise: nil)
            return
        }
        lastAnswer = core.now
        let body = reply.body?.text ?? ""
        // The broker's clock is that of its market. Clients take it for the server's: source: ig-api § 1.
        var headers = HTTPHeaders([("Date", httpDate(core.market.second))])
        if reply.body != nil { headers.add(name: "Content-Type", value: "application/json; charset=UTF-8") }
        if reply.status != 204 { headers.add(name: "Content-Length", value: "\(body.utf8.count)") }
        for (name, value) in reply.headers { headers.add(name: name, value: value) }
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        let status = HTTPResponseStatus(statusCode: reply.status)
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))),
            promise: nil)
        if !body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        }
        let channel = context.channel
        let keepsAlive = head.isKeepAlive
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            if !keepsAlive { channel.close(promise: nil) }
        }
    }
}

/// The peer's address without its port.
func address(_ context: ChannelHandlerContext) -> String {
    context.channel.remoteAddress?.ipAddress ?? "127.0.0.1"
}
