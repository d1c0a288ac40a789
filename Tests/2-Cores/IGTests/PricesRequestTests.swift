import IG
import MarketData
import Testing

@Suite struct PricesRequestTests {
    @Test func `a stretch of time is asked for on the account's clock, on one page`() throws {
        let request = try #require(
            PricesRequest(epic: "CS.D.EURUSD.CFD.IP", timeframe: .fiveMinutes, from: 1_634_115_900, to: 1_634_119_200))
        #expect(
            request.path
                == "/prices/CS.D.EURUSD.CFD.IP?resolution=MINUTE_5&from=2021-10-13T09:05:00&to=2021-10-13T10:00:00&pageSize=0"
        )
    }

    @Test func `every timeframe that is sold and begins where ours does has its name`() {
        let names = (1...1_440).compactMap { Timeframe(minutes: $0) }.compactMap(PricesRequest.resolution)
        #expect(
            names == [
                "MINUTE", "MINUTE_2", "MINUTE_3", "MINUTE_5", "MINUTE_10", "MINUTE_15", "MINUTE_30", "HOUR",
            ])
        #expect(PricesRequest(epic: "X", timeframe: Timeframe(minutes: 20)!, from: 0, to: 0) == nil)
    }
}
