import CandleReader
import Glibc
import HTTPService
import Host
import MarketData
import Store
import Streams
import TestKit
import Testing
@testable import Web
import Wire

/// The live feed over the bus: publishers in a folder, and a client of the hub.
@Suite struct LiveFeedTests {
    private let folder = TemporaryFolder()
    private let hub = LiveHub()
    private let eu = Collector("eu")!
    private let series = Series(Make.eurUSD, .fiveMinutes)

    private func paths() throws -> Paths { try Paths(runtime: folder.path, state: folder.path) }

    private func publisher(_ stream: Wire.Stream, of collector: Collector = .main) throws -> Publisher {
        let paths = try paths().of(collector)
        try paths.prepare()
        try makeFolder(paths.journal(.candles))
        return try Publisher(
            context: try BusContext(), endpoint: try paths.endpoint(stream), showsState: stream == .forming)
    }

    private func send(_ publisher: Publisher, _ record: some StreamRecord, position: UInt64 = 1) {
        var record = record
        record.seal(position: position)
        withUnsafeBytes(of: record) { publisher.send($0) }
    }

    private func client(_ topics: Set<LiveSubscription.Topic>) -> FakeStream {
        let stream = FakeStream()
        hub.add(Sample.subscription(topics), stream)
        return stream
    }

    /// Runs a feed while the body does.
    private func whileFeeding(_ body: () async throws -> Void) async throws {
        let (stop, paths, hub) = (try StopPipe(), try paths(), hub)
        async let feed: Void = onOwnThread {
            try LiveFeed(paths, hub: hub, clock: .system).run(until: stop.descriptor)
        }
        do { try await body() } catch {
            stop.raise()
            try await feed
            throw error
        }
        stop.raise()
        try await feed
    }

    @Test func `ticks come in their order, each once, while a client wants them`() async throws {
        let ticks = try publisher(.ticks)
        try await whileFeeding {
            let client = client([.ticks])
            try await eventually("the ticks are subscribed to") {
                send(ticks, Make.tick(1, "1.1", "1.2"))
                return client.text.contains("t:")
            }
            for number in 0..<3_000 { send(ticks, Make.tick(Double(10 + number), "2.\(10_000 + number)", "3")) }
            send(ticks, Make.clock(9_999))
            send(ticks, Make.tick(9_999, "9", "9"))
            try await eventually("the last tick comes") { client.text.hasSuffix("@9 ") }
            let counted = client.text.split(separator: " ").filter { $0.contains("@2.") }.map { $0.dropFirst(10) }
            let prices = (0..<3_000).map { Price("2.\(10_000 + $0)")!.description }
            #expect(counted.count == 3_000)
            #expect(zip(counted, prices).first { $0 != $1 } == nil)
            #expect(hub.quotes[Make.eurUSD]?.time == Make.nanos(9_999))
        }
    }

    @Test func `a tick that another collector has brought comes once`() async throws {
        let (main, other) = (try publisher(.ticks), try publisher(.ticks, of: eu))
        try await whileFeeding {
            let client = client([.ticks])
            try await eventually("both are subscribed to") {
                let next = Double(client.sent.count + 1)
                send(main, Make.tick(next * 2, "1.1", "2"))
                send(other, Make.tick(next * 2 + 1, "1.2", "2"))
                return client.text.contains("@1.1") && client.text.contains("@1.2")
            }
            send(main, Make.tick(1e6, "1.3", "2"))
            try await eventually("the first comes") { client.text.hasSuffix("@1.3 ") }
            send(other, Make.tick(1e6, "1.4", "2"))
            send(other, Make.tick(1e6 + 1, "1.5", "2"))
            try await eventually("the later one comes") { client.text.hasSuffix("@1.5 ") }
            #expect(!client.text.contains("@1.4"))
        }
    }

    @Test func `forming and stored candles come, and the present ones are known`() async throws {
        let (forming, stored) = (try publisher(.forming), try publisher(.stored))
        var candle = Make.candle(1_778_572_800, price: "1.1")
        candle.tickCount = 7
        try await whileFeeding {
            let client = client([.forming, .stored])
            try await eventually("the candle that forms is known") {
                send(forming, candle.asForming, position: 0)
                send(forming, Make.tick(1_778_572_801, "1.1", "1.3"), position: 0)
                return hub.forming(series)?.tickCount == 7
            }
            try await eventually("it comes") { client.text.contains("f:EUR_USD#7 ") }
            #expect(hub.quotes[Make.eurUSD]?.ask == Price("1.3"))
            send(forming, candle.asForming, position: 5)
            try await eventually("its end comes") { client.text.contains("f:EUR_USD#7! ") }
            try await eventually("it is over") { hub.forming(series) == nil }
            try await eventually("the stored candle comes") {
                send(stored, candle)
                return client.text.contains("=EUR_USD#1778572800 ")
            }
        }
    }

    @Test func `publishers and collectors may come later, and come back`() async throws {
        try await whileFeeding {
            let client = client([.ticks])
            for (price, collector) in [("1.1", Collector.main), ("1.2", .main), ("1.3", eu)] {
                let ticks = try publisher(.ticks, of: collector)
                var time = Double(client.sent.count * 1_000_000)
                try await eventually("\(price) comes") {
                    time += 1
                    send(ticks, Make.tick(time, price, "2"))
                    return client.text.contains("@\(price) ")
                }
            }
        }
    }

    @Test func `of several states of a candle in one turn the last one comes`() throws {
        let forming = try publisher(.forming)
        let feed = try LiveFeed(try paths(), hub: hub, clock: .system)
        let client = client([.forming])
        var candle = Make.candle(1_778_572_800)
        candle.tickCount = 0
        func sendNext() {
            candle.tickCount += 1
            send(forming, candle.asForming, position: 0)
        }
        // One turn each.
        let stop = try StopPipe()
        stop.raise()
        while !client.text.contains("f:") {
            sendNext()
            feed.run(until: stop.descriptor)
        }
        for _ in 0..<500 { sendNext() }
        while !client.text.hasSuffix("#\(candle.tickCount) ") { feed.run(until: stop.descriptor) }
        #expect(client.sent.dropFirst().allSatisfy { $0.split(separator: " ").count == 1 })
    }

    @Test func `of two collectors' ticks of a pair those count that are newer`() {
        var order = TickOrder()
        func admits(_ seconds: Double, _ collector: Collector, _ pair: Pair = Make.eurUSD) -> Bool {
            order.admits(Make.tick(seconds, "1", "2", pair: pair).tick!, of: collector)
        }
        #expect(admits(1, .main) && admits(1, .main))
        #expect(!admits(1, eu) && !admits(0.5, eu))
        #expect(admits(1, eu, Sample.gbpUSD))
        #expect(admits(2, eu) && !admits(2, .main) && admits(2, eu))
        // A collector's own late tick counts.
        #expect(admits(1.5, eu))
    }
}

/// A descriptor that becomes readable when the test wants it.
final class StopPipe: Sendable {
    let descriptor: Int32
    private let other: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw TimeOut(description: "no pipe") }
        (descriptor, other) = (ends[0], ends[1])
    }

    func raise() { _ = write(other, [1], 1) }

    deinit {
        close(descriptor)
        close(other)
    }
}
