import IG
import MarketData
import Testing

@Suite struct InstrumentTests {
    private static let euro = Pair("EUR_USD")!
    private static let yen = Pair("USD_JPY")!

    @Test func `the defaults are the 28 crosses as CFDs`() {
        #expect(Instrument.defaults.map(\.pair) == Pair.crosses)
        #expect(Instrument.defaults[0].epic == "CS.D.EURGBP.CFD.IP")
        #expect(Instrument.defaults[0].tickItem == "CHART:CS.D.EURGBP.CFD.IP:TICK")
        #expect(Instrument.defaults.allSatisfy { $0.hasUsualEpic })
    }

    @Test func `an epic of its own is kept`() {
        let mini = Instrument(pair: Self.euro, listedAs: "CS.D.EURUSD.MINI.IP", scale: 10_000)
        #expect(mini?.epic == "CS.D.EURUSD.MINI.IP" && mini?.hasUsualEpic == false && mini?.pointShift == 4)
    }

    @Test(arguments: ["DE40", "XAU_USD", "BTC_USD"])
    func `only a pair of two currencies has an epic without being given one`(name: String) throws {
        let pair = try #require(Pair(name))
        #expect(Instrument(pair: pair, listedAs: nil) == nil)
        #expect(Instrument(pair: pair, listedAs: "IX.D.DAX.IFMM.IP")?.hasUsualEpic == false)
        #expect(Instrument(pair: Self.euro, listedAs: nil)?.hasUsualEpic == true)
    }

    @Test func `prices in yen have three decimals, others five`() {
        #expect(Self.yen.listedDecimals == 3 && Self.euro.listedDecimals == 5)
    }
}
