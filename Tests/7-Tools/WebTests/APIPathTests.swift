import Foundation
import Host
import MarketData
import Store
import Testing
import TestKit
@testable import Web
import Wire

/// The other paths of our own interface.
@Suite struct APIPathTests {
    private static let start = APIWorld.start
    private let world: APIWorld

    init() throws { world = try APIWorld() }

    private func storeSome() throws {
        var partial = Make.candle(Self.start + 300, price: "1.07213", flags: .partial)
        partial.blindMilliseconds = 1_500
        try world.store([Make.candle(Self.start, price: "1.1").envelope, partial.envelope])
    }

    // MARK: Errors

    @Test(arguments: [
        ("/candles/EUR_USD/5m?count=0", "count is '0': give a whole number from 1 to 10000"),
        ("/candles/EUR_USD/5m?selection=some", "selection is 'some': give one of all, complete"),
        ("/candles/EUR_USD/5m?forming=yes", "forming is 'yes': give true or false"),
        ("/candles/EUR_USD/5m?from=2&to=1", "from lies after to: exchange them"),
        (
            "/candles/EUR_USD/5m?limit=1",
            "there is no parameter 'limit' here: this path knows from, to, count, selection, forming"
        ),
        ("/ticks/EUR_USD", "from is missing: give the time of the first tick, such as from=2026-11-23T14:10:00Z"),
        ("/ticks/EUR_USD?from=2&to=1", "from lies after to: exchange them"),
        ("/ticks/EUR_USD?from=0&to=86400.1", "from and to are more than a day apart: ask for each day by itself"),
        ("/ticks/EUR_USD?from=0&position=0", "position is '0': give a whole number from 1 to 9007199254740991"),
        ("/ticks/EUR_USD?from=0&collector=eu", "there is no collector 'eu' here: give one of main"),
        ("/gaps?days=93", "days is '93': give a whole number from 1 to 92"),
        ("/gaps?pair=EUR-USD", "pair is 'EUR-USD': give a name such as EUR_USD"),
        (
            "/coverage?timeframe=7m",
            "timeframe: '7m' is not a timeframe: write minutes, hours or a day that divide a day: 5m, 1h, 1d"
        ),
        ("/explanation/EUR_USD/5m/0?ticks=1", "ticks is '1': give true or false"),
        ("/connection?days=", "days is '': give a whole number from 1 to 92"),
        ("/status?x", "there is no parameter 'x' here: this path knows no parameter"),
    ])
    func `a wrong request is told what is right`(target: String, message: String) throws {
        try storeSome()
        try world.look()
        let answer = world.get(target)
        #expect(answer.status == 400 && answer.contentType == "application/json")
        #expect(answer.message == message)
    }

    @Test(arguments: [
        ("/nothing", 404), ("/candles/EUR_USD", 404), ("/ticks/AAA_BBB?from=0", 404), ("/gaps?pair=AAA_BBB", 404),
        ("/coverage?timeframe=1d", 404), ("/explanation/EUR_USD/1d/0", 404),
    ])
    func `what does not exist is an error in the interface's form`(target: String, status: Int) throws {
        try storeSome()
        try world.look()
        let answer = world.get(target)
        #expect(answer.status == status && answer.message?.isEmpty == false, "\(answer.text)")
    }

    @Test(arguments: ["/status", "/pairs", "/quota", "/candles/EUR_USD/5m", "/connection"])
    func `before anything is known the answer is to ask again`(target: String) {
        let answer = world.get(target)
        #expect(answer.status == 503 && answer.message?.isEmpty == false, "\(answer.text)")
    }

    // MARK: Pairs

    private struct Pairs: Decodable {
        struct Line: Decodable {
            struct Last: Decodable {
                let timeframe: String
                let time: Int64
                let close: Decimal?
                let complete: Bool
            }
            let pair: String
            let configured: Bool
            let decimals: Int
            let timeframes: [String]
            let inSession: Bool
            let blind: Bool
            let bid: Decimal?
            let ask: Decimal?
            let spread: Decimal?
            let tickTime: Decimal?
            let last: Last?
            let holesOfLastDay: Int
            let blindMillisecondsOfLastDay: Int
        }
        let time: Decimal
        let pairs: [Line]
    }

    @Test func `each configured pair has its quote, its last candle and what its last day lacks`() throws {
        try storeSome()
        try world.look()
        let tick = Make.tick(Double(Self.start.rawValue) + 3_599.25, "1.07211", "1.07217").tick!
        world.live.publish(.tick(tick, .main))
        let answer: Pairs = try world.value("/pairs")
        #expect(answer.pairs.count == 28 && answer.time == Decimal(Self.start.rawValue + 3_600))
        let line = try #require(answer.pairs.first { $0.pair == "EUR_USD" })
        #expect(line.decimals == 5 && line.timeframes == ["5m"] && line.inSession && line.blind)
        #expect([line.bid, line.ask, line.spread].map { $0.map { "\($0)" } } == ["1.07211", "1.07217", "0.00006"])
        #expect(line.tickTime.map { "\($0)" } == "1778576399.25")
        #expect(line.last?.time == Self.start.rawValue + 300 && line.last?.complete == false)
        #expect(line.last.flatMap(\.close).map { "\($0)" } == "1.07213" && line.last?.timeframe == "5m")
        #expect(line.holesOfLastDay == 1 && line.blindMillisecondsOfLastDay == 1_500)
        let quiet = try #require(answer.pairs.first { $0.pair == "GBP_USD" })
        #expect(quiet.last == nil && quiet.bid == nil && quiet.spread == nil && quiet.holesOfLastDay == 0)
    }

    @Test func `a pair that is stored and no longer configured is in the list, behind the others, and says so`() throws
    {
        let former = try #require(Pair("AAA_BBB"))
        try world.store([Make.candle(Self.start, pair: former).envelope])
        try world.look()
        let answer: Pairs = try world.value("/pairs")
        #expect(answer.pairs.count == 29 && answer.pairs.dropLast().allSatisfy(\.configured))
        let line = try #require(answer.pairs.last)
        #expect(line.pair == "AAA_BBB" && !line.configured && line.timeframes == ["5m"] && line.last != nil)
        #expect(!line.inSession && line.blind)
        #expect(world.get("/events?pairs=AAA_BBB").text == "a stream")
        #expect(world.get("/events?pairs=AAA_CCC").status == 404)
    }

    // MARK: Ticks

    private struct Ticks: Decodable {
        struct Line: Decodable {
            let position: UInt64
            let time: Decimal
            let bid: Decimal?
            let ask: Decimal?
            let flags: [String]
        }
        let pair: String
        let collector: String
        let ticks: [Line]
        let next: UInt64?
    }

    @Test func `a stretch of ticks comes page by page without a hole, a repeat or another pair's`() throws {
        try storeSome()
        let seconds = Double(Self.start.rawValue)
        // Several segments of a journal; two pairs, whose ticks come at the same moments.
        let records = (0..<4_000).flatMap { place in
            let time = seconds + Double(place) / 4
            return [
                Make.clock(time), Make.tick(time, "1.0\(place % 89 + 10)", "1.1"),
                Make.tick(time, "150.1", "150.2", pair: Pair("USD_JPY")!),
            ]
        }
        try world.journal(records)
        let range = "from=\(Self.start.rawValue + 100)&to=\(Self.start.rawValue + 600)"
        var (walked, position): ([Ticks.Line], String) = ([], "")
        while true {
            let page: Ticks = try world.value("/ticks/EUR_USD?\(range)&count=301\(position)")
            walked += page.ticks
            guard let next = page.next else { break }
            position = "&position=\(next)"
        }
        let expected = (400..<2_400).map { (place: UInt64) in place * 3 + 2 }
        #expect(walked.map(\.position) == expected)
        #expect(walked.first.map { "\($0.time)" } == "1778572900" && walked[1].time - walked[0].time == 0.25)
        #expect(walked.allSatisfy { $0.ask.map { "\($0)" } == "1.1" })
    }

    @Test func `a side that is missing is null, and flags have their names`() throws {
        try storeSome()
        try world.journal([Make.tick(Double(Self.start.rawValue), "1.5", "1.6", flags: [.askMissing, .snapshot])])
        let answer: Ticks = try world.value("/ticks/EUR_USD?from=\(Self.start.rawValue)")
        #expect(answer.ticks.count == 1 && answer.ticks[0].ask == nil && answer.next == nil)
        #expect(answer.ticks[0].flags == ["snapshot", "askMissing"] && answer.collector == "main")
    }

    // MARK: Reports

    @Test func `status, gaps, coverage and explanation are what candlewick shows`() throws {
        struct Part: Decodable {
            let gaps: [[String: AnyValue]]?, days: [String]?, stages: [String: AnyValue?]?, start: Int64?
        }
        try storeSome()
        try world.look()
        #expect(try world.value("/status", as: Part.self).stages?.keys.contains("store-writer") == true)
        #expect(try world.value("/gaps?pair=EUR_USD&timeframe=5m&days=1", as: Part.self).gaps?.count == 1)
        #expect(try world.value("/coverage?days=3", as: Part.self).days?.last == "2026-05-12")
        #expect(
            try world.value("/explanation/EUR_USD/5m/2026-05-12T08:04:59Z", as: Part.self).start == Self.start.rawValue)
    }

    /// Anything.
    private struct AnyValue: Decodable { init(from decoder: any Decoder) throws {} }

    @Test func `quota names what is left and the requests`() throws {
        struct Whole: Decodable {
            struct Account: Decodable {
                struct Line: Decodable {
                    let pair: String, points: Int, outcome: String, purpose: String, time: Decimal
                }
                let collector: String, remaining: Int, total: Int, isReported: Bool, renewal: Int64?, requests: [Line]
            }
            let collectors: [Account]
        }
        let request = HistoryRequest(
            series: Series(Make.eurUSD, .fiveMinutes), first: Self.start - 300, last: Self.start, points: 2,
            sent: UTCNanos(seconds: Self.start), isRepair: true)
        let allowance = HistoryReply.Allowance(remaining: 9_998, total: 10_000, renewal: Self.start + 86_400)
        let reply = HistoryReply(
            request: 7, outcome: .answered, points: 2, allowance: allowance, received: UTCNanos(seconds: Self.start + 1)
        )
        var records = [RequestRecord(request).envelope, ReplyRecord(reply, to: request).envelope]
        for index in records.indices {
            (records[index].inputStream, records[index].inputPosition) = (.history, UInt64(7 + index))
        }
        try storeSome()
        try world.store(records)
        try world.look()
        let account = try #require(try world.value("/quota", as: Whole.self).collectors.first)
        #expect(account.collector == "main" && account.remaining == 9_998 && account.isReported)
        #expect(account.renewal == Self.start.rawValue + 86_400)
        #expect(account.requests.count == 1 && account.requests[0].purpose == "repair")
        #expect(account.requests[0].outcome == "answered" && account.requests[0].points == 2)
        world.clock.set(UTCNanos(seconds: Self.start + 9 * 86_400))
        #expect(try world.value("/quota", as: Whole.self).collectors[0].requests.isEmpty)
    }

    @Test func `connection names the events of the feed, oldest first`() throws {
        struct Whole: Decodable {
            struct Line: Decodable { let event: String, pair: String?, time: Decimal, from: Decimal?, until: Decimal? }
            let events: [Line]
        }
        func event(_ event: FeedEvent, _ position: UInt64, _ second: Int64, pair: Pair = .none) -> CandleEnvelope {
            var record = Make.feed(event, pair: pair, at: Double(Self.start.rawValue + second))
            record.position = position
            return .feed(record)
        }
        func time(_ second: Int64) -> UTCNanos { UTCNanos(seconds: Self.start + second) }
        try world.store([
            event(.blindBegan(since: UTCNanos(rawValue: 0)), 1, 0), event(.sessionNew, 2, 1),
            event(.blindEnded(from: UTCNanos(rawValue: 0), until: time(1)), 3, 1),
            event(.blindBegan(since: time(10)), 4, 12, pair: Make.eurUSD),
        ])
        try world.look()
        let events = try world.value("/connection", as: Whole.self).events
        #expect(events.map(\.event) == ["blind began", "session new", "blind ended", "blind began"])
        #expect(events.map(\.pair) == [nil, nil, nil, "EUR_USD"])
        #expect(events[2].from == nil && events[2].until == Decimal(Self.start.rawValue + 1))
        #expect(events[3].from == Decimal(Self.start.rawValue + 10) && events[3].until == nil)
        world.clock.set(UTCNanos(seconds: Self.start + 5 * 86_400))
        try world.look()
        #expect(try world.value("/connection", as: Whole.self).events.count == 1, "the pair is still blind")
        #expect(try world.value("/connection?days=6", as: Whole.self).events.count == 4)
    }
}
