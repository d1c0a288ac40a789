import Backfill
import Host
import IG
import MarketData
import Planning
import SQLiteStore
import Settings
import Store
import Streams
import TestKit
import Testing
import Wire

/// What `candlewick refold` makes is not bought.
@Suite struct RefoldPlanTests {
    private let world: StageWorld
    private static let hour = Timeframe(minutes: 60)!
    /// 2026-05-12 08:00 UTC, a Tuesday.
    private static let start: UTCSeconds = 1_778_572_800

    /// Quarters of four hours are stored; the feed was seen in the last two of them, and the journal begins with the third.
    init() throws {
        world = try StageWorld()
        world.configuration.instruments = Instrument.defaults.filter { $0.pair == Make.eurUSD }
        world.configuration.timeframes = [.fifteenMinutes, Self.hour]
        world.configuration.history.depth = 4
        world.clock.set(nanos(4 * 3_600 + 60))
        let third = nanos(7_200)
        let events: [FeedEvent] = [
            .blindBegan(since: UTCNanos(rawValue: 0)), .blindEnded(from: UTCNanos(rawValue: 0), until: third),
        ]
        let ticks = try world.writer(.ticks)
        for event in events {
            try ticks.append(FeedRecord(event, pair: .none, brokerTime: third, receiveTime: third))
        }
        try ticks.close()
        var records = (0..<16).map { Make.candle(Self.start + .seconds(900 * Int64($0)), minutes: 15).envelope }
        for (place, event) in events.enumerated() {
            var record = TickEnvelope.feed(event, brokerTime: third, receiveTime: third)
            record.position = UInt64(place + 1)
            records.append(.feed(record))
        }
        try store(records)
    }

    private func nanos(_ offset: Int64) -> UTCNanos { UTCNanos(seconds: Self.start + .seconds(offset)) }

    private func store(_ records: [CandleEnvelope]) throws {
        let writer = try SQLiteWriter(path: world.paths.database)
        _ = try writer.write(records, collector: .main, stream: .candles, position: 1, now: UTCNanos(rawValue: 0))
        try writer.close()
    }

    private func propose() throws -> Proposal {
        try Backfill(
            paths: world.paths, configuration: world.configuration, environment: Environment([:]),
            stop: try StopSignal(), clock: world.clock.clock, logger: world.logger
        ).propose(.run)
    }

    private func note(_ timeframes: String) { world.folder.write("\(timeframes)\n".utf8, to: "timeframes") }

    @Test func `hours whose ticks or quarters are there are left to refold`() throws {
        note("15m")
        let proposal = try propose()
        #expect(proposal.plan.isEmpty && proposal.refoldable == [Self.hour: 4])
        let report = proposal.report(world.configuration.history)
        #expect(report.contains("4 intervals of 1h can be made by 'candlewick refold --new' at no points"))
        #expect(report.contains("nothing else"))
    }

    @Test func `what refold cannot make is bought`() throws {
        note("15m")
        world.configuration.history.depth = 5
        let proposal = try propose()
        #expect(proposal.refoldable == [Self.hour: 4])
        #expect(proposal.plan.purchases.flatMap(\.starts).min() == Self.start - .seconds(3_600))
        #expect(proposal.plan.points == 1)
    }

    @Test func `a timeframe that has its past is planned as before`() throws {
        note("15m 1h")
        let proposal = try propose()
        #expect(proposal.refoldable.isEmpty && proposal.plan.derived.count == 4 && proposal.plan.points == 0)
    }
}
