import Glibc
import Host
import HTTPService
import TestKit
import Testing

@Suite struct LimitTests {
    /// Short times, so that no test waits.
    private static var quick: HTTPLimits {
        var limits = HTTPLimits()
        (limits.head, limits.idle, limits.stall) = (.milliseconds(300), .milliseconds(300), .milliseconds(500))
        return limits
    }

    @Test func `a head of more than 16 KiB is refused, whatever it is made of`() throws {
        let server = try TestServer()
        let long = String(repeating: "y", count: 17_000)
        let many = (0..<900).map { "X-\($0): abcdefghij" }.joined(separator: "\r\n")
        let spaces = "X:" + String(repeating: " ", count: 1 << 20) + "y"
        for more in ["X: \(long)", "\(long): y", many, spaces] {
            #expect(server.ask(head("/", more)).status == 431)
        }
        #expect(server.ask(head("/", "X: " + String(repeating: "y", count: 15_000))).status == 200)
    }

    @Test func `a target of more than 8 KiB is refused`() throws {
        let server = try TestServer()
        let limit = HTTPLimits().targetBytes
        #expect(server.ask(head("/" + String(repeating: "y", count: limit - 1))).status == 200)
        for count in [limit, 12_000, 20_000, 1 << 20] {
            #expect(server.ask(head("/" + String(repeating: "y", count: count))).status == 414)
        }
    }

    @Test func `a request with a body is refused, even if the client sends all of it first`() throws {
        let server = try TestServer()
        let body = String(repeating: "y", count: 1 << 20)
        #expect(server.ask(head("/", "Content-Length: \(body.count)") + body).status == 413)
        #expect(
            server.ask(head("/", "Transfer-Encoding: chunked") + "1\r\ny\r\n0\r\n\r\n").status == 413
        )
        #expect(server.ask(head("/", method: "POST", "Content-Length: 1") + "y").status == 405)
        #expect(server.ask(head("/", "Content-Length: 0")).status == 200)
    }

    @Test func `connections beyond the limit are closed, and the others served`() async throws {
        var limits = HTTPLimits()
        limits.connections = 3
        (limits.head, limits.idle) = (.seconds(600), .seconds(600))
        let server = try TestServer(limits: limits)
        var clients = (0..<3).map { _ in RawClient(server) }
        try await eventually("three are connected") { server.counters.now.connections == 3 }
        for _ in 0..<20 { #expect(RawClient(server).isClosed()) }
        #expect(server.counters.now.connectionsRefused == 20)
        for client in clients { client.send(head("/a")) }
        for client in clients { #expect(client.readToEnd().status == 200) }
        clients = []
        try await eventually("there is room again") { server.counters.now.connections == 0 }
        #expect(server.ask(head("/a")).status == 200)
    }

    @Test func `a head that comes too slowly is cut off`() async throws {
        let server = try TestServer(limits: LimitTests.quick)
        let silent = RawClient(server)
        let slow = RawClient(server)
        slow.send("GET / HTTP/1.1\r\nX:")
        let began = Clock.system.monotonic()
        // A byte now and then does not help.
        while slow.send("y"), Clock.system.monotonic() - began < 15_000_000_000 { usleep(20_000) }
        #expect(Clock.system.monotonic() - began < 15_000_000_000)
        #expect(silent.isClosed())
        try await eventually("both are gone") { server.counters.now.connections == 0 }
        #expect(server.counters.now.headsTimedOut >= 1)
    }

    @Test func `an idle connection is closed`() throws {
        let client = RawClient(try TestServer(limits: LimitTests.quick))
        client.send(head("/a", close: false))
        #expect(client.readToEnd().status == 200)
    }

    @Test func `a client that does not read its answer is cut off`() async throws {
        let server = try TestServer(limits: LimitTests.quick)
        let client = RawClient(server, receiveBytes: 4_096)
        client.send(head("/long/8000000", close: false))
        try await eventually("it is cut off") {
            server.counters.now.clientsCutOff == 1 && server.counters.now.connections == 0
        }
        withExtendedLifetime(client) {}
    }

    @Test func `a client that reads slowly but steadily gets the whole answer`() throws {
        var limits = LimitTests.quick
        limits.stall = .seconds(10)
        let client = RawClient(try TestServer(limits: limits), receiveBytes: 4_096)
        client.send(head("/long/1000000"))
        var count = 0
        while let part = client.read(20_000), !part.isEmpty {
            count += part.utf8.count
            usleep(2_000)
        }
        #expect(count > 1_000_000)
    }
}
