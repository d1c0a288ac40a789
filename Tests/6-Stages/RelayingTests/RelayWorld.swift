import Foundation
import Host
import Logging
import MarketData
import Recording
import Streams
import Testing
import TestKit
import Wire

/// A ticks stream written by the test, the real relay beside it, and keys for both sides.
final class RelayWorld {
    let folder = TemporaryFolder()
    let paths: Paths
    let keys: KeyFolder
    let server: CurvePair
    let client: CurvePair
    private let writer: StreamWriter
    private(set) var relay: RunningProgram?
    private(set) var address = RelayAddress(host: "127.0.0.1", port: 0)
    /// The bytes of each record, by position.
    private(set) var written: [[UInt8]] = [[]]

    init(segmentRecords: Int = 1_024) throws {
        paths = try Paths(runtime: folder.path + "/run", state: folder.path + "/state")
        try paths.prepare()
        keys = KeyFolder(paths)
        server = try keys.make(KeyFolder.serverName)
        client = try CurvePair()
        try keys.allow(client.publicKey, as: "client")
        var settings = JournalSettings()
        settings.segmentRecords = segmentRecords
        settings.retentionDays = 0
        writer = try StreamWriter(
            stream: .ticks, paths: paths, settings: settings, bus: try SocketBus(paths), logger: quietLogger())
    }

    var variables: [String: String] {
        [
            "CANDLEWICK_RUNTIME_DIR": paths.runtime, "CANDLEWICK_STATE_DIR": paths.state,
            "CANDLEWICK_CONFIG": folder.path + "/candlewick.yaml",
        ]
    }

    /// Starts the relay, at the former port if it ran before.
    func startRelay() async throws {
        folder.write("relay: {listen: '\(address)'}\n".utf8, to: "candlewick.yaml")
        let program = try RunningProgram("candlewick-relay", environment: variables)
        relay = program
        let live = try #require(try await program.ready()["live"])
        address = try #require(RelayAddress(String(live.dropFirst("tcp://".count))))
    }

    /// Ends it at once.
    func killRelay() async throws {
        relay?.kill()
        _ = try await relay?.ended(within: .seconds(10))
    }

    /// Writes ticks whose prices are those of their positions.
    func put(_ count: Int) throws {
        for _ in 0..<count {
            let position = writer.lastPosition + 1
            var tick = TickEnvelope.tick(
                Make.eurUSD, brokerTime: Make.nanos(Double(position)), receiveTime: Make.nanos(Double(position)),
                bid: RelayWorld.bid(position), ask: Price(rawValue: RelayWorld.bid(position).rawValue + 10_000))
            tick.seal(position: position)
            try writer.append(tick)
            written.append(tick.bytes)
        }
        try writer.commit()
    }

    /// The price of a tick, as no other bytes have it.
    static func bid(_ position: UInt64) -> Price { Price(rawValue: 1_123_456_780 + Int64(position) * 1_000_000) }

    func login(_ pair: CurvePair? = nil, at other: RelayAddress? = nil) -> RelayLogin {
        RelayLogin(address: other ?? address, serverKey: server.publicKey, pair: pair ?? client)
    }

    func tap(
        from start: TapStart = .now, _ pair: CurvePair? = nil, at other: RelayAddress? = nil
    ) throws -> Tap<TickEnvelope> {
        try Tap(stream: .ticks, relay: login(pair, at: other), from: start, stop: -1, logger: quietLogger())
    }

    /// Writes on while a tap reads, until it has this many records, or has had them all.
    func take(_ count: Int, of tap: Tap<TickEnvelope>, burst: ClosedRange<Int> = 0...20) throws -> [TickEnvelope] {
        var random = SystemRandomNumberGenerator()
        var seen: [TickEnvelope] = []
        let deadline = ContinuousClock.now + .seconds(60)
        while seen.count < count {
            guard ContinuousClock.now < deadline else { throw TimeOut(description: "\(seen.count) of \(count) came") }
            try put(Int.random(in: burst, using: &random))
            _ = try tap.poll(milliseconds: 5) { seen.append($0) }
        }
        return seen
    }

    /// Each position once and in order, each record as it was written.
    func expectSeamless(_ seen: [TickEnvelope], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let first = try #require(seen.first).position
        let wrong = seen.enumerated().first { number, record in
            record.position != first + UInt64(number) || record.bytes != written[Int(record.position)]
        }
        #expect(wrong == nil, sourceLocation: sourceLocation)
    }
}

/// How often a campaign repeats what one test run does a few times.
func repeats(_ variable: String, usually count: Int) -> Int {
    ProcessInfo.processInfo.environment[variable].flatMap(Int.init) ?? count
}
