import Candles
import MarketData
import Testing
import TestKit
import Wire

/// A pair's interval closes by the pair's own next tick.
@Suite struct NextTickTests {
    private static let usdJPY = Pair("USD_JPY")!

    private static func options(_ timeframes: [Timeframe] = [.fiveMinutes]) -> CandleBuilder.Options {
        var options = CandleBuilder.Options()
        options.timeframes = timeframes
        options.grace = .seconds(2)
        return options
    }

    /// `start ticks revision`, with `late`, `partial` and the like.
    private func candles(_ records: [TickEnvelope], _ timeframes: [Timeframe] = [.fiveMinutes]) -> [String] {
        fold(records, options: Self.options(timeframes)).candles.map { candle in
            (["\(candle.timeframe) \(candle.start.seconds)", "\(candle.tickCount)", "r\(candle.revision)"]
                + candle.flags.names).joined(separator: " ")
        }
    }

    private func tick(_ second: Double, pair: Pair = Make.eurUSD, _ flags: TickFlags = []) -> TickEnvelope {
        Make.tick(second, "1.1", "1.2", pair: pair, flags: flags)
    }

    @Test func `the first tick at the end or beyond closes all timeframes that end there`() {
        #expect(candles([Make.clock(599), tick(301), tick(599.999)]).isEmpty)
        #expect(candles([Make.clock(599), tick(301), tick(600)]) == ["5m 300 1 r1"])
        #expect(
            candles([Make.clock(899), tick(601), tick(900.5)], [.fiveMinutes, .fifteenMinutes])
                == ["5m 600 1 r1", "15m 0 1 r1"])
    }

    @Test func `a tick closes no other pair's interval`() {
        let both = [Make.clock(599), tick(301), tick(302, pair: Self.usdJPY), tick(600.1, pair: Self.usdJPY)]
        let builder = fold(both, options: Self.options())
        #expect(builder.candles.map(\.pair) == [Self.usdJPY])
        #expect(
            fold(both + [Make.clock(602)], options: Self.options()).candles.map(\.pair) == [Self.usdJPY, Make.eurUSD])
    }

    @Test func `a tick that comes late makes a revision, also of an interval that had none`() {
        #expect(
            candles([Make.clock(599), tick(301), tick(600), tick(599.9), tick(599.95)])
                == ["5m 300 1 r1", "5m 300 2 r2 late", "5m 300 3 r3 late"])
        #expect(candles([Make.clock(599), tick(600), tick(599.9)]) == ["5m 300 1 r1 late"])
    }

    @Test func `in the dark late ticks make one revision, at its end`() {
        let dark = [
            Make.feed(.blindBegan(since: Make.nanos(0))),
            Make.feed(.blindEnded(from: Make.nanos(0), until: Make.nanos(299)), at: 299), Make.clock(599), tick(301),
            Make.feed(.blindBegan(since: Make.nanos(590)), at: 599), Make.clock(603),
            tick(599.1, .recovered), tick(599.2, .recovered), tick(599.3, .recovered),
        ]
        #expect(candles(dark) == ["5m 300 1 r1 partial"])
        let seen = [Make.feed(.blindEnded(from: Make.nanos(590), until: Make.nanos(590)), at: 604), tick(599.4)]
        #expect(candles(dark + seen) == ["5m 300 1 r1 partial", "5m 300 4 r2 late", "5m 300 5 r3 late"])
        // The stretch stays dark.
        let lost = [Make.feed(.blindEnded(from: Make.nanos(590), until: Make.nanos(602)), at: 604)]
        #expect(candles(dark + lost) == ["5m 300 1 r1 partial", "5m 300 4 r2 partial late withdrawn"])
    }

    @Test func `a tick of one side closes, a snapshot and a tick without sides do not`() {
        #expect(candles([Make.clock(599), tick(301), tick(600, .bidMissing)]) == ["5m 300 1 r1"])
        #expect(candles([Make.clock(599), tick(301), tick(600, .snapshot)]).isEmpty)
        #expect(candles([Make.clock(599), tick(301), tick(600, .sideMissing)]).isEmpty)
        // The grace closes it.
        #expect(candles([Make.clock(599), tick(301), tick(600, .snapshot), Make.clock(602)]) == ["5m 300 1 r1"])
    }

    @Test func `in the dark only the grace closes`() {
        let dark = [Make.clock(500), tick(301), Make.feed(.blindBegan(since: Make.nanos(498)), at: 500)]
        #expect(candles(dark + [tick(601, .recovered)]).isEmpty)
        // All that was missing has come: the candle is complete in its first revision.
        #expect(
            candles(dark + [tick(601, .recovered), seen(from: 498, until: 498), Make.clock(602)]) == ["5m 300 1 r1"])
        let pairDark = [
            Make.clock(500), tick(301), Make.feed(.blindBegan(since: Make.nanos(498)), pair: Make.eurUSD, at: 500),
        ]
        #expect(candles(pairDark + [tick(601)]).isEmpty)
    }

    @Test func `a tick far ahead of the feed closes nothing, and later ticks are not late`() {
        let ahead = [Make.clock(400), tick(301), tick(4_000), tick(402)]
        #expect(candles(ahead).isEmpty)
        #expect(candles(ahead + [Make.clock(602)]) == ["5m 300 2 r1"])
    }

    @Test func `after the clock was set back an interval takes further ticks`() {
        let back = [
            Make.clock(599), tick(301), tick(600),
            Make.feed(.clockSetBack(from: Make.nanos(600), to: Make.nanos(400)), at: 400),
            tick(401), Make.clock(602),
        ]
        #expect(candles(back) == ["5m 300 1 r1", "5m 300 2 r2"])
    }
}
