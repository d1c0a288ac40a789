import Foundation
import Streams
import Testing
import TestKit
import Wire

/// The relay and the commands around it, as an operator uses them.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct RelayTests {
    @Test func `keys are made and allowed, and the tap of another machine shows what the one here shows`() async throws
    {
        let pipeline = Pipeline()
        pipeline.configure(
            "instruments: [EUR_USD]\nrelay: {listen: '127.0.0.1:0'}\nstream: {login_spacing_seconds: 0}\n")
        let files = SteadyFeed.arguments(seconds: 43_200, in: pipeline.folder)
        try await pipeline.startAll(simulator: files + ["--speed", "60"])
        try await run(pipeline, ["keys", "new", "--server"])
        let relay = try await pipeline.start("candlewick-relay")
        let live = try #require(try await relay.ready()["live"])
        let away = ["CANDLEWICK_STATE_DIR": pipeline.folder.path + "/away"]
        let made = try await run(pipeline, ["keys", "new", "desk"], away)
        #expect(made.contains("candlewick keys allow '"))
        let keys = pipeline.folder.path + "/away/keys/desk.key_"
        let host = [
            "--from-host", String(live.dropFirst("tcp://".utf8.count)),
            "--server-key", pipeline.state + "/keys/server.key_public", "--key", keys + "secret",
        ]
        let refused = try await pipeline.result("candlewick", ["tap", "ticks", "--count", "1"] + host, with: away)
        #expect(refused.code == 77 && refused.errors.contains("candlewick keys allow '"), "\(refused)")
        try await run(pipeline, ["keys", "allow", keys + "public", "desk"])

        for stream in ["ticks", "candles", "feed"] {
            let arguments = ["tap", stream, "--from", "1", "--count", "2", "--json"]
            let here = try await run(pipeline, arguments)
            #expect(try await run(pipeline, arguments + host, away) == here && !here.isEmpty)
        }
        for stream in ["stored", "forming", "status"] {
            let lines = try await run(pipeline, ["tap", stream, "--count", "2", "--for", "30s"] + host, away)
            #expect(lines.split(separator: "\n").count == 2, "\(stream): \(lines)")
        }
        let listed = try await run(pipeline, ["keys", "list"])
        #expect(listed.contains("server") && listed.contains("allowed"))

        let tap = try pipeline.launch("candlewick", ["tap", "ticks"] + host, with: away)
        try await eventually("it taps", within: .seconds(20)) { tap.standardOutput.contains("\n") }
        try await run(pipeline, ["keys", "remove", "desk"])
        #expect(try await tap.ended(within: .seconds(20)) == 77)

        relay.terminate()
        #expect(try await relay.ended(within: .seconds(5)) == 0)
        #expect(try await pipeline.stop().values.allSatisfy { $0 == 0 })
    }

    @discardableResult
    private func run(
        _ pipeline: Pipeline, _ arguments: [String], _ changes: [String: String?] = [:]
    ) async throws -> String {
        let result = try await pipeline.result("candlewick", arguments, with: changes, within: .seconds(40))
        #expect(result.code == 0, "\(arguments): \(result)")
        return result.output
    }

    @Test func `a relay that cannot serve says what to do`() async throws {
        let pipeline = Pipeline()
        let off = try await pipeline.result("candlewick-relay")
        #expect(off.code == 78 && off.errors.contains("relay.listen"), "\(off)")
        pipeline.configure("relay: {listen: '127.0.0.1:0'}\n")
        let keyless = try await pipeline.result("candlewick-relay")
        #expect(keyless.code == 78 && keyless.errors.contains("candlewick keys new --server"), "\(keyless)")
        for wrong in ["7411", "here", "127.0.0.1:65535", "[7411]"] {
            pipeline.configure("relay:\n  listen: \(wrong)\n")
            let refused = try await pipeline.result("candlewick-relay")
            #expect(refused.code == 78 && refused.errors.contains("candlewick.yaml:2:"), "\(refused)")
        }
        try await run(pipeline, ["keys", "new", "--server"])
        let taken = listenOnLoopback()
        defer { close(taken.descriptor) }
        pipeline.configure("relay: {listen: '127.0.0.1:\(taken.port)'}\n")
        let second = try await pipeline.result("candlewick-relay")
        #expect(second.code == 74 && second.errors.contains("Address already in use"), "\(second)")
    }

    @Test func `a relay that is not there is named`() async throws {
        let pipeline = Pipeline()
        try await run(pipeline, ["keys", "new", "desk"])
        let closed = listenOnLoopback()
        close(closed.descriptor)
        let keys = pipeline.state + "/keys/desk.key_"
        let options = ["--server-key", keys + "public", "--key", keys + "secret"]
        let missing = try await pipeline.result(
            "candlewick", ["tap", "ticks", "--from-host", "127.0.0.1:\(closed.port)"] + options, within: .seconds(30))
        #expect(missing.code == 69 && missing.errors.contains("no relay answers at 127.0.0.1:"), "\(missing)")
        let address = ["--from-host", "127.0.0.1:1"]
        let wrong = [
            ["--from-host", "127.0.0.1"] + options, address, options, ["--from-host", "*:1"] + options,
            address + ["--collector", "main"] + options,
        ]
        for wrong in wrong {
            #expect(try await pipeline.result("candlewick", ["tap", "ticks"] + wrong).code == 64, "\(wrong)")
        }
    }

    /// Without keys, from a machine that may do nothing at all.
    @Test func `connections without a key neither end the relay nor shut a client out for long`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("relay: {listen: '127.0.0.1:0'}\n")
        try await run(pipeline, ["keys", "new", "--server"])
        try await run(pipeline, ["keys", "new", "desk"])
        let keys = pipeline.state + "/keys/"
        try await run(pipeline, ["keys", "allow", keys + "desk.key_public", "desk"])
        let relay = try await pipeline.start("candlewick-relay")
        let live = try #require(try await relay.ready()["live"]).dropFirst("tcp://".utf8.count)
        let address = try #require(RelayAddress(String(live)))
        var peers: [Int32] = []
        defer { for peer in peers { close(peer) } }
        for _ in 0..<700 { peers.append(connected(to: address.port)) }
        #expect(peers.allSatisfy { $0 >= 0 } && relay.isRunning)
        try await eventually("some were turned away", within: .seconds(20)) {
            relay.standardError.contains("Connections refused")
        }
        // Those that do not show a key in time are cut.
        let options = ["--server-key", keys + "server.key_public", "--key", keys + "desk.key_secret", "--for", "1s"]
        try await eventually("an allowed client is let in") {
            try await pipeline.result("candlewick", ["tap", "ticks", "--from-host", String(live)] + options).code == 0
        }
        relay.terminate()
        #expect(try await relay.ended(within: .seconds(5)) == 0)
    }

    private func connected(to port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if isConnected { return descriptor }
        close(descriptor)
        return -1
    }
}
