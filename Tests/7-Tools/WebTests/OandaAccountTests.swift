import CandleReader
import Host
import MarketData
import Testing
import TestKit
import Wire

@testable import Web

@Suite struct OandaAccountTests {
    private static let path = "/v3/accounts/\(OandaAccount.id)"

    private func site(_ candles: [CandleRecord] = Make.run(1)) throws -> BotSite {
        try BotSite(OandaRoutes.group, candles)
    }

    // MARK: Accounts and instruments

    @Test func `there is one account, without trades`() throws {
        let site = try site()
        #expect(site.get("/v3/accounts").body == #"{"accounts":[{"id":"\#(OandaAccount.id)","tags":[]}]}"#)
        let summary = site.get("\(Self.path)/summary").body
        #expect(summary.contains(#""balance":"0.0000""#) && !summary.contains(#""trades""#))
        #expect(summary.hasSuffix(#"},"lastTransactionID":"0"}"#))
        #expect(site.get(Self.path).body.contains(#""orders":[],"positions":[],"trades":[]"#))
    }

    @Test(arguments: [
        "", "/summary", "/instruments", "/pricing?instruments=EUR_USD", "/pricing/stream?instruments=EUR_USD",
    ])
    func `another account is refused`(path: String) throws {
        let reply = try site().get("/v3/accounts/001-001-1-001\(path)")
        let message = "Invalid value specified for 'accountID'. The only account is \(OandaAccount.id)"
        #expect(reply == BotSite.Reply(status: 400, body: #"{"errorMessage":"\#(message)"}"#))
    }

    @Test func `instruments are those of the configuration and those that are stored`() throws {
        let (gold, index) = (try #require(Pair("XAU_USD")), try #require(Pair("DE40")))
        let site = try site([Make.candle(BotSite.start, pair: gold), Make.candle(BotSite.start, pair: index)])
        let all = site.get("\(Self.path)/instruments").body
        #expect(all.matches(of: /"name"/).count == 30)
        #expect(
            site.get("\(Self.path)/instruments?instruments=USD_JPY,EURUSD,XAU_USD,DE40").body == """
                {"instruments":[{"name":"USD_JPY","type":"CURRENCY","displayName":"USD/JPY","displayPrecision":3,"pipLocation":-2},\
                {"name":"EUR_USD","type":"CURRENCY","displayName":"EUR/USD","displayPrecision":5,"pipLocation":-4},\
                {"name":"XAU_USD","type":"METAL","displayName":"XAU/USD","displayPrecision":2,"pipLocation":0},\
                {"name":"DE40","type":"CFD","displayName":"DE40","displayPrecision":2,"pipLocation":0}],"lastTransactionID":"0"}
                """)
        #expect(
            site.get("\(Self.path)/instruments?instruments=EUR_USD,NOPE")
                == BotSite.Reply(status: 400, body: #"{"errorMessage":"Invalid value specified for 'instruments'"}"#))
    }

    // MARK: Prices

    private func quote(_ site: BotSite) {
        var quote = LiveHub.Quote()
        quote.take(Self.tick("1.07211", "1.0722"))
        site.facts.live.set(quotes: [Make.eurUSD: quote], candles: [:])
    }

    private static func tick(_ bid: String, _ ask: String, flags: TickFlags = []) -> TickRecord {
        let time = UTCNanos(rawValue: BotSite.start.rawValue * UTCNanos.perSecond + 123_000_000)
        return TickRecord(
            Make.eurUSD, brokerTime: time, receiveTime: time, bid: Price(bid)!, ask: Price(ask)!, flags: flags)
    }

    private static let price = """
        "time":"2026-05-12T08:00:00.123000000Z","bids":[{"price":"1.07211"}],"closeoutBid":"1.07211",\
        "asks":[{"price":"1.07220"}],"closeoutAsk":"1.07220"
        """

    @Test func `a price of which nobody knows whether it is of now is not tradeable`() throws {
        let site = try site()
        quote(site)
        #expect(
            site.get("\(Self.path)/pricing?instruments=EUR_USD,USD_JPY").body == """
                {"prices":[{"type":"PRICE",\(Self.price),"status":"non-tradeable","tradeable":false,\
                "instrument":"EUR_USD"}],"time":"2026-08-20T08:00:00.000000000Z"}
                """)
    }

    @Test func `since leaves out what has not moved`() throws {
        let site = try site()
        quote(site)
        func count(_ query: String) -> Int {
            site.get("\(Self.path)/pricing?instruments=EUR_USD\(query)").body.matches(of: /"PRICE"/).count
        }
        #expect(count("") == 1 && count("&since=1778572800.122") == 1 && count("&since=1778572800.123") == 0)
    }

    @Test(arguments: ["/pricing", "/pricing/stream"])
    func `prices need instruments that are known`(path: String) throws {
        let site = try site()
        for query in ["", "?instruments=", "?instruments=NOPE", "?instruments=EUR_USD,"] {
            let reply = site.get(Self.path + path + query)
            #expect(reply.status == 400 && reply.body.contains("Invalid value specified for 'instruments'"))
        }
        #expect(site.get("\(Self.path)/pricing?instruments=EUR_USD&includeHomeConversions=true").status == 400)
        #expect(site.get("\(Self.path)/pricing?instruments=EUR_USD&since=x").status == 400)
        #expect(site.get("\(Self.path)/pricing/stream?instruments=EUR_USD&snapshot=x").status == 400)
    }

    @Test func `the stream has a line for each tick and a heartbeat`() throws {
        let stream = try site().subscription("\(Self.path)/pricing/stream?instruments=EUR_USD,GBP_USD")
        #expect(stream.topics == [.ticks] && stream.pairs == [Make.eurUSD, Pair("GBP_USD")!])
        func line(_ event: LiveEvent) -> String? {
            stream.format.bytes(of: event).map { String(decoding: $0, as: UTF8.self) }
        }
        let end = #""instrument":"EUR_USD"}"# + "\n"
        #expect(
            line(.tick(Self.tick("1.07211", "1.0722"), .main))
                == #"{"type":"PRICE",\#(Self.price),"status":"tradeable","tradeable":true,"# + end)
        #expect(
            line(.tick(Self.tick("1.07211", "0", flags: .askMissing), .main)) == """
                {"type":"PRICE","time":"2026-05-12T08:00:00.123000000Z","bids":[{"price":"1.07211"}],"closeoutBid":"1.07211",\
                "asks":[],"status":"non-tradeable","tradeable":false,
                """ + end)
        #expect(
            line(.alive(UTCNanos(seconds: BotSite.start)))
                == #"{"type":"HEARTBEAT","time":"2026-05-12T08:00:00.000000000Z"}"# + "\n")
        #expect(line(.state("{}")) == nil)
    }

    @Test func `the stream begins with the present prices, unless they are not wanted`() throws {
        let site = try site()
        let snapshot = LiveEvent.tick(Self.tick("1.07211", "1.0722", flags: .snapshot), .main)
        let names = try [("", 1), ("&snapshot=True", 1), ("&snapshot=false", 0)].map { query, count in
            let stream = try site.subscription("\(Self.path)/pricing/stream?instruments=EUR_USD\(query)")
            let bytes = stream.format.bytes(of: snapshot)
            #expect((bytes == nil ? 0 : 1) == count)
            // How old it is nobody knows.
            if let bytes { #expect(String(decoding: bytes, as: UTF8.self).contains(#""tradeable":false"#)) }
            return stream.format.name
        }
        let unix = try site.subscription(
            "\(Self.path)/pricing/stream?instruments=EUR_USD", headers: ["accept-datetime-format": "UNIX"])
        #expect(Set(names + [unix.format.name]).count == 3)
    }
}
