import MarketData
@testable import Simulation
import Testing

@Suite struct MarketTests {
    private final class Recorder: ItemListener {
        let note: () -> Void
        init(_ note: @escaping () -> Void) { self.note = note }
        func itemChanged() { note() }
        func itemNoted(_ notice: ItemNotice) {}
    }

    /// Plays everything and notes each update of ticks and heartbeat in order.
    private func play(_ market: Market) throws -> [String] {
        let catalogue = ItemCatalogue(market: market)
        var notes: [String] = []
        var listeners: [Recorder] = []
        for pair in market.pairs {
            let epic = "CS.D.\(pair.pair.base)\(pair.pair.quote).CFD.IP"
            let item = try catalogue.item("CHART:\(epic):TICK", adapter: "DEFAULT", account: "A")
            let listener = Recorder { [unowned item] in notes.append("\(pair.pair.base) \(item.values[0].text ?? "#")")
            }
            item.add(listener)
            listeners.append(listener)
        }
        let heartbeat = market.heartbeat
        let listener = Recorder {
            notes.append("second \((Int64(heartbeat.values[0].text ?? "") ?? 0) - 1_398_902_400)")
        }
        heartbeat.add(listener)
        market.start(subscribed: Set(market.pairs.map(\.pair)))
        while market.phase == .running, market.step(until: .max, budget: 7) > 0 {}
        return withExtendedLifetime((listeners, listener)) { notes }
    }

    @Test func `ticks are merged by time, then by the order of the pairs, behind the second they lie in`() throws {
        let market = market([
            ("EUR_USD", [tick(292, "1", "2"), tick(1_000, "3", "4"), tick(1_500, "5", "6")]),
            ("NZD_USD", [tick(100, "7", "8"), tick(1_000, "9", "10"), tick(1_000, "11", "12")]),
        ])
        #expect(
            try play(market).prefix(8) == [
                "NZD 7", "EUR 1", "second 1", "EUR 3", "NZD 9", "NZD 11", "EUR 5", "second 2",
            ])
    }

    @Test func `an instrument of any name is played under an epic of its name`() throws {
        let market = market([
            ("DE40", [tick(292, "18000.5", "18001.5")]), ("DE40X", [tick(300, "7", "8")]),
            ("US_500", [tick(310, "9", "10")]),
        ])
        #expect(try play(market).prefix(3) == ["DE40 18000.5", "DE40X 7", "US_500 9"])
    }

    @Test func `market time runs on to the end of the hour and ten seconds more`() throws {
        let market = market([("EUR_USD", [tick(292, "1", "2")])])
        #expect(try play(market).last == "second 3610")
        #expect(market.phase == .finished)
    }

    @Test func `the play waits for every pair that has a file`() throws {
        let market = market([("EUR_USD", [tick(0, "1", "2")]), ("NZD_USD", [tick(0, "1", "2")])])
        market.start(subscribed: [market.pairs[0].pair])
        #expect(market.phase == .waiting)
        #expect(market.step(until: .max, budget: 10) == 0)
        market.start(subscribed: Set(market.pairs.map(\.pair)))
        #expect(market.phase == .running)
    }

    @Test func `nothing goes out before its time`() {
        let market = market([("EUR_USD", [tick(292, "1", "2"), tick(293, "1", "2")])])
        market.start(subscribed: [market.pairs[0].pair])
        #expect(market.step(until: FixtureTime.start + 292_000_000, budget: 10) == 1)
        #expect(market.now == FixtureTime.start + 292_000_000)
    }

    @Test func `a clock runs at its speed from where it was started`() {
        var clock = MarketClock(speed: .times(60))
        #expect(clock.limit(at: 5) == nil)
        clock.start(market: 1_000, monotonic: 100)
        #expect(clock.limit(at: 100) == 1_000)
        #expect(clock.limit(at: 110) == 1_600)
        #expect(clock.limit(at: 90) == 1_000)
        var fastest = MarketClock(speed: .max)
        fastest.start(market: 1_000, monotonic: 100)
        #expect(fastest.limit(at: 100) == .max)
    }

    @Test func `a clock knows how far it is ahead of another that keeps its pace`() {
        var clock = MarketClock(speed: .times(1))
        #expect(clock.ahead(of: 40, at: 100) == nil)
        clock.start(market: 1_000, monotonic: 100)
        #expect(clock.ahead(of: 40, at: 100) == 960)
        #expect(clock.ahead(of: 5_040, at: 5_100) == 960)
        var fastest = MarketClock(speed: .max)
        fastest.start(market: 1_000, monotonic: 100)
        #expect(fastest.ahead(of: 40, at: 100) == nil)
    }

    @Test func `a candle item says when its candle is complete and keeps its start`() throws {
        let market = market([
            ("EUR_USD", [tick(1_000, "1.1", "1.2"), tick(59_000, "1.0", "1.4"), tick(61_000, "1.3", "1.5")])
        ])
        let item = try ItemCatalogue(market: market).item(
            "CHART:CS.D.EURUSD.CFD.IP:1MINUTE", adapter: "DEFAULT", account: "A")
        let fields = [
            "UTM", "BID_OPEN", "BID_HIGH", "BID_LOW", "BID_CLOSE", "OFR_CLOSE", "CONS_END", "CONS_TICK_COUNT",
        ]
        var notes: [String] = []
        let listener = Recorder { [unowned item] in
            let row = fields.map { name in item.fields.firstIndex(of: name).flatMap { item.values[$0].text } ?? "#" }
            notes.append(row.joined(separator: " "))
        }
        item.add(listener)
        market.start(subscribed: [market.pairs[0].pair])
        while market.phase == .running, market.step(until: .max, budget: 100) > 0 {}
        #expect(
            withExtendedLifetime(listener) { notes } == [
                "1398902400000 1.1 1.1 1.1 1.1 1.2 0 1", "1398902400000 1.1 1.1 1.0 1.0 1.4 0 2",
                "1398902400000 1.1 1.1 1.0 1.0 1.4 1 2", "1398902460000 1.3 1.3 1.3 1.3 1.5 0 1",
                "1398902460000 1.3 1.3 1.3 1.3 1.5 1 1",
            ])
    }

    @Test func `the walk is a function of seed and market time`() throws {
        let pair = try #require(Pair("EUR_USD"))
        let minute: Int64 = 23_315_040  // 2014-05-01 00:00
        let walk = RandomWalk(pair: pair, seed: 7, rate: 2)
        #expect(walk.ticks(minute: minute) == RandomWalk(pair: pair, seed: 7, rate: 2).ticks(minute: minute))
        #expect(walk.ticks(minute: minute) != RandomWalk(pair: pair, seed: 8, rate: 2).ticks(minute: minute))
        let ticks = walk.ticks(minute: minute)
        #expect(ticks.map(\.time) == ticks.map(\.time).sorted())
        #expect(ticks.allSatisfy { $0.bid.mantissa < $0.ask.mantissa && $0.bid.decimals == 5 })
    }

    @Test func `a pair with a rate of its own has about so many ticks, whatever the others have`() throws {
        let pair = try #require(Pair("EUR_USD"))
        let noon: Int64 = 23_315_040 + 720  // 2014-05-01 12:00
        let count = { (rate: Double, ownRate: Double?) in
            let walk = RandomWalk(pair: pair, seed: 7, rate: rate, ownRate: ownRate)
            return (0..<100).reduce(0) { $0 + walk.ticks(minute: noon + $1).count }
        }
        #expect((400...800).contains(count(12, 0.1)))
        #expect(count(12, 0.1) == count(2, 0.1))
        #expect(count(12, 0.1) * 20 < count(2, nil))
    }

    @Test func `a walk shows no ticks at the weekend`() throws {
        let walk = RandomWalk(pair: try #require(Pair("USD_JPY")), seed: 7, rate: 2)
        let friday = (FixtureTime.start / 1_000_000_000 + 86_400 + 21 * 3_600) / 60  // 2014-05-02 21:00 UTC
        #expect(!walk.ticks(minute: friday - 1).isEmpty)
        #expect(walk.ticks(minute: friday).isEmpty)
        let source = WalkTicks(walk: walk, start: friday * 60_000_000_000)
        #expect(source.nextTime >= (friday + 48 * 60) * 60_000_000_000)
    }

    @Test(arguments: [
        ("2014-03-09T06:59:59", -5), ("2014-03-09T07:00:00", -4), ("2014-11-02T05:59:59", -4),
        ("2014-11-02T06:00:00", -5),
    ])
    func `New York follows the US rule`(text: String, offset: Int64) throws {
        #expect(LocalClock.newYork.offsetHours(at: try #require(SimulatorOptions.moment(text))) == offset)
    }

    @Test(arguments: [
        ("2014-03-30T00:59:59", 0), ("2014-03-30T01:00:00", 1), ("2014-10-26T00:59:59", 1), ("2014-10-26T01:00:00", 0),
    ])
    func `London follows the UK rule, and local times lead back`(text: String, offset: Int64) throws {
        let second = try #require(SimulatorOptions.moment(text))
        #expect(LocalClock.london.offsetHours(at: second) == offset)
        let noon = second + 12 * 3_600
        #expect(LocalClock.london.utcSecond(ofLocal: LocalClock.london.localSecond(at: noon)) == noon)
    }
}
