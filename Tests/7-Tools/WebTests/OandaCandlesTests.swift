import Host
import HTTPService
import MarketData
import Store
import Testing
import TestKit
import Wire

@testable import Web

@Suite struct OandaCandlesTests {
    private static let path = "/v3/instruments/EUR_USD/candles"
    private static let start = BotSite.start

    private func site(_ candles: [CandleRecord]) throws -> BotSite { try BotSite(OandaRoutes.group, candles) }

    /// Places of the candles in an answer, counted in intervals from the first one.
    private func places(_ reply: BotSite.Reply) -> [Int64] {
        reply.body.matches(of: /"time":"(\d+)\.0{9}"/).compactMap { Int64($0.1) }.map {
            ($0 - Self.start.rawValue) / 300
        }
    }

    private func ask(_ site: BotSite, _ query: String, from: Int64? = nil, to: Int64? = nil) -> [Int64] {
        let times = [("from", from), ("to", to)].compactMap { name, place in
            place.map { "&\(name)=\(Self.start.rawValue + $0)" }
        }
        let target = "\(Self.path)?granularity=M5&\(query)\(times.joined())"
        return places(site.get(target, headers: ["accept-datetime-format": "UNIX"]))
    }

    // MARK: Form

    @Test func `a candle has the database's prices, each asked side, and its open as time`() throws {
        let site = try site([Make.rising(Self.start, 107_211, ticks: 41)])
        #expect(
            site.get("\(Self.path)?granularity=M5&price=MBA")
                == BotSite.Reply(
                    status: 200,
                    body: """
                        {"instrument":"EUR_USD","granularity":"M5","candles":[{"complete":true,"volume":41,\
                        "time":"2026-05-12T08:00:00.000000000Z",\
                        "bid":{"o":"1.07212","h":"1.07214","l":"1.07211","c":"1.07213"},\
                        "mid":{"o":"1.072145","h":"1.072165","l":"1.072135","c":"1.072155"},\
                        "ask":{"o":"1.07217","h":"1.07219","l":"1.07216","c":"1.07218"}}]}
                        """))
    }

    @Test func `prices have at least the digits of their pair, and more if they need more`() throws {
        let yen = try #require(Pair("USD_JPY"))
        let fine = Price("1.1000005")!
        var candle = Make.candle(Self.start, price: "1.1")
        candle.bid.low = fine
        let site = try site([candle, Make.candle(Self.start, pair: yen, price: "161")])
        let body = site.get("\(Self.path)?granularity=M5&price=B").body
        #expect(body.contains(#""bid":{"o":"1.10000","h":"1.10000","l":"1.1000005","c":"1.10000"}"#))
        #expect(site.get("/v3/instruments/USD_JPY/candles?granularity=M5").body.contains(#""o":"161.000""#))
    }

    @Test(arguments: ["M", "B", "A", "MB", "AB", "BAM"])
    func `only the sides asked for are there`(letters: String) throws {
        let body = try site(Make.run(1)).get("\(Self.path)?granularity=M5&price=\(letters)").body
        for (letter, name) in [("M", "mid"), ("B", "bid"), ("A", "ask")] {
            #expect(body.contains("\"\(name)\"") == letters.contains(letter))
        }
    }

    @Test func `mid is the side without a word`() throws {
        let body = try site(Make.run(1)).get("\(Self.path)?granularity=M5").body
        #expect(body.contains(#""mid""#) && !body.contains(#""bid""#) && !body.contains(#""ask""#))
    }

    @Test func `Unix times have nine decimals`() throws {
        let reply = try site(Make.run(1)).get(
            "\(Self.path)?granularity=M5", headers: ["accept-datetime-format": "UNIX"])
        #expect(reply.body.contains(#""time":"1778572800.000000000""#))
    }

    @Test func `every answer has a number of its own`() throws {
        let site = try site(Make.run(1))
        let targets = ["\(Self.path)?granularity=M5", "\(Self.path)?granularity=M5", "/v3/accounts", "/v3/nothing"]
        let numbers = targets.flatMap { target in
            site.response(target).headers.filter { $0.name == "RequestID" }.compactMap { Int64($0.value) }
        }
        #expect(Set(numbers).count == targets.count)
    }

    // MARK: Which candles

    @Test func `without from the last ones come, without to the first from there`() throws {
        let site = try site(Make.run(10))
        #expect(ask(site, "count=3") == [7, 8, 9])
        #expect(ask(site, "count=3", to: 1_500) == [2, 3, 4])
        #expect(ask(site, "count=3", from: 1_500) == [5, 6, 7])
        #expect(ask(site, "") == Array(0..<10))
        #expect(ask(site, "", from: 600, to: 1_500) == [2, 3, 4])
        #expect(ask(site, "", from: 600, to: 600).isEmpty)
    }

    @Test func `from is covered by its candle, which includeFirst leaves out; what begins before to counts`() throws {
        let site = try site(Make.run(10))
        #expect(ask(site, "", from: 610, to: 1_201) == [2, 3, 4])
        #expect(ask(site, "includeFirst=False", from: 610, to: 1_201) == [3, 4])
        #expect(ask(site, "includeFirst=false", from: 600, to: 1_200) == [3])
        #expect(ask(site, "includeFirst=True", from: 600, to: 1_200) == [2, 3])
        #expect(ask(site, "includeFirst=false&count=2", from: 600) == [3, 4])
        #expect(ask(site, "includeFirst=false", from: 600, to: 610).isEmpty)
    }

    @Test func `500 candles come without a count`() throws {
        let site = try site(Make.run(600))
        #expect(ask(site, "") == Array(100..<600))
        #expect(ask(site, "", from: 300) == Array(1..<501))
    }

    @Test func `10,000 candles come page by page, each once`() throws {
        let site = try site(Make.run(10_000))
        var places: [Int64] = []
        while true {
            let page = ask(site, "count=3000&includeFirst=false", from: (places.last ?? -1) * 300)
            if page.isEmpty { break }
            places += page
        }
        #expect(places == Array(0..<10_000))
        #expect(ask(site, "", from: 0, to: 5_000 * 300) == Array(0..<5_000))
        #expect(ask(site, "", from: 150, to: 150 + 5_000 * 300) == Array(0..<5_001))
    }

    @Test func `times are read as RFC 3339 with nanoseconds and offset too`() throws {
        let site = try site(Make.run(10))
        let range = "from=2026-05-12T08:10:00.000000000Z&to=2026-05-12T10:20:00.000000001+02:00"
        let reply = site.get("\(Self.path)?granularity=M5&\(range)", headers: ["accept-datetime-format": "unix"])
        #expect(places(reply) == [2, 3, 4])
    }

    @Test func `partial candles are left out, unless they are asked for`() throws {
        var oneSided = Make.rising(Self.start + 900, 107_000, flags: [.partial, .sideMissing])
        (oneSided.ask, oneSided.mid) = (.zero, .zero)
        let site = try site([
            Make.rising(Self.start, 107_000), Make.rising(Self.start + 300, 107_000, flags: .partial),
            Make.rising(Self.start + 600, 107_000), oneSided,
        ])
        #expect(ask(site, "price=MBA") == [0, 2])
        #expect(ask(site, "price=MA&includePartial=true") == [0, 1, 2])
        let all = site.get("\(Self.path)?granularity=M5&price=MBA&includePartial=true").body
        #expect(all.matches(of: /"complete":false/).count == 2 && all.matches(of: /"complete":true/).count == 2)
        #expect(all.matches(of: /"bid"/).count == 4 && all.matches(of: /"ask"/).count == 3)
    }

    @Test func `the candle that forms comes last and is not complete`() throws {
        let site = try site(Make.run(10))
        form(10, site)
        #expect(ask(site, "count=3") == [8, 9, 10])
        #expect(ask(site, "count=3", from: 2_400) == [8, 9, 10])
        #expect(ask(site, "count=2", from: 2_400) == [8, 9])
        #expect(ask(site, "count=2", to: 3_000) == [8, 9])
        #expect(ask(site, "count=2", to: 3_001) == [9, 10])
        let body = site.get("\(Self.path)?granularity=M5&count=2").body
        #expect(body.matches(of: /"complete":(true|false)/).map(\.1) == ["true", "false"])
    }

    @Test func `a candle that is stored no longer forms`() throws {
        let site = try site(Make.run(9) + [Make.rising(Self.start + 2_700, 107_000, flags: .partial)])
        form(9, site)
        #expect(ask(site, "count=2") == [7, 8])
    }

    private func form(_ place: Int64, _ site: BotSite) {
        let record = Make.rising(Self.start + place * 300, 107_500)
        site.facts.live.set(quotes: [:], candles: [record.series: Candle(record)])
    }

    // MARK: What is refused

    @Test(arguments: [
        ("", "Invalid value specified for 'granularity'. EUR_USD has M5, M15"),
        ("granularity=S5", "Invalid value specified for 'granularity'. EUR_USD has M5, M15"),
        ("granularity=m5", "Invalid value specified for 'granularity'. EUR_USD has M5, M15"),
        ("granularity=M5&price=X", "Invalid value specified for 'price'. Give some of M, B and A"),
        ("granularity=M5&price=", "Invalid value specified for 'price'. Give some of M, B and A"),
        ("granularity=M5&count=0", "Invalid value specified for 'count'. Give a whole number from 1 to 5000"),
        ("granularity=M5&count=-1", "Invalid value specified for 'count'. Give a whole number from 1 to 5000"),
        ("granularity=M5&count=x", "Invalid value specified for 'count'. Give a whole number from 1 to 5000"),
        ("granularity=M5&count=5001", "Maximum value for 'count' exceeded"),
        ("granularity=M5&count=99999999999999999999", "Maximum value for 'count' exceeded"),
        ("granularity=M5&from=1778572800&to=1780072801", "Maximum value for 'count' exceeded"),
        (
            "granularity=M5&count=5&from=1778572800&to=1778572801",
            "'count' cannot be specified when 'to' and 'from' parameters are set"
        ),
        ("granularity=M5&from=yesterday", "Invalid value specified for 'from'"),
        ("granularity=M5&to=2026-02-30T00:00:00Z", "Invalid value specified for 'to'"),
        ("granularity=M5&from=1787212801", "Invalid value specified for 'from'. Time is in the future"),
        ("granularity=M5&to=1787212801", "Invalid value specified for 'to'. Time is in the future"),
        ("granularity=M5&from=1778572801&to=1778572800", "Invalid value specified for 'to'. It lies before 'from'"),
        ("granularity=M5&includeFirst=maybe", "Invalid value specified for 'includeFirst'. Give true or false"),
        (
            "granularity=M5&smooth=true",
            "Invalid value specified for 'smooth'. Give false: candles open with their first tick"
        ),
        (
            "granularity=M5&units=2",
            "Invalid value specified for 'units'. Give 1: for how much a price is good is not known"
        ),
        ("granularity=M5&dailyAlignment=24", "Invalid value specified for 'dailyAlignment'"),
    ])
    func `what OANDA refuses is refused in its words`(query: String, message: String) throws {
        let reply = try site(Make.run(1)).get("\(Self.path)?\(query)")
        #expect(reply == BotSite.Reply(status: 400, body: #"{"errorMessage":"\#(message)"}"#))
    }

    @Test func `alignment matters above an hour alone, and must be that of midnight UTC`() throws {
        let site = try site([
            Make.rising(Self.start, 1, minutes: 60), Make.rising(Self.start, 1, minutes: 240),
            Make.rising(Self.start, 1, minutes: 1_440),
        ])
        let all = "dailyAlignment=17&alignmentTimezone=America/New_York&weeklyAlignment=Friday"
        func status(_ query: String) -> Int { site.get("\(Self.path)?granularity=\(query)").status }
        #expect(status("H1&\(all)") == 200 && status("M5&\(all)") == 200)
        #expect(status("H4&\(all)") == 400 && status("D&\(all)") == 400)
        #expect(status("H4") == 200 && status("D") == 200)
        #expect(status("D&dailyAlignment=0&alignmentTimezone=UTC") == 200)
        #expect(status("H4&dailyAlignment=20&alignmentTimezone=Etc/UTC") == 200)
        #expect(status("H4&dailyAlignment=17&alignmentTimezone=UTC") == 400 && status("D&dailyAlignment=0") == 400)
        #expect(status("M5&smooth=false&units=1") == 200)
    }

    @Test func `an instrument without candles is not known`() throws {
        let site = try site(Make.run(1))
        for name in ["DE40", "EUR-USD", "x"] {
            #expect(
                site.get("/v3/instruments/\(name)/candles?granularity=M5")
                    == BotSite.Reply(status: 400, body: #"{"errorMessage":"Invalid value specified for 'instrument'"}"#)
            )
        }
        #expect(site.get("\(Self.path)?granularity=M5", headers: ["accept-datetime-format": "JULIAN"]).status == 400)
    }

    // MARK: Of an account

    @Test func `an account's candles are the same`() throws {
        let site = try site(Make.run(3))
        let query = "candles?granularity=M5&price=BA"
        let reply = site.get("/v3/accounts/\(OandaAccount.id)/instruments/EUR_USD/\(query)")
        #expect(reply.status == 200 && reply == site.get("/v3/instruments/EUR_USD/\(query)"))
    }

    @Test func `the latest are the last whole one and that which forms`() throws {
        let site = try site(Make.run(3) + [Make.rising(Self.start, 107_000, minutes: 15)])
        let target = "/v3/accounts/\(OandaAccount.id)/candles/latest?candleSpecifications=EUR_USD:M5:BM,EUR_USD:M15:A"
        form(3, site)
        let body = site.get(target, headers: ["accept-datetime-format": "UNIX"]).body
        #expect(body.hasPrefix(#"{"latestCandles":[{"instrument":"EUR_USD","granularity":"M5","candles":["#))
        #expect(body.contains(#""granularity":"M15""#))
        #expect(places(BotSite.Reply(status: 200, body: body)) == [2, 3, 0])
        for wrong in ["", "EUR_USD:M5", "EUR_USD:S5:M", "DE40:M5:M", "EUR_USD:M5:", "EUR_USD:M5:M,"] {
            let reply = site.get("/v3/accounts/\(OandaAccount.id)/candles/latest?candleSpecifications=\(wrong)")
            #expect(reply.status == 400 && reply.body.hasPrefix(#"{"errorMessage":"Invalid value specified for '"#))
        }
        #expect(site.get("/v3/accounts/\(OandaAccount.id)/candles/latest").status == 400)
    }

    @Test func `a request for the latest has a bound`() throws {
        let site = try site(Make.run(3))
        let statuses = [OandaCandles.specificationsMax, OandaCandles.specificationsMax + 1].map { count in
            let list = Array(repeating: "EUR_USD:M5:M", count: count).joined(separator: ",")
            return site.get("/v3/accounts/\(OandaAccount.id)/candles/latest?candleSpecifications=\(list)").status
        }
        #expect(statuses == [200, 400])
    }
}
