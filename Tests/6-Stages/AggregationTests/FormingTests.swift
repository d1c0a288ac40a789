import Aggregation
import Foundation
import MarketData
import Settings
import Streams
import Testing
import TestKit
import Wire

/// What the aggregator says of intervals that are not over.
@Suite struct FormingTests {
    private let world: StageWorld
    private let ticks: StreamWriter
    private static let usdJPY = Pair("USD_JPY")!

    init() throws {
        world = try StageWorld()
        world.configuration.timeframes = [Timeframe(minutes: 1)!, .fiveMinutes]
        ticks = try world.writer(.ticks)
    }

    private func aggregator() throws -> Aggregator {
        try Aggregator(
            paths: world.paths, configuration: world.configuration, bus: world.bus, service: try world.service(),
            clock: world.clock.clock, logger: world.logger)
    }

    private func live() throws -> Aggregator {
        let aggregator = try aggregator()
        try settle(aggregator)
        return aggregator
    }

    private func settle(_ aggregator: Aggregator) throws {
        repeat { world.clock.advance(by: .milliseconds(300)) } while try aggregator.turn(milliseconds: 0, stop: -1) > 0
    }

    private func write(_ records: [TickEnvelope]) throws {
        for record in records { try ticks.append(record) }
        try ticks.commit()
    }

    private var forming: [CandleRecord] { world.candles(.forming).compactMap(\.forming) }
    private var lastTicks: [TickEnvelope] {
        (world.published[.forming] ?? []).compactMap { bytes in bytes.withUnsafeBytes { TickEnvelope(bytes: $0) } }
    }
    private static let seen = [
        Make.feed(.blindBegan(since: Make.nanos(0))),
        Make.feed(.blindEnded(from: Make.nanos(0), until: Make.nanos(299)), at: 299),
    ]

    @Test func `each change comes once, after at most 250 ms, the candles before their pair's tick`() throws {
        let aggregator = try live()
        try write(Self.seen + [Make.tick(301, "1.1", "1.2"), Make.tick(302, "1.3", "1.4")])
        try settle(aggregator)
        #expect(forming.map { "\($0.timeframe) \($0.start.seconds) \($0.tickCount)" } == ["1m 300 2", "5m 300 2"])
        #expect(forming.allSatisfy { $0.position == 0 && $0.bid.close.description == "1.3" })
        let last = try #require(lastTicks.last)
        #expect(lastTicks.count == 1 && last.brokerTime == Make.nanos(302) && last.position == 4)
        #expect(world.published[.forming]?.last?.count == TickEnvelope.byteCount)
        // Nothing new, nothing said.
        try settle(aggregator)
        #expect(world.published[.forming]?.count == 3)
        // Within 250 ms a pair is published once.
        try write([Make.tick(303, "1.1", "1.2")])
        _ = try aggregator.turn(milliseconds: 0, stop: -1)
        try write([Make.tick(304, "1.5", "1.6")])
        world.clock.advance(by: .milliseconds(100))
        _ = try aggregator.turn(milliseconds: 0, stop: -1)
        #expect(forming.count == 2)
        world.clock.advance(by: .milliseconds(150))
        _ = try aggregator.turn(milliseconds: 0, stop: -1)
        #expect(forming.dropFirst(2).map(\.tickCount) == [4, 4])
    }

    @Test func `a new reader gets the present state of every pair`() throws {
        let aggregator = try live()
        try write(Self.seen + [Make.tick(301, "1.1", "1.2"), Make.tick(302, "150", "151", pair: Self.usdJPY)])
        try settle(aggregator)
        let before = world.published[.forming]?.count ?? 0
        let queue = world.bus.subscribe(.forming, of: .main, topic: "")
        try settle(aggregator)
        var heard: [String] = []
        while try queue.receive({ message in
            heard.append(String(decoding: message.prefix(11), as: UTF8.self))
        }) {}
        #expect(
            heard == ["FORMEUR_USD", "FORMEUR_USD", "TICKEUR_USD", "FORMUSD_JPY", "FORMUSD_JPY", "TICKUSD_JPY"])
        try settle(aggregator)
        #expect(world.published[.forming]?.count == before + 6, "and only once")
    }

    @Test func `while it catches up it says nothing, then the present state`() throws {
        try write(Self.seen + [Make.tick(301, "1.1", "1.2"), Make.tick(365, "1.1", "1.2"), Make.clock(400)])
        _ = try live()
        #expect(forming.map { "\($0.timeframe) \($0.start.seconds)" } == ["1m 360", "5m 300"])
        #expect(world.candles(.candles).compactMap(\.candle).map(\.start.seconds) == [300])
    }

    @Test func `a pair that is blind shows it before its candle closes`() throws {
        let aggregator = try live()
        try write(Self.seen + [Make.clock(301), Make.tick(301, "1.1", "1.2")])
        try settle(aggregator)
        #expect(forming.allSatisfy { $0.flags.isEmpty })
        try write([Make.clock(310), Make.feed(.blindBegan(since: Make.nanos(305)), at: 310)])
        try settle(aggregator)
        let shown = forming.suffix(2)
        #expect(shown.allSatisfy { $0.flags.contains(.partial) && $0.blindMilliseconds == 5_000 }, "\(shown)")
    }

    /// An hour of a seeded market of three pairs, one of them quiet, with ticks that come late and a blind stretch.
    @Test func `the last word on a forming candle is the candle, for each one of an hour`() throws {
        let aggregator = try live()
        try write(Self.seen)
        var random = SplitMix(seed: 17)
        let pairs = [(Make.eurUSD, 0.9), (Self.usdJPY, 0.5), (Pair("NZD_CHF")!, 0.01)]
        for second in 299..<3_900 {
            if second == 2_000 { try write([Make.feed(.blindBegan(since: Make.nanos(1_990)), at: 2_000)]) }
            if second == 2_030 {
                try write([Make.feed(.blindEnded(from: Make.nanos(1_990), until: Make.nanos(2_029)), at: 2_030)])
            }
            for (pair, rate) in pairs where Double.random(in: 0..<1, using: &random) < rate {
                let time = Double(second) + Double.random(in: -0.2..<0.9, using: &random)
                let bid = Int.random(in: 11_000...11_100, using: &random)
                try write([Make.tick(time, "\(bid)e-4".decimal, "\(bid + 1)e-4".decimal, pair: pair)])
            }
            try write([Make.clock(Double(second) + 1)])
            world.clock.advance(by: .milliseconds(130))
            _ = try aggregator.turn(milliseconds: 0, stop: -1)
        }
        let closed = world.candles(.candles).compactMap(\.candle).filter {
            $0.revision == 1 && !$0.flags.contains(.late)
        }
        #expect(closed.count > 150)
        for candle in closed {
            let last = forming.last { $0.series == candle.series && $0.start == candle.start }
            var said = try #require(last, "\(candle.series) \(candle.start)")
            #expect(said.position == candle.position)
            said.seal(position: said.position)
            #expect(Array(said.bytes.dropFirst(4).dropLast(4)) == Array(candle.bytes.dropFirst(4).dropLast(4)))
        }
        // One that is not over has no position, and none comes back after its end.
        var over: Set<String> = []
        for candle in forming {
            let name = "\(candle.series) \(candle.start)"
            #expect(!over.contains(name), "\(name) goes on after its end")
            if candle.position > 0 { over.insert(name) }
        }
        #expect(over.count == closed.count)
    }
}

extension String {
    /// `11000e-4` as `1.1000`.
    fileprivate var decimal: String {
        let digits = self.prefix { $0 != "e" }
        return "\(digits.dropLast(4)).\(digits.suffix(4))"
    }
}
