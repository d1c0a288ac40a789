import Host
import MarketData
import Refolding
import SQLiteStore
import Settings
import Store
import TestKit
import Testing
import Wire

/// Candles from before the ticks, out of smaller ones in the database.
@Suite struct SmallerCandlesTests {
    private let world: RefoldWorld
    private static let hour = Timeframe(minutes: 60)!
    /// Tuesday 2026-05-12 08:00 UTC.
    private static let start: UTCSeconds = 1_778_572_800

    init() throws {
        world = try RefoldWorld()
        world.stages.clock.set(UTCNanos(seconds: Self.start + .seconds(3_600)))
    }

    private func store(_ records: [CandleEnvelope]) throws {
        let writer = try SQLiteWriter(path: world.paths.database)
        let place = try writer.position(of: .candles, collector: .main) + 1
        let collector = Collector.main
        _ = try writer.write(
            records, collector: collector, stream: .candles, position: place, now: UTCNanos(rawValue: 0))
        try writer.close()
    }

    private func candle(
        _ offset: Int64, _ price: String, minutes: Int = 15, source: CandleSource = .streamed, flags: CandleFlags = []
    ) -> CandleEnvelope {
        Make.candle(
            Self.start + .seconds(offset), minutes: minutes, price: price, source: source, flags: flags
        ).envelope
    }

    private func seen(from: Int64, until: Int64) -> [CandleEnvelope] {
        func nanos(_ offset: Int64) -> UTCNanos { UTCNanos(seconds: Self.start + .seconds(offset)) }
        let events: [(FeedEvent, Int64)] = [
            (.blindBegan(since: UTCNanos(rawValue: 0)), from),
            (.blindEnded(from: UTCNanos(rawValue: 0), until: nanos(from)), from),
            (.sessionPreserved, until),
        ]
        return events.enumerated().map { place, event in
            var record = TickEnvelope.feed(event.0, brokerTime: nanos(event.1), receiveTime: nanos(event.1))
            record.position = UInt64(place + 1)
            return CandleEnvelope.feed(record)
        }
    }

    private var made: [CandleRecord] { get throws { try world.records(.refold).compactMap(\.candle) } }

    @Test func `four quarters are an hour, whatever their sources`() throws {
        try store([
            candle(0, "1.1"), candle(900, "1.3", source: .bought), candle(1_800, "1.0", source: .imported),
            candle(2_700, "1.2", source: .derived),
        ])
        let summary = try world.refold([Self.hour])
        let candle = try #require(try made.first)
        #expect(try made.count == 1 && summary.derived == 1 && summary.lacking.isEmpty)
        #expect(candle.source == .derived && candle.start.seconds == Self.start && candle.timeframe == Self.hour)
        let prices = [candle.bid.open, candle.bid.high, candle.bid.low, candle.bid.close].map(\.description)
        #expect(prices == ["1.1", "1.3", "1", "1.2"] && candle.tickCount == 4 && candle.inputPosition == 0)
        try world.store()
        #expect(try world.rows([Self.hour]).count == 1)
        let again = try world.refold([Self.hour])
        #expect(again.derived == 0 && again.lacking.isEmpty)
    }

    @Test func `a quarter that is missing or partial is lacking, one that was seen and quiet is not`() throws {
        try store([0, 900, 2_700].map { candle($0, "1.1", source: .bought) })
        #expect(try world.refold([Self.hour]).lacking == [Self.hour: 1])
        try store([candle(1_800, "9", flags: .partial)] + seen(from: -60, until: 3_700))
        let summary = try world.refold([Self.hour])
        #expect(try made.isEmpty && summary.lacking == [Self.hour: 1])
    }

    @Test func `a quiet quarter needs no candle`() throws {
        try store([candle(0, "1.1"), candle(900, "1.3"), candle(2_700, "1.2")] + seen(from: -60, until: 3_700))
        let summary = try world.refold([Self.hour])
        #expect(summary.derived == 1 && summary.lacking.isEmpty)
        #expect(try made.first?.tickCount == 3)
    }

    /// Quarters that are missing where fives are stored were not quiet: the timeframe was added later.
    @Test func `the largest smaller timeframe is used that has all parts`() throws {
        world.stages.clock.advance(by: .seconds(3_600))
        let fives = (0..<12).map { candle(300 * Int64($0), "1.5", minutes: 5) }
        let quarters = [0, 900, 1_800, 2_700].map { candle($0, "1.1") }
        try store(
            fives + quarters + (12..<24).map { candle(300 * Int64($0), "1.7", minutes: 5) } + [candle(3_600, "9")])
        #expect(try world.refold([Self.hour]).derived == 2)
        #expect(try made.map(\.bid.open.description) == ["1.1", "1.7"])
    }

    @Test func `with ticks only what is older is made, with the interval of the first one`() throws {
        var ticks = [
            Make.feed(.blindBegan(since: UTCNanos(rawValue: 0))),
            Make.feed(.blindEnded(from: UTCNanos(rawValue: 0), until: UTCNanos(seconds: Self.start + .seconds(5_000)))),
        ]
        let first = Double(Self.start.rawValue) + 5_000
        ticks += [Make.tick(first, "2.0", "2.1"), Make.clock(first), Make.tick(first + 2_300, "3.0", "3.1")]
        ticks += [Make.clock(first + 2_300), Make.clock(first + 7_200)]
        try world.append(ticks)
        try store((0..<12).map { candle(900 * Int64($0), "1.1") })
        let summary = try world.refold([Self.hour])
        #expect(summary.derived == 2 && summary.streamed == 2)
        try world.store()
        let rows = try world.rows([Self.hour]).values.sorted { $0.start < $1.start }
        #expect(rows.map(\.source) == [.derived, .derived, .streamed])
        #expect(rows.map(\.bid.open.description) == ["1.1", "1.1", "3"])
    }

    // MARK: A month at a time

    private static let month: Int64 = 30 * 86_400
    /// Hours at both sides of the first seam, and far behind it.
    private static let hours: [Int64] = [0, month - 3_600, month, 100 * 86_400]

    private func storeHours() throws -> SQLiteReader {
        try store(
            Self.hours.flatMap { hour in
                [0, 900, 1_800, 2_700].map { candle(hour + $0, "1.1", source: .bought) }
            })
        return try SQLiteReader(path: world.paths.database)
    }

    private var wanted: [UTCSeconds] { Self.hours.map { Self.start + .seconds($0) } }

    @Test func `a long stretch is read a month at a time, and nothing is lost at the seams`() throws {
        let smaller = try SmallerCandles(try storeHours(), calendar: world.configuration.calendar)
        let end = Self.start + .seconds(101 * 86_400)
        var (stretches, found) = ([Range<UTCSeconds>](), [UTCSeconds]())
        try smaller.make(Series(Make.eurUSD, Self.hour), in: Self.start..<end) { made in
            stretches.append(made.stretch)
            found += made.candles.map(\.start.seconds)
        }
        #expect(found == wanted)
        #expect(stretches.count == 4 && stretches.first?.lowerBound == Self.start && stretches.last?.upperBound == end)
        #expect(stretches.allSatisfy { $0.upperBound - $0.lowerBound <= .seconds(Self.month) })
        #expect(zip(stretches, stretches.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    }

    @Test func `intervals that lie months apart need not be bought`() throws {
        world.stages.folder.write("15m\n".utf8, to: "timeframes")
        world.configuration.timeframes = [.fifteenMinutes, Self.hour]
        let past = try #require(try RefoldablePast(world.paths, world.configuration, try storeHours()))
        let missing = Self.start + .seconds(50 * 86_400)
        #expect(try past.intervals(Series(Make.eurUSD, Self.hour), of: wanted + [missing]) == Set(wanted))
    }

    @Test func `what is complete already stays`() throws {
        try store([0, 900, 1_800, 2_700].map { candle($0, "1.1") } + [candle(0, "4", minutes: 60, source: .bought)])
        let summary = try world.refold([Self.hour])
        #expect(summary.derived == 0 && summary.lacking.isEmpty)
    }

    @Test func `nothing is made that is older than the store keeps`() throws {
        try store([0, 900, 1_800, 2_700, 86_400, 87_300, 88_200, 89_100].map { candle($0, "1.1") })
        world.stages.clock.advance(by: .seconds(2 * 86_400))
        world.configuration.store.retentionDays = 2
        #expect(try world.refold([Self.hour]).derived == 1)
        #expect(try made.first?.start.seconds == Self.start + .seconds(86_400))
    }
}
