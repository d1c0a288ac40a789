internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// The HTTP handlers of a connection, which leave when it becomes a WebSocket.
///
/// NIO's own upgrade handler looks at the first request of a connection only; clients that keep HTTP
/// connections alive upgrade later ones too. Bytes behind the request are handed on, none are dropped.
final class HTTPPipeline {
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private let encoder = HTTPResponseEncoder()
    private let errors = HTTPServerProtocolErrorHandler()
    private let upgrader: NIOWebSocketServerUpgrader

    init(core: SimulatorCore, loop: any EventLoop) {
        decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
        upgrader = HTTPPipeline.upgrader(core: NIOLoopBound(core, eventLoop: loop))
    }

    func install(in channel: any Channel, core: SimulatorCore) throws {
        try channel.pipeline.syncOperations.addHandlers([
            encoder, decoder, errors, HTTPHandler(core: core, pipeline: self),
        ])
    }

    /// Answers an upgrade request and turns the connection into a WebSocket.
    /// - Returns: false, without an effect, if the request must be refused.
    func upgrade(_ head: HTTPRequestHead, _ context: ChannelHandlerContext, handler: HTTPHandler) -> Bool {
        var answer: HTTPHeaders?
        // Complete already: it runs on this loop and waits for nothing.
        upgrader.buildUpgradeResponse(
            channel: context.channel, upgradeRequest: head,
            initialResponseHeaders: ["Connection": "Upgrade", "Upgrade": "websocket"]
        ).assumeIsolated().whenSuccess { answer = $0 }
        guard let answer else { return false }
        let response = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: answer)
        context.write(handler.wrapOutboundOut(.head(response)), promise: nil)
        context.writeAndFlush(handler.wrapOutboundOut(.end(nil)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        pipeline.removeHandler(encoder, promise: nil)
        pipeline.removeHandler(errors, promise: nil)
        upgrader.upgrade(context: context, upgradeRequest: head).assumeIsolated().whenFailure {
            [channel = context.channel] _ in
            channel.close(promise: nil)
        }
        pipeline.removeHandler(handler, promise: nil)
        // Last: what it has read beyond the request goes to the new handlers.
        pipeline.removeHandler(decoder, promise: nil)
        return true
    }

    private static func upgrader(core: NIOLoopBound<SimulatorCore>) -> NIOWebSocketServerUpgrader {
        NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 17,
            shouldUpgrade: { channel, head in
                let path = head.uri.split(separator: "?", maxSplits: 1).first ?? ""
                let isStream = path == "/lightstreamer" || path == "/lightstreamer/"
                guard isStream, !core.value.stream.faults.refusesWebSocket, let name = subprotocol(head) else {
                    return channel.eventLoop.makeFailedFuture(NIOWebSocketUpgradeError.unsupportedWebSocketTarget)
                }
                return channel.eventLoop.makeSucceededFuture(HTTPHeaders([("Sec-WebSocket-Protocol", name)]))
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    // shouldUpgrade has let it pass, so there is one.
                    guard let version = subprotocol(head).flatMap({ ProtocolVersion(announcement: $0) }) else { return }
                    let pipeline = channel.pipeline.syncOperations
                    let limit = core.value.stream.limits.requestBytesMax
                    try pipeline.addHandler(
                        NIOWebSocketFrameAggregator(
                            minNonFinalFragmentSize: 1, maxAccumulatedFrameCount: 10_000,
                            maxAccumulatedFrameSize: limit * 2))
                    try pipeline.addHandler(WebSocketHandler(core: core.value, channel: channel, version: version))
                }
            })
    }

    /// The first TLCP subprotocol that the client offers.
    private static func subprotocol(_ head: HTTPRequestHead) -> String? {
        head.headers[canonicalForm: "Sec-WebSocket-Protocol"].map(String.init)
            .first { ProtocolVersion(announcement: $0) != nil }
    }
}
