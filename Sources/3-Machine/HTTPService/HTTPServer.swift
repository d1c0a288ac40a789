internal import Glibc
public import Host
public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// An HTTP/1.1 server for GET and HEAD that stays within its limits whatever its clients do. One event loop, on a thread of
/// its own. Source: docs/http-api.md § Who may ask, docs/decisions/0045-http-by-nio.md.
public final class HTTPServer: Sendable {
    public struct Options: Sendable {
        public var address: ListenAddress
        public var access: HTTPAccess
        public var limits = HTTPLimits()
        public var responder: any HTTPResponder
        public var clock: Clock
        public var logger: Logger

        public init(
            address: ListenAddress, access: HTTPAccess, responder: any HTTPResponder, clock: Clock, logger: Logger
        ) {
            (self.address, self.access, self.responder) = (address, access, responder)
            (self.clock, self.logger) = (clock, logger)
        }
    }

    /// Where it listens, with the port that the system chose.
    public let address: ListenAddress
    private let group: MultiThreadedEventLoopGroup
    private let core: NIOLoopBound<HTTPServerCore>
    private let channel: any Channel
    private let sweep: RepeatedTask
    private let socket: UnixSocketFile?
    private let turn: Turn

    /// Monotonic time of the event loop's last look at its connections.
    private final class Turn: Sendable {
        let time: Atomic<Int64>
        init(_ time: Int64) { self.time = Atomic(time) }
    }

    /// Between two looks at connections that take too long.
    private static let sweepMilliseconds: Int64 = 200

    /// Binds, and answers from now on.
    /// - Throws: `Failure` (74) if it cannot listen there; (75) if another process has the Unix socket; (78) if something
    ///   else has its path.
    public init(_ options: Options, counters: HTTPCounters) throws {
        socket = if case .unix(let path) = options.address { try UnixSocketFile(path) } else { nil }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.group = group
        let loop = group.next()
        do {
            let core = try loop.submit {
                NIOLoopBound(HTTPServerCore(options, counters: counters, loop: loop), eventLoop: loop)
            }.wait()
            channel = try HTTPServer.listen(at: options.address, group, core)
            try socket?.letGroupConnect()
            let turn = Turn(options.clock.monotonic())
            let pause = TimeAmount.milliseconds(HTTPServer.sweepMilliseconds)
            sweep = loop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { _ in
                core.value.closeDue()
                turn.time.store(options.clock.monotonic(), ordering: .relaxed)
            }
            (self.core, self.turn) = (core, turn)
        } catch {
            // The group must not outlive us; the first error is the one that matters.
            try? group.syncShutdownGracefully()
            throw (error as? Failure) ?? Failure(.io, "cannot listen at \(options.address): \(error)")
        }
        address = options.address.with(port: channel.localAddress?.port)
    }

    /// Monotonic time at which the event loop was last seen at work.
    public var lastTurn: Int64 { turn.time.load(ordering: .relaxed) }

    /// Stops listening, and closes all connections.
    public func stop() {
        // What cannot be closed in order ends with the process.
        try? channel.close().wait()
        try? group.next().submit { [core, sweep] in
            sweep.cancel()
            core.value.closeAll()
        }.wait()
        try? group.syncShutdownGracefully()
        socket?.remove()
    }

    private static func listen(
        at address: ListenAddress, _ group: MultiThreadedEventLoopGroup, _ core: NIOLoopBound<HTTPServerCore>
    ) throws -> any Channel {
        let isTCP = if case .tcp = address { true } else { false }
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HTTPGate(core.value))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4_096))
            // What the system keeps of a slow client counts as ours, too.
            .childChannelOption(.socketOption(.so_sndbuf), value: 131_072)
            .childChannelOption(.socketOption(.so_rcvbuf), value: 32_768)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try prepare(channel, core.value) }
            }
        if isTCP { bootstrap = bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1) }
        switch address {
        case .unix(let path): return try bootstrap.bind(unixDomainSocketPath: path).wait()
        case .tcp(let host, let port):
            guard host == "*" else {
                return try bootstrap.bind(host: host.filter { !"[]".contains($0) }, port: Int(port)).wait()
            }
            // All addresses; a machine without IPv6 has those of IPv4 alone.
            do { return try bootstrap.bind(host: "::", port: Int(port)).wait() } catch let error as IOError
                where error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL
            { return try bootstrap.bind(host: "0.0.0.0", port: Int(port)).wait() }
        }
    }

    private static func prepare(_ channel: any Channel, _ core: HTTPServerCore) throws {
        guard let connection = core.newConnection() else { throw ChannelError.ioOnClosedChannel }
        let bound = NIOLoopBound((core, connection), eventLoop: channel.eventLoop)
        channel.closeFuture.whenComplete { _ in bound.value.0.remove(bound.value.1) }
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = core.limits.headBytes
        limits.maxHeaderListSize = core.limits.headBytes
        limits.maxHeaderFieldCount = 100
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        var framing = HTTPResponseEncoder.Configuration()
        framing.automaticallySetFramingHeaders = false
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandlers([
            connection.headGuard, ByteToMessageHandler(decoder), HTTPResponseEncoder(configuration: framing),
            HTTPServerPipelineHandler(), connection,
        ])
    }
}

/// Closes new connections beyond the limit before anything is done for them.
private final class HTTPGate: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let core: HTTPServerCore

    init(_ core: HTTPServerCore) { self.core = core }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if core.hasRoom { return context.fireChannelRead(data) }
        core.counters.add(\.connectionsRefused)
        unwrapInboundIn(data).close(promise: nil)
    }
}

extension ListenAddress {
    /// With the port that the system chose.
    fileprivate func with(port: Int?) -> ListenAddress {
        guard case .tcp(let host, _) = self, let port = port.flatMap(UInt16.init(exactly:)) else { return self }
        return .tcp(host: host, port: port)
    }
}
