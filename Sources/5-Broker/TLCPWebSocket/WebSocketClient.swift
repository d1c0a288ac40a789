public import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket
public import TLCP

/// Opens WebSockets to Lightstreamer servers. TLS certificates are always verified.
public final class WebSocketClient {
    private let tls: NIOSSLContext
    private let options: WebSocketOptions
    private let eventLoop: any EventLoop

    /// - Parameter eventLoop: where everything happens; all methods must be called on it.
    /// - Throws: where the certificates cannot be read.
    public init(options: WebSocketOptions, eventLoop: any EventLoop) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        // A dead peer never says goodbye; a stop does not wait for it.
        configuration.shutdownTimeout = .seconds(1)
        if let file = options.trustFile { configuration.trustRoots = .file(file) }
        tls = try NIOSSLContext(configuration: configuration)
        self.options = options
        self.eventLoop = eventLoop
    }

    /// Opens a WebSocket; the delegate hears of success or failure. On the event loop only.
    public func open<Delegate: WebSocketDelegate>(
        _ endpoint: Endpoint, subprotocol: String, delegate: Delegate
    ) -> WebSocket<Delegate> {
        eventLoop.preconditionInEventLoop()
        let socket = WebSocket(delegate: delegate, closeTime: .milliseconds(options.closeMillis))
        let bound = NIOLoopBound(socket, eventLoop: eventLoop)
        let (tls, options) = (tls, options)
        let timeout = eventLoop.scheduleTask(in: .milliseconds(options.openMillis)) {
            bound.value.failed("WebSocket not open within \(options.openMillis) ms")
        }
        ClientBootstrap(group: eventLoop)
            .connectTimeout(.milliseconds(options.openMillis))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // One read takes what is there, up to this: a burst of many ticks is one call.
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 4_096, initial: 16_384, maximum: 262_144)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if endpoint.isSecure { try WebSocketClient.encrypt(channel, endpoint, tls) }
                }
            }
            .connect(host: endpoint.host.filter { $0 != "[" && $0 != "]" }, port: endpoint.port)
            .flatMap { channel -> EventLoopFuture<Bool> in
                bound.value.connected(channel)
                return WebSocketClient.upgrade(channel, endpoint, subprotocol, options, bound)
            }
            .whenComplete { result in
                timeout.cancel()
                switch result {
                case .success(true): bound.value.upgraded()
                case .success(false): bound.value.failed("the server refused the upgrade")
                case .failure(let error): bound.value.failed(WebSocketHandler<Delegate>.text(error))
                }
            }
        return socket
    }

    private static func encrypt(_ channel: any Channel, _ endpoint: Endpoint, _ tls: NIOSSLContext) throws {
        let name = isAddress(endpoint.host) ? nil : endpoint.host
        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
    }

    /// Asks for the upgrade.
    /// - Returns: whether the server agreed.
    private static func upgrade<Delegate: WebSocketDelegate>(
        _ channel: any Channel, _ endpoint: Endpoint, _ subprotocol: String, _ options: WebSocketOptions,
        _ socket: NIOLoopBound<WebSocket<Delegate>>
    ) -> EventLoopFuture<Bool> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Bool>(maxFrameSize: options.frameSizeMax) { channel, head in
            channel.eventLoop.makeCompletedFuture {
                // The upgrader does not look at it.
                guard head.headers["Sec-WebSocket-Protocol"] == [subprotocol] else {
                    throw WebSocketError(description: "the server did not agree to \(subprotocol)")
                }
                try channel.pipeline.syncOperations.addHandler(socket.value.handler)
                return true
            }
        }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: endpoint.path)
        head.headers.add(name: "Host", value: endpoint.authority)
        head.headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol)
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                upgradeRequestHead: head, upgraders: [upgrader],
                notUpgradingCompletionHandler: { $0.eventLoop.makeSucceededFuture(false) }))
        // The default throws away what the server sends in the same packet as its answer.
        configuration.leftOverBytesStrategy = .forwardBytes
        let pipeline = channel.pipeline.syncOperations
        do {
            return try pipeline.configureUpgradableHTTPClientPipeline(configuration: configuration)
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    /// An IPv4 or IPv6 address instead of a name: it cannot stand in the TLS greeting.
    private static func isAddress(_ host: String) -> Bool {
        host.hasPrefix("[") || host.allSatisfy { $0.isNumber || $0 == "." }
    }
}

@available(*, unavailable)
extension WebSocketClient: Sendable {}

/// One WebSocket. All methods on its event loop only.
public final class WebSocket<Delegate: WebSocketDelegate> {
    let handler: WebSocketHandler<Delegate>
    private var delegate: Delegate?
    private var channel: (any Channel)?
    private var isOpen = false

    init(delegate: Delegate, closeTime: TimeAmount) {
        self.delegate = delegate
        handler = WebSocketHandler(delegate: delegate, closeTime: closeTime)
    }

    /// Sends one text message.
    public func send(message: [UInt8]) {
        withContext { handler.send(message: message, $0) }
    }

    /// Closes; the delegate hears nothing more.
    public func close() {
        delegate = nil
        handler.forgetDelegate()
        if isOpen { withContext { handler.close(.normalClosure, $0) } } else { channel?.close(promise: nil) }
    }

    func connected(_ channel: any Channel) {
        self.channel = channel
        if delegate == nil { channel.close(promise: nil) }
    }

    func upgraded() {
        isOpen = true
        guard let delegate else { return close() }
        // It may have ended between the server's answer and now.
        guard handler.hasDelegate else { return }
        delegate.webSocketOpened()
    }

    func failed(_ reason: String) {
        guard !isOpen, let delegate, handler.hasDelegate else { return }
        self.delegate = nil
        handler.forgetDelegate()
        channel?.close(promise: nil)
        delegate.webSocketClosed(reason: reason)
    }

    private func withContext(_ body: (ChannelHandlerContext) -> Void) {
        guard isOpen, let channel, channel.isActive,
            let context = try? channel.pipeline.syncOperations.context(handler: handler)
        else {
            // The channel is gone: its end was or will be reported to the delegate.
            return
        }
        body(context)
    }
}

@available(*, unavailable)
extension WebSocket: Sendable {}
