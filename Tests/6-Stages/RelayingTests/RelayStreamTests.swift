import Foundation
import Host
import Recording
import Streams
import Testing
import TestKit
import Wire

/// Streams through the real relay.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct RelayStreamTests {
    /// `CANDLEWICK_RELAY_STARTS` sets how many: the campaign has 1,000.
    @Test func `a client that starts anywhere, at any time, sees each position once and in order`() async throws {
        let world = try RelayWorld()
        try world.put(2_500)
        try await world.startRelay()
        var random = SystemRandomNumberGenerator()
        var wentLive = 0
        for number in 0..<repeats("CANDLEWICK_RELAY_STARTS", usually: 25) {
            let last = world.written.count - 1
            let start: TapStart =
                switch number % 5 {
                case 0: .now
                case 1: .oldest
                default: .position(UInt64(Int.random(in: 1...last, using: &random)))
                }
            let tap = try world.tap(from: start)
            let rest =
                switch start {
                case .now: 0
                case .oldest: last
                case .position(let position): last - Int(position) + 1
                }
            let seen = try world.take(min(rest, 3_000) + Int.random(in: 1...300, using: &random), of: tap)
            try world.expectSeamless(seen)
            #expect(tap.missing == 0)
            switch start {
            case .now: #expect(seen[0].position > UInt64(last))
            case .oldest: #expect(seen[0].position == 1)
            case .position(let position): #expect(seen[0].position == position)
            }
            wentLive += tap.isLive ? 1 : 0
        }
        #expect(wentLive > 0)
    }

    @Test func `a relay that is killed and comes back leaves no seam`() async throws {
        let world = try RelayWorld()
        try await world.startRelay()
        try world.put(10)
        let tap = try world.tap(from: .oldest)
        var seen = try world.take(500, of: tap)
        for _ in 0..<3 {
            try await world.killRelay()
            try world.put(2_000)
            _ = try tap.poll(milliseconds: 5) { seen.append($0) }
            try await world.startRelay()
            seen += try world.take(2_500, of: tap)
        }
        try world.expectSeamless(seen)
        #expect(seen[0].position == 1 && tap.missing == 0)
    }

    @Test func `positions that the journal has no more are counted as missing, and the rest comes`() async throws {
        let world = try RelayWorld()
        try world.put(3_000)
        let oldest = try #require(folderNames(world.paths.journal(.ticks)).first { $0.hasSuffix(".journal") })
        try FileManager.default.removeItem(atPath: "\(world.paths.journal(.ticks))/\(oldest)")
        try await world.startRelay()
        let tap = try world.tap(from: .position(10))
        let seen = try world.take(2_500, of: tap)
        #expect(seen[0].position == 1_025 && tap.missing == 1_015)
        try world.expectSeamless(seen)
        #expect(try world.take(1, of: try world.tap(from: .oldest))[0].position == 1_025)
    }

    @Test func `an answer that leads to no later position is refused`() async throws {
        let (server, client) = (try CurvePair(), try CurvePair())
        let relay = try RelaySockets(
            context: try BusContext(), address: RelayAddress(host: "127.0.0.1", port: 0), pair: server, clock: .system)
        let login = RelayLogin(address: relay.address, serverKey: server.publicKey, pair: client)
        async let failure = onOwnThread {
            try #require(throws: Failure.self) {
                let tap = try Tap<TickEnvelope>(
                    stream: .ticks, relay: login, from: .position(5), stop: -1, logger: quietLogger())
                let deadline = ContinuousClock.now + .seconds(20)
                while ContinuousClock.now < deadline { _ = try tap.poll(milliseconds: 5) { _ in } }
            }
        }
        var isAnswered = false
        try await eventually("the client asks for its position", within: .seconds(20)) {
            relay.wait(for: [], milliseconds: 5, stop: -1)
            while relay.answerHandshake({ _, _ in "client" }) {}
            _ = relay.serve { bytes in
                guard let request = RelayRequest(bytes: bytes) else { return [] }
                isAnswered = request.from == 5
                return RelayAnswer(isAnswered ? .gone : .read, request, next: isAnswered ? 5 : 100).head
            }
            return isAnswered
        }
        #expect(try await failure.code == .badData)
        withExtendedLifetime(relay) {}
    }

    @Test func `a late client of what has no journal gets the present state`() async throws {
        let world = try RelayWorld()
        let publisher = try Publisher(
            context: try BusContext(), endpoint: try world.paths.endpoint(.forming), showsState: true)
        try await world.startRelay()
        try await eventually("the relay listens") { publisher.hasNewReader() }
        for _ in 0..<2 {
            let client = try RemoteSubscriber(
                context: try BusContext(), login: world.login(), name: "forming", clock: .system)
            try await eventually("its publisher is asked for the state") { publisher.hasNewReader() }
            let message = Array("FORM, the present state".utf8)
            var heard: [UInt8] = []
            try await eventually("the client hears it", within: .seconds(20)) {
                message.withUnsafeBytes { publisher.send($0) }
                client.wait(milliseconds: 20, stop: -1)
                return try client.receive { heard = Array($0) } && heard == message
            }
        }
    }

    /// `CANDLEWICK_RELAY_SLOW` sets how many: the campaign has 100.
    @Test func `clients that never read cost bounded memory, and a good one misses nothing`() async throws {
        let world = try RelayWorld(segmentRecords: 1 << 20)
        try await world.startRelay()
        let process = try #require(world.relay).processID
        try world.put(1)
        let count = repeats("CANDLEWICK_RELAY_SLOW", usually: 4)
        // One context: a thread for all of them.
        let context = try BusContext()
        let slow = try (0..<count).map { _ in
            try RemoteSubscriber(context: context, login: world.login(), name: "ticks", clock: .system)
        }
        for client in slow {
            try await eventually("a slow client hears a first record", within: .seconds(30)) {
                try world.put(1)
                client.wait(milliseconds: 5, stop: -1)
                return try client.receive { _ in }
            }
        }
        let before = try #require(memory(process, "VmRSS"))
        let tap = try world.tap(from: .now)
        var seen: [TickEnvelope] = []
        var appends: [Duration] = []
        // Many times the queues of relay and kernel.
        for _ in 0..<repeats("CANDLEWICK_RELAY_BURSTS", usually: 800) {
            let start = ContinuousClock.now
            try world.put(250)
            appends.append(ContinuousClock.now - start)
            _ = try tap.poll(milliseconds: 1) { seen.append($0) }
        }
        seen += try world.take(1, of: tap)
        let last = world.written.count - 1
        while seen.last.map({ $0.position < UInt64(last) }) ?? true { seen += try world.take(1, of: tap, burst: 0...0) }
        try world.expectSeamless(seen)
        let peak = try #require(memory(process, "VmHWM"))
        appends.sort()
        let times = [appends[appends.count / 2], appends[appends.count * 99 / 100]]
        print("\(count) slow clients: relay \(before) KiB, at most \(peak) KiB; append of 250: median, p99 \(times)")
        // The queue of each, and what kernel and allocator keep.
        #expect(peak - before < 8_192 + count * 1_536, "from \(before) to \(peak) KiB")
        withExtendedLifetime(slow) {}
    }

    /// Of /proc/PID/status, in KiB.
    private func memory(_ process: Int32, _ field: String) -> Int? {
        String(decoding: fileBytes("/proc/\(process)/status"), as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("\(field):") }?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
}
