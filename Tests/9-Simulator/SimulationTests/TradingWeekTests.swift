import MarketData
@testable import Simulation
import Testing
import TestKit

@Suite struct TradingWeekTests {
    /// Sunday 2026-03-29 21:00 UTC, in New York's summer.
    private static let opening: UTCSeconds = 1_774_818_000

    @Test func `a week opens on Sunday and closes on Friday at 17:00 in New York`() {
        let week = TradingHours.fx.opened(by: Self.opening)
        #expect(week == Self.opening..<(Self.opening + 432_000))
        #expect(TradingHours.fx.opened(by: Self.opening - 1).upperBound == Self.opening - 2 * 86_400)
        // 2026-03-01, in winter.
        #expect(TradingHours.fx.opened(by: 1_772_500_000).lowerBound == 1_772_402_400)
    }

    @Test func `it is the simulator's, which has its own rule, for ten years of hours`() {
        for hour in 0..<(10 * 8_766) {
            let second = 1_577_836_800 + Int64(hour) * 3_600
            guard
                TradingHours.fx.isOpen(at: UTCSeconds(rawValue: second))
                    != Simulation.TradingWeek.isOpen(at: second)
            else {
                continue
            }
            Issue.record("\(UTCSeconds(rawValue: second).text())")
        }
    }

    @Test(arguments: [1, 5, 15, 60, 240, 1_440])
    func `the last intervals touch open time, one after the other`(minutes: Int) throws {
        let timeframe = try #require(Timeframe(minutes: minutes))
        for hours in stride(from: 0, to: 400, by: 7) {
            let now = Self.opening + Int64(hours) * 3_600 + 130
            let starts = TradingHours.fx.starts(of: timeframe, last: 60, endedBy: now)
            #expect(starts.count == 60 && starts.last! + timeframe <= now)
            for (start, next) in zip(starts, starts.dropFirst()) {
                #expect(TradingHours.fx.isOpen(during: start..<(start + timeframe)))
                #expect(TradingHours.fx.next(after: start, timeframe) == next)
            }
        }
    }
}
