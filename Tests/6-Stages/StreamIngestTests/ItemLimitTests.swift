@testable import StreamIngest
import Host
import IG
import MarketData
import Testing

@Suite struct ItemLimitTests {
    private func instruments(_ count: Int) -> [Instrument] {
        (1...count).map { Instrument(pair: Pair("IX\($0)")!, epic: "IX.D.N\($0).IFM.IP") }
    }

    private func limits(_ subscriptions: Int) -> ApplicationLimits? {
        let body = """
            [{"concurrentSubscriptionsLimit":\(subscriptions),"allowanceAccountOverall":30,
            "allowanceApplicationOverall":60,"allowanceAccountHistoricalData":10000}]
            """
        return ApplicationLimits(body: Array(body.utf8), apiKey: "k")
    }

    @Test(arguments: [(40, 39), (2, 1), (100, 99)])
    func `a pair is an item, and the heartbeat is one`(items: Int, pairs: Int) {
        let limit = ItemLimit(limits(items))
        #expect(limit.isTold && limit.instruments == pairs)
        #expect(limit.refusal(of: instruments(pairs)) == nil && limit.refusal(of: instruments(pairs + 1)) != nil)
    }

    @Test(arguments: [nil, 0, 1] as [Int?])
    func `without an answer that can be used the known limit holds`(items: Int?) {
        #expect(ItemLimit(items.flatMap(limits)) == .known && ItemLimit.known.instruments == 39)
    }

    @Test func `the refusal says how many items and collectors are needed, and who would be left out`() {
        let limit = ItemLimit(limits(40))
        #expect(
            limit.refusal(of: instruments(40)) == """
                40 instruments need 41 items, one each and one for the heartbeat, and the account streams 40: IX40 would be \
                left out. 1 more collector is needed, with an account of its own each (docs/scaling.md § Collectors), or \
                fewer instruments
                """)
        let text = limit.refusal(of: instruments(120)) ?? ""
        #expect(text.contains("120 instruments need 121 items") && text.contains("3 more collectors are needed"))
        #expect(text.contains("IX40, IX41, ") && text.contains("IX49 and 71 more would be left out"))
        #expect(limit.refusal(of: instruments(117))?.contains("2 more collectors") == true)
    }
}
