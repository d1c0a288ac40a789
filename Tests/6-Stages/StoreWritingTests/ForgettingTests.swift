@testable import StoreWriting
import MarketData
import TestKit
import Testing

@Suite struct ForgettingTests {
    private static let day: Int64 = 86_400
    private static let today = UTCSeconds(rawValue: 20_000 * day)

    @Test func `once an hour what is older than the days goes`() {
        var forgetting = Forgetting(days: 7)
        #expect(forgetting.due(newest: Self.today, host: Self.today) == Self.today - 7 * Self.day)
        #expect(forgetting.due(newest: Self.today + 3_599, host: Self.today) == nil)
        #expect(forgetting.due(newest: Self.today + 3_600, host: Self.today) == Self.today + 3_600 - 7 * Self.day)
    }

    @Test func `without days nothing goes`() {
        var forgetting = Forgetting(days: 0)
        #expect(forgetting.due(newest: Self.today, host: Self.today) == nil)
    }

    @Test func `a market's time in 2099 deletes what is older by the host's clock and a day, no more`() {
        var forgetting = Forgetting(days: 7)
        #expect(forgetting.due(newest: 4_080_000_000, host: Self.today) == Self.today - 6 * Self.day)
        // Right times later go by themselves.
        #expect(forgetting.due(newest: Self.today + 600, host: Self.today + 600) == nil)
        let later = Self.today + 2 * Self.day
        #expect(forgetting.due(newest: later, host: later) == later - 7 * Self.day)
    }

    @Test func `a host's clock in 2099 deletes nothing that the market's time would keep`() {
        var forgetting = Forgetting(days: 7)
        #expect(forgetting.due(newest: Self.today, host: 4_080_000_000) == Self.today - 7 * Self.day)
    }

    @Test func `a market in the past goes by its own time`() {
        var forgetting = Forgetting(days: 7)
        #expect(forgetting.due(newest: 86_400_000, host: Self.today) == 85_795_200)
    }
}
