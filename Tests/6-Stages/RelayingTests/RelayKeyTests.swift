import Foundation
import Host
import MarketData
import Recording
import Streams
import Testing
import TestKit
import Wire

/// Who may connect to the real relay.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct RelayKeyTests {
    @Test func `an unknown key is refused, and allowed without a restart`() async throws {
        let world = try RelayWorld()
        try await world.startRelay()
        let stranger = try CurvePair()
        let failure = try #require(throws: Failure.self) { try world.tap(stranger) }
        #expect(failure.code == .notPermitted && failure.description.contains("'\(stranger.publicKey)'"))
        try world.keys.allow(stranger.publicKey, as: "stranger")
        let seen = try world.take(10, of: try world.tap(stranger))
        try world.expectSeamless(seen)
        #expect(try #require(world.relay).standardError.contains("Client refused: its key is not allowed"))
    }

    @Test func `another server's key is noticed`() async throws {
        let world = try RelayWorld()
        try await world.startRelay()
        let login = RelayLogin(
            address: world.address, serverKey: try CurvePair().publicKey, pair: world.client)
        let failure = try #require(throws: Failure.self) {
            try Tap<TickEnvelope>(stream: .ticks, relay: login, from: .now, stop: -1, logger: quietLogger())
        }
        #expect(failure.code == .unavailable && failure.description.contains("server_key") == false)
        #expect(failure.description.contains("server.key_public"))
    }

    @Test func `without a key nothing is heard, while an allowed client hears`() async throws {
        let world = try RelayWorld()
        try await world.startRelay()
        let plain = try Subscriber(context: try BusContext(), endpoint: "tcp://\(world.address)")
        let seen = try world.take(2_000, of: try world.tap())
        try world.expectSeamless(seen)
        #expect(!plain.receive { _ in })
    }

    @Test func `a removed key ends its connection, and the others go on without a seam`() async throws {
        let world = try RelayWorld()
        try await world.startRelay()
        let other = try CurvePair()
        try world.keys.allow(other.publicKey, as: "other")
        let taps = (kept: try world.tap(from: .now), removed: try world.tap(from: .now, other))
        var seen = try world.take(200, of: taps.kept)
        _ = try world.take(200, of: taps.removed)
        try world.keys.remove("other")
        var failure: Failure?
        try await eventually("the removed key is refused", within: .seconds(20)) {
            seen += try world.take(5, of: taps.kept)
            do { _ = try taps.removed.poll(milliseconds: 1) { _ in } } catch let error as Failure { failure = error }
            return failure != nil
        }
        #expect(failure?.code == .notPermitted)
        seen += try world.take(3_000, of: taps.kept)
        try world.expectSeamless(seen)
        // The first tap began first.
        #expect(taps.kept.missing == 0 && seen.count >= 3_200)
        #expect(try #require(throws: Failure.self) { try world.tap(other) }.code == .notPermitted)
    }

    @Test func `key files that cannot be read let nobody in`() async throws {
        let world = try RelayWorld()
        try await world.startRelay()
        _ = try world.take(10, of: try world.tap())
        TemporaryFolder.overwrite(world.keys.path + "/allowed/client.key_public", Array("no key\n".utf8))
        try await eventually("it is refused") {
            do {
                _ = try world.tap()
                return false
            } catch let failure as Failure {
                #expect(failure.code == .notPermitted, "\(failure)")
                return true
            }
        }
    }

    @Test func `no record's bytes are on the network, and the check would find them`() async throws {
        let world = try RelayWorld()
        try await world.startRelay()
        let sniffer = try Forwarder(to: [.port(world.address.port), .port(world.address.port + 1)])
        let tap = try world.tap(from: .oldest, at: RelayAddress(host: "127.0.0.1", port: sniffer.port))
        var seen = try world.take(300, of: tap)
        try await world.killRelay()
        try world.put(2_000)
        try await world.startRelay()
        seen += try world.take(3_000, of: tap)
        try world.expectSeamless(seen)
        #expect(sniffer.bytes.count > 3_000 * TickEnvelope.byteCount)
        #expect(found(in: sniffer.bytes, seen) == [])

        // The same check on the bus of this machine, which is not encrypted.
        let plain = try Forwarder(to: [.path(world.paths.runtime + "/ticks.ipc")])
        let reader = try Subscriber(context: try BusContext(), endpoint: "tcp://127.0.0.1:\(plain.port)")
        var heard: [TickEnvelope] = []
        try await eventually("the plain reader hears") {
            try world.put(5)
            while reader.receive({ if let tick = TickEnvelope(bytes: $0) { heard.append(tick) } }) {}
            return heard.count >= 100
        }
        #expect(found(in: plain.bytes, heard) == ["EUR_USD", "TICK", "price"])
    }

    /// Which traces of records are in these bytes.
    private func found(in bytes: [UInt8], _ records: [TickEnvelope]) -> [String] {
        let traffic = Data(bytes)
        var found: [String] = []
        if traffic.range(of: Data("EUR_USD".utf8)) != nil { found.append("EUR_USD") }
        if traffic.range(of: Data("TICK".utf8)) != nil { found.append("TICK") }
        let hasPrice = records.suffix(500).contains { record in
            traffic.range(of: withUnsafeBytes(of: record.bid.rawValue.littleEndian) { Data($0) }) != nil
        }
        if hasPrice { found.append("price") }
        return found
    }
}
