internal import Glibc
internal import Logging
internal import MarketData
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket

extension Simulator {
    // MARK: The market

    static func market(_ options: SimulatorOptions) throws(SimulatorError) -> Market {
        if let path = options.capture { return Market(CapturePlay(try read(path, CaptureParser()))) }
        return options.tickFiles.isEmpty ? try walk(options) : try play(options)
    }

    private static func play(_ options: SimulatorOptions) throws(SimulatorError) -> Market {
        var pairs: [PairMarket] = []
        var start = Int64.max
        var end = Int64.min
        for option in options.tickFiles {
            guard let pair = Pair(option.pair) else {
                throw SimulatorError(.usage, "`\(option.pair)` is not a name such as EUR_USD or DE40")
            }
            guard !pairs.contains(where: { $0.pair == pair }) else {
                throw SimulatorError(.usage, "\(pair) has two tick files")
            }
            let parser = TickFileParser(allowsLateTicks: options.allowsLateTicks)
            let ticks = FileTicks(try read(option.path, parser))
            start = min(start, ticks.beginning)
            end = max(end, ticks.lastTime)
            pairs.append(PairMarket(pair: pair, source: ticks))
        }
        let hour = 3_600 * UTCNanos.perSecond
        return Market(
            pairs: pairs, start: start, end: (floorDivide(end, hour) + 1) * hour + 10 * UTCNanos.perSecond,
            awaited: Set(pairs.map(\.pair)))
    }

    private static func read<Parser: LineParser>(
        _ path: String, _ parser: Parser
    ) throws(SimulatorError) -> Parser.Product {
        do throws(PlayFileError) {
            return try PlayFile<Parser>.read(path, parser)
        } catch {
            throw SimulatorError(error.kind == .unreadable ? .unreadableFile : .badData, error.description)
        }
    }

    private static func walk(_ options: SimulatorOptions) throws(SimulatorError) -> Market {
        let ownRates = try ownRates(options)
        let start = (options.start ?? defaultStart(now: WallClock().second())) * UTCNanos.perSecond
        let pairs = listed(options).map { pair in
            let walk = RandomWalk(pair: pair, seed: options.seed, rate: options.rate, ownRate: ownRates[pair])
            return PairMarket(pair: pair, source: WalkTicks(walk: walk, start: start))
        }
        return Market(pairs: pairs, start: start, end: .max, awaited: [])
    }

    /// The instruments of the walk.
    private static func listed(_ options: SimulatorOptions) -> [Pair] {
        let more = (0..<max(0, options.moreInstruments)).compactMap { place in
            let number = String(place + 1)
            return Pair("IX" + String(repeating: "0", count: max(0, 3 - number.count)) + number)
        }
        return Pair.crosses + more
    }

    private static func ownRates(_ options: SimulatorOptions) throws(SimulatorError) -> [Pair: Double] {
        let listed = Set(listed(options))
        var rates: [Pair: Double] = [:]
        for option in options.pairRates {
            guard let pair = Pair(option.pair), listed.contains(pair) else {
                throw SimulatorError(.usage, "`\(option.pair)` is not a pair of the walk, such as EUR_USD")
            }
            guard rates.updateValue(option.rate, forKey: pair) == nil else {
                throw SimulatorError(.usage, "\(pair) has two rates")
            }
        }
        return rates
    }

    /// Now, on the last weekday from Monday to Thursday: the market then has a day before it.
    static func defaultStart(now: Int64) -> Int64 {
        var start = now
        // 1970-01-01 was a Thursday: with three days added, day 0 of 7 is a Monday.
        while (floorDivide(start, 86_400) + 3) % 7 > 3 { start -= 86_400 }
        return start
    }

    // MARK: The port

    static func tls(_ options: SimulatorOptions) throws(SimulatorError) -> NIOSSLContext? {
        guard let certificate = options.certificate, let key = options.privateKey else {
            guard options.certificate == nil, options.privateKey == nil else {
                throw SimulatorError(.usage, "TLS needs both a certificate and a key")
            }
            return nil
        }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
            let privateKey = NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            return try NIOSSLContext(
                configuration: .makeServerConfiguration(certificateChain: chain, privateKey: privateKey))
        } catch {
            throw SimulatorError(.unreadableFile, "TLS with \(certificate) and \(key): \(error)")
        }
    }

    static func listen(
        _ options: SimulatorOptions, tls: NIOSSLContext?, core: NIOLoopBound<SimulatorCore>,
        group: MultiThreadedEventLoopGroup
    ) throws -> any Channel {
        try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // The bytes that may wait here for a slow reader, besides the kernel's buffers.
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 256 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let core = core.value
                    try channel.pipeline.syncOperations.addHandler(SlowLine(core: core))
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try HTTPPipeline(core: core, loop: channel.eventLoop).install(in: channel, core: core)
                    core.opened(channel)
                }
            }
            .bind(host: options.host, port: options.port).wait()
    }
}

extension SimulatorCore {
    /// Keeps count of a connection until it is closed.
    func opened(_ channel: any Channel) {
        let key = ObjectIdentifier(channel)
        connections[key] = channel
        let core = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.closeFuture.whenComplete { _ in core.value.connections[key] = nil }
    }

    var connectionCount: Int { connections.count }

    /// Lets every stream end: a close frame, the last chunk, then the connection.
    func closeStreams() {
        stream.flush()
        for socket in webSockets.values { socket.close(code: .goingAway) }
        for session in stream.sessions.values { session.outlet?.endStream() }
        let sockets = Set(webSockets.values.map { ObjectIdentifier($0.connection) })
        for (key, channel) in connections where !sockets.contains(key) {
            // Behind the last bytes; input stays open a moment longer so that nothing is reset. Clients that
            // keep idle connections would never close them.
            channel.close(mode: .output).whenComplete { _ in
                channel.eventLoop.scheduleTask(in: .milliseconds(500)) { channel.close(promise: nil) }
            }
        }
    }
}
