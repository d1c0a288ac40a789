import Candles
import MarketData
import Testing
import TestKit
import Wire

@Suite struct CandleDeriverTests {
    /// Tuesday 2026-05-12 08:00 UTC.
    private static let start: UTCSeconds = 1_778_572_800

    private func part(
        _ offset: Int64, _ prices: [String], minutes: Int = 5, isTold: Bool = false, ticks: UInt32 = 1
    ) -> CandleEnvelope {
        let bid = prices.map { Price($0)! }
        let ask = bid.map { Price(rawValue: $0.rawValue + 20_000) }
        func side(_ all: [Price]) -> OHLC { OHLC(open: all[0], high: all[1], low: all[2], close: all[3]) }
        var record = CandleRecord(
            Series(Make.eurUSD, Timeframe(minutes: minutes)!), start: UTCNanos(seconds: Self.start + offset),
            bid: side(bid), ask: side(ask),
            mid: .mid(bid: side(bid), ask: side(ask)), source: .bought, inputStream: .history)
        record.tickCount = ticks
        return isTold ? PartRecord(record).envelope : record.envelope
    }

    private func empty(_ offset: Int64, minutes: Int = 5) -> CandleEnvelope {
        let series = Series(Make.eurUSD, Timeframe(minutes: minutes)!)
        return EmptyRecord(series, start: UTCNanos(seconds: Self.start + offset)).envelope
    }

    private func deriveAll(_ records: [CandleEnvelope], minutes: [Int] = [5, 15]) -> [CandleEnvelope] {
        var deriver = CandleDeriver(timeframes: minutes.map { Timeframe(minutes: $0)! })
        for (index, var record) in records.enumerated() {
            record.position = UInt64(index + 1)
            deriver.take(record)
        }
        return deriver.output
    }

    private func derive(_ records: [CandleEnvelope], minutes: [Int] = [5, 15]) -> [CandleRecord] {
        deriveAll(records, minutes: minutes).compactMap(\.candle)
    }

    private var quarter: [CandleEnvelope] {
        [
            part(0, ["1.1", "1.3", "1.0", "1.2"], ticks: 7), part(300, ["1.2", "1.25", "1.15", "1.16"], ticks: 5),
            part(600, ["1.16", "1.4", "1.16", "1.35"], ticks: 9),
        ]
    }

    @Test func `three parts in any order make the same larger candle, with the last of them`() throws {
        for order in permutations([0, 1, 2]) {
            let made = derive(order.map { quarter[$0] })
            let candle = try #require(made.first)
            #expect(made.count == 1 && candle.timeframe == .fifteenMinutes && candle.source == .derived)
            #expect(candle.start.seconds == Self.start && candle.inputPosition == 3 && candle.revision == 1)
            #expect(candle.bid == part(0, ["1.1", "1.4", "1.0", "1.35"]).candle?.bid)
            #expect(candle.ask == part(0, ["1.1", "1.4", "1.0", "1.35"]).candle?.ask)
            #expect(candle.mid == part(0, ["1.1", "1.4", "1.0", "1.35"]).candle?.mid && candle.tickCount == 21)
        }
    }

    @Test func `a candle recorded again serves as a part, and so does an empty interval`() throws {
        var records = quarter
        records[0] = part(0, ["1.1", "1.3", "1.0", "1.2"], isTold: true)
        records[1] = empty(300)
        let candle = try #require(derive(records).first)
        #expect(candle.bid == part(0, ["1.1", "1.4", "1.0", "1.35"]).candle?.bid)
    }

    @Test func `without one of its parts no candle is derived`() {
        #expect(derive(Array(quarter[1...])).isEmpty)
        #expect(derive([quarter[0], quarter[0], quarter[2]]).isEmpty)
    }

    @Test func `of nothing but empty parts comes an empty one`() {
        let made = deriveAll([empty(0), empty(300), empty(600)])
        #expect(made.map(\.kind) == [.empty] && made.first?.series?.timeframe == .fifteenMinutes)
    }

    @Test func `a recorded part that changes makes a further revision, one that comes again does not`() {
        let told = part(300, ["1.2", "1.5", "1.15", "1.16"], isTold: true)
        let again = part(300, ["1.2", "1.6", "1.15", "1.16"], isTold: true)
        let made = derive([quarter[0], told, quarter[2], quarter[0], told, again, quarter[1], again, empty(300)])
        #expect(made.map(\.revision) == [1, 2, 3])
        #expect(made.map(\.bid.high) == ["1.5", "1.6", "1.4"].map { Price($0) })
    }

    @Test func `what was bought stays, and what cannot be used is no part`() {
        let other = part(300, ["1.2", "1.5", "1.15", "1.16"])
        #expect(derive(quarter + [other]).map(\.bid.high) == [Price("1.4")])
        let unusable = EmptyRecord(
            Series(Make.eurUSD, .fiveMinutes), start: UTCNanos(seconds: Self.start + 300), isUnusable: true
        ).envelope
        #expect(derive([quarter[0], unusable, quarter[2]]).isEmpty)
    }

    /// 30m could be derived from 10m too: then mid would depend on which comes first.
    @Test func `each timeframe is made of one other only`() {
        let half = [0, 600, 1_200].map { part(Int64($0), ["1.1", "1.3", "1.0", "1.2"], minutes: 10) }
        #expect(derive(half, minutes: [10, 15, 30]).isEmpty)
        #expect(derive(half, minutes: [10, 30]).count == 1)
    }

    @Test func `derived candles are parts of still larger ones, which come once`() {
        let hour = (0..<4).flatMap { index in
            (0..<3).map { part(Int64(index) * 900 + Int64($0) * 300, ["1.1", "1.3", "1.0", "1.2"]) }
        }
        let made = derive(hour, minutes: [5, 15, 60])
        #expect(made.map { $0.timeframe.minutes } == [15, 15, 15, 15, 60])
        #expect(made.last?.tickCount == 12)
    }

    @Test func `what is closed by the pair's own hours needs no parts`() {
        let hours = TradingHours(
            zone: ZoneRule("UTC")!, named: "UTC", sessions: [WeeklySession("Tue 08:00-08:10")!])
        let index = Instrument(pair: Make.eurUSD, epic: "IX.D.DAX.IFMM.IP", hours: hours)
        for (parts, candles) in [(1, 0), (2, 1)] {
            var deriver = CandleDeriver(
                timeframes: [.fiveMinutes, .fifteenMinutes], calendar: TradingCalendar([index]))
            for record in quarter.prefix(parts) { deriver.take(record) }
            #expect(deriver.output.count == candles)
        }
    }

    /// Friday 20:00 to 24:00 UTC: the market closes at 21:00 in summer.
    @Test func `closed time needs no parts`() {
        let friday = 3 * 86_400 + 12 * 3_600
        let made = derive([part(Int64(friday), ["1.1", "1.3", "1.0", "1.2"], minutes: 60)], minutes: [60, 240])
        #expect(made.map { $0.timeframe.minutes } == [240])
    }
}
