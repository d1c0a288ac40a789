import Foundation
import Glibc
import Host
import IGClient
import Logging
@testable import StreamIngest
import Synchronization
import Testing
import TestKit

/// All data that a broker sends or causes has a bound.
@Suite struct BoundTests {
    /// Answers one request with a head and then the same bytes until the client leaves.
    private final class EndlessServer: Sendable {
        let port: Int

        init(head: String, piece: String) throws {
            let (socket, port) = listenOnLoopback()
            self.port = Int(port)
            Thread.detachNewThread {
                let client = accept(socket, nil, nil)
                var request = [UInt8](repeating: 0, count: 65_536)
                _ = read(client, &request, request.count)
                _ = send(client, head, head.utf8.count, Int32(MSG_NOSIGNAL))
                while send(client, piece, piece.utf8.count, Int32(MSG_NOSIGNAL)) > 0 {}
                // Unread bytes would turn the end into a reset.
                shutdown(client, Int32(SHUT_RDWR))
                close(client)
                close(socket)
            }
        }
    }

    private let piece = String(repeating: "REQOK,1\r\n", count: 1_000)

    @Test func `an answer to a control request that does not end is cut off`() throws {
        let server = try EndlessServer(head: "HTTP/1.1 200 OK\r\n\r\n", piece: piece)
        let post = StreamingPost(url: "http://127.0.0.1:\(server.port)/control.txt", body: [])
        var count = 0
        let reason = post.run(timeoutSeconds: 10, answerSizeMax: 100_000) { count += $0.count }
        #expect(reason == "the answer is longer than 100000 bytes")
        #expect(count <= 100_000)
    }

    @Test func `an answer whose headers do not end is cut off`() throws {
        let server = try EndlessServer(head: "HTTP/1.1 200 OK\r\n", piece: "x-\(piece.prefix(5_000).count): y\r\n")
        let client = RESTClient(base: "http://127.0.0.1:\(server.port)", apiKey: Secret("k"))
        client.answerSeconds = 10
        let error = #expect(throws: (any Error).self) { try client.send(RESTRequest(.get, "/session", version: 1)) }
        #expect("\(error!)".contains("Failed writing") || "\(error!)".contains("Too large"), "\(error!)")
    }

    @Test func `an address that libcurl does not take is an error with a sentence`() {
        let path = "/" + String(repeating: "p", count: 8 << 20)
        let reason = StreamingPost(url: "http://127.0.0.1:1\(path)", body: []).run { _ in }
        #expect(reason == "the address has 8388627 bytes, the limit is 65536")
        let client = RESTClient(base: "http://127.0.0.1:1", apiKey: Secret("k"))
        let error = #expect(throws: (any Error).self) { try client.send(RESTRequest(.get, path, version: 1)) }
        #expect("\(error!)".contains("the limit is 65536"))
    }
}

@Suite struct LogThrottleTests {
    private let lines = LoggedLines()
    private var logger: Logger { lines.logger }
    private let second: Int64 = 1_000_000_000

    @Test func `a storm of changing subjects has so many lines a minute, and one that counts the others`() {
        var throttle = LogThrottle()
        for number in 0..<10_000 { throttle.warn("Odd", ["error": "\(number)"], now: second, logger) }
        for _ in 0..<10_000 { throttle.say(.info, "Session rebound", now: second, logger) }
        #expect(lines.take().count == 100)
        throttle.tellLeftOut(now: 60 * second, logger)
        #expect(lines.take().isEmpty)
        throttle.tellLeftOut(now: 61 * second, logger)
        let told = lines.take().sorted()
        #expect(told.count == 2 && told.allSatisfy { $0.contains("count=9950") }, "\(told)")
        throttle.warn("Odd", ["error": "again"], now: 62 * second, logger)
        #expect(lines.take().count == 1)
    }

    @Test func `a storm that goes on has a line for each minute that is over`() {
        var throttle = LogThrottle()
        for step in 0..<1_800 { throttle.say(.notice, "Session began", now: Int64(step) * second / 10, logger) }
        let told = lines.take()
        #expect(told.count == 3 * 50 + 2)
        #expect(told.filter { $0.contains("suppressed") && $0.contains("count=550") }.count == 2)
    }

    @Test func `what is below the level is not counted`() {
        var throttle = LogThrottle()
        for _ in 0..<100 { throttle.say(.debug, "Detail", now: 0, logger) }
        throttle.tellLeftOut(now: 61 * second, logger)
        #expect(lines.take().isEmpty)
    }
}
