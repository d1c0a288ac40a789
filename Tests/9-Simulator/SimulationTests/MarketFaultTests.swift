import MarketData
@testable import Simulation
import Testing

/// Faults of the broker's clock, ticks and candles.
@Suite struct MarketFaultTests {
    private final class Recorder: ItemListener {
        let note: () -> Void
        init(_ note: @escaping () -> Void) { self.note = note }
        func itemChanged() { note() }
        func itemNoted(_ notice: ItemNotice) {}
    }

    /// Plays a market with one item listened to; `faults` strike at their seconds, in order.
    private func play(
        _ ticks: [MarketTick], _ name: String, _ fields: [String], faults: [(second: Int64, text: String)],
        until last: Int64 = 300
    ) throws -> [String] {
        let market = market([("EUR_USD", ticks)])
        let item = try ItemCatalogue(market: market).item(name, adapter: "DEFAULT", account: "A")
        var notes: [String] = []
        let listener = Recorder { [unowned item] in
            let row = fields.map { name in item.fields.firstIndex(of: name).flatMap { item.values[$0].text } ?? "#" }
            notes.append(row.joined(separator: " "))
        }
        item.add(listener)
        market.start(subscribed: [market.pairs[0].pair])
        for fault in faults {
            _ = market.step(until: FixtureTime.start + fault.second * 1_000_000_000, budget: 100_000)
            apply(fault.text, to: market)
        }
        _ = market.step(until: FixtureTime.start + last * 1_000_000_000, budget: 100_000)
        return withExtendedLifetime(listener) { notes }
    }

    private func apply(_ text: String, to market: Market) {
        switch Fault(text) {
        case .market(let fault): market.faults.apply(fault, now: market.now)
        case .clear: market.faults.clear(now: market.now)
        default: Issue.record("no fault of the market: \(text)")
        }
    }

    private let ticks = "CHART:CS.D.EURUSD.CFD.IP:TICK"
    private let minute = "CHART:CS.D.EURUSD.CFD.IP:1MINUTE"
    private let heartbeat = "TRADE:HB.U.HEARTBEAT.IP"

    /// One tick a second, half a second behind it.
    private func seconds(_ count: Int64) -> [MarketTick] { (0..<count).map { tick(500 + 1_000 * $0, "1.1", "1.2") } }

    @Test func `a clock ahead moves the time of ticks until clear`() throws {
        let notes = try play(seconds(3), ticks, ["UTM"], faults: [(1, "clock-ahead=1400"), (2, "clear")])
        #expect(notes == ["1398902400500", "1398902402900", "1398902402500"])
    }

    @Test func `a clock ahead begins and closes candles earlier, on whole minutes of its own`() throws {
        let notes = try play(
            [tick(58_000, "1.1", "1.2"), tick(59_000, "1.3", "1.4")], minute, ["UTM", "BID_CLOSE", "CONS_END"],
            faults: [(0, "clock-ahead=1400")], until: 61)
        #expect(notes == ["1398902400000 1.1 0", "1398902400000 1.1 1", "1398902460000 1.3 0"])
    }

    @Test func `a drifting clock goes further wrong with time`() throws {
        let notes = try play(
            seconds(4), ticks, ["UTM"], faults: [(0, "clock-ahead=1000"), (1, "clock-drift=100000"), (3, "clear")])
        // 0.1 s for each whole second since.
        #expect(notes == ["1398902401500", "1398902402500", "1398902403600", "1398902403500"])
    }

    @Test func `the heartbeat does not follow the clock of the ticks`() throws {
        let notes = try play([], heartbeat, ["HEARTBEAT"], faults: [(0, "clock-ahead=5000")], until: 1)
        #expect(notes == ["1398902401"])
    }

    @Test func `one heartbeat is wrong, or all until clear`() throws {
        #expect(
            try play([], heartbeat, ["HEARTBEAT"], faults: [(1, "wrong-heartbeat=-60")], until: 3)
                == ["1398902401", "1398902342", "1398902403"])
        #expect(
            try play([], heartbeat, ["HEARTBEAT"], faults: [(1, "heartbeat-shift=60"), (3, "clear")], until: 4)
                == ["1398902401", "1398902462", "1398902463", "1398902404"])
    }

    @Test func `one tick has a wrong time, or all until clear`() throws {
        #expect(
            try play(seconds(3), ticks, ["UTM"], faults: [(1, "wrong-tick=-3600")])
                == ["1398902400500", "1398898801500", "1398902402500"])
        #expect(
            try play(seconds(4), ticks, ["UTM"], faults: [(1, "tick-shift=60"), (3, "clear")])
                == ["1398902400500", "1398902461500", "1398902462500", "1398902403500"])
    }

    @Test func `ticks lack a side now and then, the next one has both, and the time is never missing`() throws {
        let notes = try play(seconds(299), ticks, ["BID", "OFR"], faults: [(0, "one-sided=4"), (200, "clear")])
        let counts = Dictionary(notes.map { ($0, 1) }, uniquingKeysWith: +)
        #expect(Set(counts.keys) == ["1.1 1.2", "1.1 #", "# 1.2", "# #"])
        #expect((25...75).contains(299 - (counts["1.1 1.2"] ?? 0)))
        #expect(notes[200...].allSatisfy { $0 == "1.1 1.2" })
        #expect(!(try play(seconds(200), ticks, ["UTM"], faults: [(0, "one-sided=1")])).contains("#"))
    }

    @Test func `candles and history take of a one-sided tick what it brings`() throws {
        let rising = (0..<59).map { tick(500 + 1_000 * $0, "1.\(100 + $0)", "1.\(200 + $0)") }
        let market = market([("EUR_USD", rising)])
        let pair = market.pairs[0]
        apply("one-sided=1", to: market)
        market.start(subscribed: [pair.pair])
        _ = market.step(until: FixtureTime.start + 70_000_000_000, budget: 1_000)
        let candle = try #require(pair.candle(.oneMinute))
        var bids: [WirePrice] = []
        pair.forEachSent(from: FixtureTime.start, to: .max, ahead: 0) { if !$0.bid.isNull { bids.append($0.bid) } }
        #expect(bids.count < 59)
        #expect(candle.bid.close == bids.last)
        #expect(candle.bid.open == bids.first)
        #expect(candle.tickCount == 59)
        let history = PriceHistory(pair: pair, resolution: .minute, clock: .utc, marketTime: market.now)
        #expect(history.last(1).first?.bid == candle.bid)
        #expect(history.last(1).first?.ask == candle.ask)
    }

    @Test func `history goes by the clock that is ahead`() throws {
        let market = market([("EUR_USD", [tick(58_000, "1.1", "1.2"), tick(59_000, "1.3", "1.4")])])
        apply("clock-ahead=1400", to: market)
        market.start(subscribed: [market.pairs[0].pair])
        _ = market.step(until: FixtureTime.start + 61_000_000_000, budget: 1_000)
        let history = PriceHistory(
            pair: market.pairs[0], resolution: .minute, clock: .utc, marketTime: market.now)
        #expect(history.last(5).map(\.start) == [1_398_902_400, 1_398_902_460])
    }

    @Test func `every second tick comes twice until clear`() throws {
        let notes = try play(seconds(6), ticks, ["UTM"], faults: [(0, "repeat-ticks=2"), (4, "clear")])
        #expect(notes.map { $0.suffix(4) } == ["0500", "1500", "1500", "2500", "3500", "3500", "4500", "5500"])
    }

    @Test func `candle updates merge to one a second until clear`() throws {
        let fast = (0..<8).map { tick(300 + 250 * $0, "1.\(10 + $0)", "1.2") }
        let notes = try play(fast, minute, ["BID_CLOSE", "CONS_END"], faults: [(0, "merged-candles")], until: 60)
        #expect(notes == ["1.12 0", "1.16 0", "1.17 0", "1.17 1"])
        let later = try play(fast, minute, ["BID_CLOSE"], faults: [(0, "merged-candles"), (1, "clear")], until: 59)
        #expect(later == ["1.12", "1.13", "1.14", "1.15", "1.16", "1.17"])
    }

    @Test func `a complete candle comes again until clear`() throws {
        let two = [tick(30_000, "1.1", "1.2"), tick(90_000, "1.3", "1.4")]
        let notes = try play(
            two, minute, ["BID_CLOSE", "CONS_END"], faults: [(0, "resend-candles"), (70, "clear")], until: 130)
        #expect(notes == ["1.1 0", "1.1 1", "1.1 1", "1.3 0", "1.3 1"])
    }

    @Test func `the snapshot of a candle item is an older candle until clear`() throws {
        let market = market([("EUR_USD", [tick(30_000, "1.1", "1.2"), tick(90_000, "1.3", "1.4")])])
        let item = try ItemCatalogue(market: market).item(minute, adapter: "DEFAULT", account: "A")
        market.start(subscribed: [market.pairs[0].pair])
        _ = market.step(until: FixtureTime.start + 100_000_000_000, budget: 1_000)
        for (fault, shown) in [("old-candles", "1398902400000"), ("clear", "1398902460000")] {
            apply(fault, to: market)
            let listener = Recorder {}
            item.add(listener)
            #expect(item.values[2].text == shown)
            item.remove(listener)
        }
    }

    @Test func `prices lose trailing zeros until clear`() throws {
        let points = "CHART:CS.D.EURUSD.TODAY.IP:TICK"
        let two = [tick(500, "1.33590", "1.34000"), tick(1_500, "1.33590", "1.34000")]
        let notes = try play(two, points, ["BID", "OFR"], faults: [(0, "strip-zeros"), (1, "clear")])
        #expect(notes == ["13359 13400", "13359.0 13400.0"])
    }
}
