@testable import Aggregation
import Streams
import Testing
import TestKit
import Wire

/// What the status says of the candles that were made.
@Suite struct CandleCountsTests {
    @Test func `candles are counted by what they are`() {
        var counts = CandleCounts()
        let candles = [
            Make.candle(300), Make.candle(600, flags: .partial), Make.candle(300, revision: 2),
            Make.candle(600, revision: 2, flags: [.partial, .withdrawn]),
        ]
        for candle in candles { counts.note(candle.envelope) }
        counts.note(.feed(Make.feed(.sessionPreserved, at: 700)))
        var metrics = MetricValues()
        counts.report(into: &metrics)
        #expect(metrics[.candlesClosed] == 2 && metrics[.candlesPartial] == 1)
        #expect(metrics[.candleRevisions] == 2 && metrics[.candlesWithdrawn] == 1)
    }

    @Test func `what a checkpoint counted does not count again`() throws {
        let world = try StageWorld()
        let ticks = try world.writer(.ticks)
        for record in [Make.clock(301), Make.tick(302, "1.1", "1.2"), Make.clock(603)] { try ticks.append(record) }
        try ticks.commit()
        func status() throws -> MetricValues {
            let aggregator = try Aggregator(
                paths: world.paths, configuration: world.configuration, bus: world.bus, service: try world.service(),
                clock: world.clock.clock, logger: world.logger)
            for _ in 0..<15 {
                world.clock.advance(by: .milliseconds(100))
                _ = try aggregator.turn(milliseconds: 0, stop: -1)
            }
            try aggregator.close()
            return try #require(world.status(.aggregator)).metrics
        }
        let first = try status()
        #expect(first[.ticksFolded] == 1 && first[.candlesClosed] == 1 && first[.candlesPartial] == 1)
        let second = try status()
        #expect(second[.ticksFolded] == 0 && second[.candles] == 0 && second[.candlesClosed] == 0)
    }
}
