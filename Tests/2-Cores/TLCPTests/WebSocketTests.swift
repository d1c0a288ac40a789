import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization
import Testing
import TLCP
import TLCPWebSocket

/// A WebSocket server on a free port that sends what the test says as soon as a client is upgraded.
private final class TestServer: Sendable {
    let channel: any Channel
    var port: Int { channel.localAddress?.port ?? 0 }

    struct Options: Sendable {
        var frames: [WebSocketFrame] = []
        /// Sends frames and upgrade answer in one packet.
        var speaksFirst = true
        var subprotocol: String? = "TLCP-2.4.0.lightstreamer.com"
        var tls: NIOSSLContext?
        /// Does not read any more once a client is upgraded.
        var isDeaf = false
        /// The client's frames, as `opcode:text`.
        let heard = Heard()
    }

    final class Heard: Sendable {
        private let texts = Mutex<[String]>([])
        func add(_ text: String) { texts.withLock { $0.append(text) } }
        var all: [String] { texts.withLock { $0 } }
    }

    init(_ options: Options) async throws {
        var bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        // What it does not read then waits at the client.
        if options.isDeaf { bootstrap = bootstrap.serverChannelOption(.socketOption(.so_rcvbuf), value: 4_096) }
        channel =
            try await bootstrap
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls = options.tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try TestServer.configure(channel, options)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private static func configure(_ channel: any Channel, _ options: Options) throws {
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 20,
            shouldUpgrade: { channel, _ in
                var headers = HTTPHeaders()
                if let name = options.subprotocol { headers.add(name: "Sec-WebSocket-Protocol", value: name) }
                return channel.eventLoop.makeSucceededFuture(headers)
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Listener(heard: options.heard))
                    if options.isDeaf { _ = channel.setOption(.autoRead, value: false) }
                    for frame in options.frames { channel.write(frame, promise: nil) }
                    channel.flush()
                }
            })
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = WebSocketFrame
        let heard: Heard
        init(heard: Heard) { self.heard = heard }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            heard.add(
                "\(frame.maskKey == nil ? "unmasked " : "")\(frame.opcode):"
                    + String(decoding: frame.unmaskedData.readableBytesView, as: UTF8.self))
        }
    }
}

/// Keeps what one WebSocket brings. Everything on the event loop.
private final class Collector: WebSocketDelegate {
    var received: [UInt8] = []
    var log: [String] = []
    var bursts = 0

    func webSocketOpened() { log.append("opened") }
    func webSocketReceived(_ bytes: UnsafeRawBufferPointer) { received += bytes }
    func webSocketBurstEnded() { bursts += 1 }
    func webSocketClosed(reason: String) { log.append("closed: \(reason)") }
}

/// One client with its own delegate, used from the test's task.
private final class TestClient: Sendable {
    let loop: any EventLoop
    private let parts: NIOLoopBoundBox<(Collector, WebSocket<Collector>?)>

    init(
        port: Int, secure: Bool = false, host: String = "127.0.0.1", options: WebSocketOptions = WebSocketOptions()
    ) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        self.loop = loop
        parts = try await loop.submit {
            let client = try WebSocketClient(options: options, eventLoop: loop)
            let collector = Collector()
            let endpoint = try #require(Endpoint("\(secure ? "wss" : "ws")://\(host):\(port)"))
            let socket = client.open(endpoint, subprotocol: "TLCP-2.4.0.lightstreamer.com", delegate: collector)
            return NIOLoopBoundBox((collector, socket), eventLoop: loop)
        }.get()
    }

    func log() async throws -> [String] { try await loop.submit { [parts] in parts.value.0.log }.get() }
    func received() async throws -> [UInt8] { try await loop.submit { [parts] in parts.value.0.received }.get() }
    func send(_ text: String) async throws {
        try await loop.submit { [parts] in parts.value.1?.send(message: Array(text.utf8)) }.get()
    }
    func close() async throws { try await loop.submit { [parts] in parts.value.1?.close() }.get() }
}

/// Polls until the condition holds; the only place that waits.
private func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    for _ in 0..<1_000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("not within 5 s: \(what)")
}

private func frame(_ opcode: WebSocketOpcode, _ text: String, fin: Bool = true, mask: WebSocketMaskingKey? = nil)
    -> WebSocketFrame
{
    WebSocketFrame(fin: fin, opcode: opcode, maskKey: mask, data: ByteBuffer(string: text))
}

@Suite(.serialized) struct WebSocketTests {
    @Test func `nothing is lost from a server that speaks first, 200 connections`() async throws {
        var options = TestServer.Options()
        options.frames = (0..<5).map { frame(.text, "line \($0)\r\n") }
        let server = try await TestServer(options)
        defer { server.channel.close(promise: nil) }
        let expected = Array((0..<5).map { "line \($0)\r\n" }.joined().utf8)
        for _ in 0..<200 {
            let client = try await TestClient(port: server.port)
            try await eventually("all five lines") { try await client.received().count >= expected.count }
            #expect(try await client.received() == expected)
            try await client.close()
        }
    }

    @Test func `fragments, large frames and pings in between are one stream of bytes`() async throws {
        let large = String(repeating: "x", count: 600_000)
        var options = TestServer.Options()
        options.frames = [
            frame(.text, "U,1,1,1.1", fin: false), frame(.ping, "are you there"),
            frame(.continuation, "6459|", fin: false),
            frame(.continuation, "2\r\n"), frame(.text, large),
        ]
        let server = try await TestServer(options)
        defer { server.channel.close(promise: nil) }
        let client = try await TestClient(port: server.port)
        let expected = Array("U,1,1,1.16459|2\r\n\(large)".utf8)
        try await eventually("all bytes") { try await client.received().count == expected.count }
        #expect(try await client.received() == expected)
        try await client.send("wsok")
        try await eventually("the answers") { options.heard.all.count == 2 }
        #expect(Set(options.heard.all) == ["\(WebSocketOpcode.pong):are you there", "\(WebSocketOpcode.text):wsok"])
    }

    @Test func `a server that does not read what it is sent is given up`() async throws {
        var options = TestServer.Options()
        options.isDeaf = true
        options.frames = [frame(.text, "line\r\n")]
        let server = try await TestServer(options)
        defer { server.channel.close(promise: nil) }
        let client = try await TestClient(port: server.port)
        try await eventually("it is open") { try await !client.received().isEmpty }
        // Far more than the system keeps for a connection.
        let message = String(repeating: "x", count: 200_000)
        for _ in 0..<100 { try await client.send(message) }
        try await eventually("the end") { try await client.log().contains { $0.hasPrefix("closed") } }
        #expect(try await client.log().last == "closed: the server does not read what it is sent")
    }

    @Test(arguments: [
        ("masked", "closed: masked frame from the server"), ("binary", "closed: binary message"),
        ("lonely", "closed: continuation without a message"), ("nested", "closed: message inside a message"),
    ])
    func `frames that a server must not send end the connection`(kind: String, reason: String) async throws {
        var options = TestServer.Options()
        options.frames =
            switch kind {
            case "masked": [frame(.text, "x", mask: [1, 2, 3, 4])]
            case "binary": [frame(.binary, "x")]
            case "lonely": [frame(.continuation, "x")]
            default: [frame(.text, "x", fin: false), frame(.text, "y")]
            }
        let server = try await TestServer(options)
        defer { server.channel.close(promise: nil) }
        let client = try await TestClient(port: server.port)
        try await eventually("the end") { try await client.log().contains { $0.hasPrefix("closed") } }
        #expect(try await client.log().last == reason)
    }

    @Test(arguments: [nil, "TLCP-2.5.0.lightstreamer.com"])
    func `a server that does not agree to the sub-protocol is refused`(name: String?) async throws {
        var options = TestServer.Options()
        options.subprotocol = name
        let server = try await TestServer(options)
        defer { server.channel.close(promise: nil) }
        let client = try await TestClient(port: server.port)
        try await eventually("the end") { try await !client.log().isEmpty }
        #expect(try await client.log() == ["closed: the server did not agree to TLCP-2.4.0.lightstreamer.com"])
    }

    @Test func `a port without a listener is reported`() async throws {
        let server = try await TestServer(TestServer.Options())
        let port = server.port
        try await server.channel.close()
        let client = try await TestClient(port: port)
        try await eventually("the end") { try await !client.log().isEmpty }
        #expect(try await client.log().count == 1)
        #expect(try await client.log().first?.hasPrefix("closed") == true)
    }

    @Test func `a server that never answers the upgrade is given up in time`() async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        defer { silent.close(promise: nil) }
        var options = WebSocketOptions()
        options.openMillis = 200
        let client = try await TestClient(port: silent.localAddress?.port ?? 0, options: options)
        try await eventually("the end") { try await !client.log().isEmpty }
        #expect(try await client.log() == ["closed: WebSocket not open within 200 ms"])
    }

    @Test func `a close by the server is reported once, with its code`() async throws {
        var data = ByteBuffer()
        data.write(webSocketErrorCode: .goingAway)
        data.writeString("restart")
        var options = TestServer.Options()
        options.frames = [WebSocketFrame(fin: true, opcode: .connectionClose, data: data)]
        let server = try await TestServer(options)
        defer { server.channel.close(promise: nil) }
        let client = try await TestClient(port: server.port)
        try await eventually("the end") { try await client.log().contains { $0.hasPrefix("closed") } }
        #expect(try await client.log().last == "closed: closed by the server: 1001 restart")
    }

    @Test func `certificates are verified, by chain and by name`() async throws {
        let pem = try Certificates()
        let server = try await TestServer(try pem.serverOptions())
        defer { server.channel.close(promise: nil) }
        var trusting = WebSocketOptions()
        trusting.trustFile = pem.certificate
        let good = try await TestClient(port: server.port, secure: true, host: "localhost", options: trusting)
        try await eventually("a line over TLS") { try await good.received() == Array("WSOK\r\n".utf8) }
        for (host, options) in [("localhost", WebSocketOptions()), ("127.0.0.1", trusting)] {
            let bad = try await TestClient(port: server.port, secure: true, host: host, options: options)
            try await eventually("refusal of \(host)") { try await !bad.log().isEmpty }
            #expect(try await bad.log().first?.hasPrefix("closed") == true)
            #expect(try await bad.received().isEmpty)
        }
    }
}

/// A self-signed certificate for `localhost`, made by the openssl command.
private struct Certificates {
    let certificate: String
    let key: String

    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tlcp-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        certificate = folder.appendingPathComponent("cert.pem").path
        key = folder.appendingPathComponent("key.pem").path
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        try #require(openssl.terminationStatus == 0)
    }

    func serverOptions() throws -> TestServer.Options {
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
        var options = TestServer.Options()
        options.tls = try NIOSSLContext(configuration: configuration)
        options.frames = [frame(.text, "WSOK\r\n")]
        return options
    }
}
