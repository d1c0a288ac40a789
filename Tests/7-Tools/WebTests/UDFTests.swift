import Host
import MarketData
import Store
import Testing
import TestKit
import Wire

@testable import Web

@Suite struct UDFTests {
    private static let start = BotSite.start

    private func site(_ candles: [CandleRecord]) throws -> BotSite { try BotSite(UDFRoutes.group, candles) }

    // MARK: Symbols

    @Test func `the configuration lists the timeframes that there are`() throws {
        let site = try site([Make.candle(Self.start, minutes: 60), Make.candle(Self.start, minutes: 1_440)])
        let body = site.get("/udf/config").body
        #expect(body.hasPrefix(#"{"supported_resolutions":["5","15","60","1D"],"supports_search":true"#))
        #expect(body.contains(#""supports_group_request":false"#) && body.contains(#""supports_time":true"#))
        #expect(site.get("/udf/time") == BotSite.Reply(status: 200, body: "1787212800"))
    }

    @Test func `a symbol names its session, its steps and its resolutions`() throws {
        let site = try site([Make.candle(Self.start, minutes: 1_440)])
        let mid = site.get("/udf/symbols?symbol=EURUSD").body
        for part in [
            #""name":"EURUSD""#, #""ticker":"EURUSD""#, #""type":"forex""#, #""session":"0000-0000:123456""#,
            #""timezone":"Etc/UTC""#, #""minmov":5"#, #""pricescale":1000000"#, #""listed_exchange":"IG""#,
            #""exchange-listed":"IG""#, #""intraday_multipliers":["5","15"]"#, #""has_daily":true"#,
            #""supported_resolutions":["5","15","1D"]"#,
        ] {
            #expect(mid.contains(part))
        }
        let yen = site.get("/udf/symbols?symbol=USDJPY.ASK").body
        #expect(
            yen.contains(#""minmov":1"#) && yen.contains(#""pricescale":1000,"#) && yen.contains(#""has_daily":false"#))
    }

    @Test(arguments: [
        ("EURUSD", "EURUSD"), ("eurusd.bid", "EURUSD.BID"), ("IG:EUR_USD.ASK", "EURUSD.ASK"), ("EURUSD.MID", "EURUSD"),
        ("DE40", "DE40"), ("XAUUSD", "XAUUSD"), ("ABC_DEF", "ABC_DEF"),
    ])
    func `a symbol is read in the forms that people write`(text: String, name: String) throws {
        let symbol = try #require(UDFSymbol(text))
        #expect(symbol.name == name && UDFSymbol(symbol.name) == symbol)
    }

    @Test(arguments: ["", "EURUSD.X", ".BID", "DE40", "IG:", "XAU/USD/X"])
    func `an unknown symbol is an error`(name: String) throws {
        for path in ["symbols?symbol=\(name)", "history?resolution=5&from=0&symbol=\(name)", "symbols"] {
            let reply = try site(Make.run(1)).get("/udf/\(path)")
            #expect(reply == BotSite.Reply(status: 404, body: #"{"s":"error","errmsg":"unknown_symbol"}"#))
        }
    }

    @Test func `search finds parts of names, of one kind if asked`() throws {
        let site = try site([Make.candle(Self.start, pair: try #require(Pair("DE40")))])
        func names(_ query: String) -> [String] {
            site.get("/udf/search?\(query)").body.matches(of: /"symbol":"([^"]+)"/).map { String($0.1) }
        }
        #expect(names("query=eurusd&type=&exchange=&limit=30") == ["EURUSD", "EURUSD.BID", "EURUSD.ASK"])
        #expect(names("query=IG:EUR/USD.b") == ["EURUSD.BID"])
        #expect(names("query=de&type=cfd&exchange=IG") == ["DE40", "DE40.BID", "DE40.ASK"])
        #expect(names("query=de&type=forex").isEmpty && names("query=de&exchange=NYSE").isEmpty)
        #expect(names("query=usd&limit=4").count == 4 && names("query=").count == 30)
    }

    @Test func `a session is the days of UTC on which any hour is open in the year`() throws {
        let london = try #require(ZoneRule("Europe/London"))
        let week = try #require(WeeklySession("Mon-Fri 08:00-16:30"))
        let hours = TradingHours(zone: london, named: "Europe/London", sessions: [week])
        #expect(hours.session(before: Self.start) == "0000-0000:23456")
        let crypto = try #require(TradingHours.calendars.first { $0.text == "crypto" })
        #expect(
            TradingHours.always.session(before: Self.start) == "24x7" && crypto.session(before: Self.start) == "24x7")
    }

    // MARK: History

    private func history(_ site: BotSite, _ query: String, symbol: String = "EURUSD.BID") -> BotSite.Reply {
        site.get("/udf/history?symbol=\(symbol)&resolution=5&\(query)")
    }

    private func places(_ site: BotSite, _ query: String, symbol: String = "EURUSD.BID") -> [Int64] {
        let body = history(site, query, symbol: symbol).body
        let column = body.firstMatch(of: /"t":\[([0-9,]*)\]/)?.1 ?? ""
        return column.split(separator: ",").compactMap { Int64($0) }.map { ($0 - Self.start.rawValue) / 300 }
    }

    private func second(_ place: Int64) -> Int64 { Self.start.rawValue + place * 300 }

    @Test func `bars have the database's prices and the ticks as volume`() throws {
        let site = try site(Make.run(2))
        func body(_ prices: String) -> String {
            #"{"s":"ok","t":[1778572800,1778573100],\#(prices),"v":[7,7]}"#
        }
        #expect(
            history(site, "from=0").body
                == body(#""o":[1.07001,1.07002],"h":[1.07003,1.07004],"l":[1.07,1.07001],"c":[1.07002,1.07003]"#))
        #expect(
            history(site, "from=0", symbol: "EURUSD").body
                == body(
                    #""o":[1.070035,1.070045],"h":[1.070055,1.070065],"l":[1.070025,1.070035],"c":[1.070045,1.070055]"#)
        )
    }

    @Test func `to is not included, and countback comes before from`() throws {
        let site = try site(Make.run(10))
        #expect(places(site, "from=\(second(2))&to=\(second(5))") == [2, 3, 4])
        #expect(places(site, "from=\(second(2))&to=\(second(5))&countback=5") == [0, 1, 2, 3, 4])
        #expect(places(site, "from=\(second(2))&to=\(second(5))&countback=2") == [3, 4])
        #expect(places(site, "to=\(second(5))&countback=1") == [4])
        #expect(places(site, "countback=3") == [7, 8, 9] && places(site, "from=-5000&countback=3") == [7, 8, 9])
    }

    @Test func `without bars the newest before the range is told`() throws {
        let site = try site(Make.run(10))
        #expect(
            history(site, "from=\(second(20))&to=\(second(30))").body == #"{"s":"no_data","nextTime":\#(second(9))}"#)
        #expect(history(site, "from=0&to=\(second(0))").body == #"{"s":"no_data"}"#)
        #expect(history(site, "to=\(second(0))&countback=10").body == #"{"s":"no_data"}"#)
        #expect(history(site, "from=\(second(5))&to=\(second(5))").body == #"{"s":"no_data","nextTime":\#(second(4))}"#)
        #expect(history(site, "countback=0").body == #"{"s":"no_data"}"#)
    }

    @Test func `partial candles are bars, but not without the side`() throws {
        var oneSided = Make.rising(Self.start + 600, 107_000, flags: [.partial, .sideMissing])
        (oneSided.ask, oneSided.mid) = (.zero, .zero)
        let candles = [Make.rising(Self.start, 1), Make.rising(Self.start + 300, 1, flags: .partial), oneSided]
        let site = try site(candles)
        #expect(places(site, "countback=5") == [0, 1, 2] && places(site, "countback=5", symbol: "EURUSD") == [0, 1])
        #expect(places(site, "countback=1", symbol: "EURUSD.ASK") == [1])
    }

    @Test func `the candle that forms is the last bar`() throws {
        let site = try site(Make.run(3))
        let record = Make.rising(Self.start + 900, 107_500)
        site.facts.live.set(quotes: [:], candles: [record.series: Candle(record)])
        #expect(places(site, "from=0") == [0, 1, 2, 3] && places(site, "countback=2") == [2, 3])
        #expect(places(site, "countback=2&to=\(second(3))") == [1, 2])
        #expect(places(site, "from=\(second(3))&to=\(second(4))") == [3])
    }

    @Test func `10,000 bars come page by page as TradingView's client asks, each once`() throws {
        let site = try site(Make.run(10_500))
        var bars: [Int64] = []
        while bars.count < 10_000 {
            let to = bars.first.map(second) ?? second(20_000)
            let page = places(site, "from=\(to - 300)&to=\(to)&countback=\(min(329, 10_000 - bars.count))")
            bars = page + bars
            if page.isEmpty { break }
        }
        #expect(bars == Array(500..<10_500))
        #expect(places(site, "from=0") == Array(500..<10_500))
        #expect(places(site, "countback=99999999999") == Array(500..<10_500))
    }

    @Test(arguments: [
        ("symbol=EURUSD&resolution=7&from=0", "resolution is '7': give one of 5, 15"),
        ("symbol=EURUSD&from=0", "resolution is missing: give one of 5, 15"),
        ("symbol=EURUSD&resolution=5", "from and countback are missing: give one of them"),
        ("symbol=EURUSD&resolution=5&from=x", "from is 'x': give a whole number"),
        ("symbol=EURUSD&resolution=5&from=0&to=1.5", "to is '1.5': give a whole number"),
        ("symbol=EURUSD&resolution=5&countback=-1", "countback is negative"),
    ])
    func `a wrong request is an error in the form that the client reads`(query: String, message: String) throws {
        let reply = try site(Make.run(1)).get("/udf/history?\(query)")
        #expect(reply == BotSite.Reply(status: 400, body: #"{"s":"error","errmsg":"\#(message)"}"#))
    }
}
