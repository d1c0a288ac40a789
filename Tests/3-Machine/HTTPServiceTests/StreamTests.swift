import Glibc
import HTTPService
import Synchronization
import TestKit
import Testing

@Suite struct StreamTests {
    private let responder = EchoResponder()

    private func open(_ server: TestServer, _ client: RawClient) async throws -> any HTTPStream {
        let before = responder.streams.withLock { $0.count }
        client.send(head("/stream", close: false))
        try await eventually("the stream is open") { responder.streams.withLock { $0.count } > before }
        return try #require(responder.newest)
    }

    @Test func `what is sent arrives in its order, until the stream is closed`() async throws {
        let server = try TestServer(responder)
        let client = RawClient(server)
        let stream = try await open(server, client)
        #expect(server.counters.now.streams == 1)
        try await onOwnThread { for number in 0..<1_000 { stream.send(Array("\(number);".utf8)) } }
        stream.close()
        let text = client.readToEnd()
        #expect(text.header("Transfer-Encoding") == "chunked")
        #expect(unchunked(text.body) == (0..<1_000).map { "\($0);" }.joined())
        #expect(!stream.send([0]))
        #expect(server.counters.now.streams == 0)
    }

    @Test func `an old client gets the bytes as they are`() async throws {
        let server = try TestServer(responder)
        let client = RawClient(server)
        client.send("GET /stream HTTP/1.0\r\n\r\n")
        try await eventually("the stream is open") { responder.newest != nil }
        responder.newest?.send(Array("hello".utf8))
        responder.newest?.close()
        let text = client.readToEnd()
        #expect(text.hasPrefix("HTTP/1.0 200"))
        #expect(text.body == "hello")
    }

    @Test func `the end of a client is told once, also to those who ask late`() async throws {
        let server = try TestServer(responder)
        var client: RawClient? = RawClient(server)
        let stream = try await open(server, try #require(client))
        let count = Count()
        stream.onClose { count.add() }
        client = nil
        try await eventually("it is gone") { count.value == 1 }
        #expect(!stream.send([1]))
        stream.onClose { count.add() }
        #expect(count.value == 2)
    }

    @Test func `a client that does not read is cut off beyond the limit, and the others go on`() async throws {
        let server = try TestServer(responder)
        let deaf = RawClient(server, receiveBytes: 4_096)
        let deafStream = try await open(server, deaf)
        let good = RawClient(server)
        let goodStream = try await open(server, good)
        let bytes = [UInt8](repeating: 65, count: 10_000)
        var sent = 0
        while deafStream.send(bytes), sent < 10_000_000 { sent += bytes.count }
        #expect(sent < 3_000_000)
        try await eventually("it is gone") {
            server.counters.now.clientsCutOff == 1 && server.counters.now.streams == 1
        }
        goodStream.send(Array("still here".utf8))
        goodStream.close()
        #expect(unchunked(good.readToEnd().body) == "still here")
        withExtendedLifetime(deaf) {}
    }

    @Test func `a client that reads nothing for long is cut off, however little waits`() async throws {
        var limits = HTTPLimits()
        limits.stall = .milliseconds(300)
        let server = try TestServer(limits: limits, responder)
        let deaf = RawClient(server, receiveBytes: 4_096)
        let stream = try await open(server, deaf)
        stream.send([UInt8](repeating: 65, count: 900_000))
        try await eventually("it is gone") { server.counters.now.clientsCutOff == 1 }
        #expect(!stream.send([0]))
        withExtendedLifetime(deaf) {}
    }

    @Test func `streams beyond the limit are refused with the time to come again`() async throws {
        var limits = HTTPLimits()
        limits.streams = 1
        let server = try TestServer(limits: limits, responder)
        let first = RawClient(server)
        let stream = try await open(server, first)
        let refused = server.ask(head("/stream"))
        #expect(refused.status == 503)
        #expect(refused.header("Retry-After") == "1")
        stream.close()
        #expect(first.readToEnd().status == 200)
        _ = try await open(server, RawClient(server))
    }

    @Test func `all streams together have a limit, too`() async throws {
        var limits = HTTPLimits()
        limits.unsentBytes = 1_000_000
        let server = try TestServer(limits: limits, responder)
        var deaf: [(RawClient, any HTTPStream)] = []
        for _ in 0..<8 {
            let client = RawClient(server, receiveBytes: 4_096)
            deaf.append((client, try await open(server, client)))
        }
        let bytes = [UInt8](repeating: 65, count: 10_000)
        for _ in 0..<80 { for (_, stream) in deaf { stream.send(bytes) } }
        // Eight times 800 kB would be within the limit of each.
        try await eventually("some are cut off") { server.counters.now.clientsCutOff > 0 }
        withExtendedLifetime(deaf) {}
    }
}

private final class Count: Sendable {
    private let number = Mutex(0)
    var value: Int { number.withLock { $0 } }
    func add() { number.withLock { $0 += 1 } }
}

/// The content of chunks. Source: RFC 9112 § 7.1.
private func unchunked(_ text: String) -> String {
    var rest = text[...]
    var content = ""
    while let line = rest.firstRange(of: "\r\n"), let count = Int(rest[..<line.lowerBound], radix: 16), count > 0 {
        let chunk = rest[line.upperBound...].prefix(count)
        content += chunk
        rest = rest[chunk.endIndex...].dropFirst()
    }
    return content
}
