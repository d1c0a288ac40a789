import MarketData
@testable import StreamIngest
import Testing
import TestKit
import TLCP
import Wire

/// The broker's own candles: which are asked for, what is believed of them, and what they say of a pair.
@Suite struct NativeCandlesTests {
    private static func instruments(_ count: Int, hours: (Int) -> TradingHours = { _ in .fx }) -> [Instrument] {
        (0..<count).map { index in
            let name = "AA\(UnicodeScalar(UInt8(65 + index / 26)))BB\(UnicodeScalar(UInt8(65 + index % 26)))"
            return Instrument(pair: Pair(name)!, epic: "CS.D.\(name).CFD.IP", hours: hours(index))
        }
    }

    private static func make(pairs: Int, limit: Int = 40, timeframes: [Int] = [5, 15]) -> NativeCandles? {
        NativeCandles(
            instruments: instruments(pairs),
            timeframes: timeframes.map { Timeframe(minutes: $0)! }, limit: limit)
    }

    @Test func `one item stays free, and without another there is no second opinion`() {
        #expect(Self.make(pairs: 28)?.share == 10)
        #expect(Self.make(pairs: 2)?.share == 2)
        #expect(Self.make(pairs: 28, limit: 31)?.share == 1)
        #expect(Self.make(pairs: 28, limit: 30) == nil)
    }

    @Test(arguments: [([5, 15], "5MINUTE"), ([1, 5], "5MINUTE"), ([1, 15], "1MINUTE"), ([15, 60], "HOUR")])
    func `the broker's candles are of a timeframe that is configured`(timeframes: [Int], scale: String) throws {
        let requests = try #require(Self.make(pairs: 2, timeframes: timeframes)).requests
        #expect(requests.map(\.items) == Self.instruments(2).map { ["CHART:\($0.epic):\(scale)"] })
    }

    @Test func `no timeframe of ours that the broker has is no second opinion`() {
        #expect(Self.make(pairs: 2, timeframes: [15, 30]) == nil)
    }

    /// Lets each open item finish a candle at the end of each interval, with what the session must never see.
    private static func play(
        _ native: inout NativeCandles, from start: Int64, intervals: Int
    ) -> (seen: [Set<Int>], mostOpen: Int) {
        var open: Set<Int> = []
        var seen: [Set<Int>] = []
        var mostOpen = 0
        func turn(_ native: inout NativeCandles) {
            for turn in native.takeTurns() {
                switch turn {
                case .open(let number): #expect(open.insert(native.index(of: number)!).inserted)
                case .close(let number): #expect(open.remove(native.index(of: number)!) != nil)
                }
                mostOpen = max(mostOpen, open.count)
            }
        }
        native.fill(feedTime: start * UTCNanos.perSecond)
        for interval in 0..<intervals {
            turn(&native)
            seen.append(open)
            let begin = start + Int64(interval) * 300
            for index in open.sorted() {
                let candle = Make.candle(UTCSeconds(rawValue: begin), source: .native)
                _ = native.finish(candle, index, isSilent: false, feedTime: (begin + 300) * UTCNanos.perSecond)
            }
        }
        return (seen, mostOpen)
    }

    @Test(arguments: [28, 29, 35])
    func `every pair has its turn, and no more items are used than are free`(pairs: Int) throws {
        var native = try #require(Self.make(pairs: pairs))
        let rounds = Int(native.roundSeconds / 300)
        let (seen, mostOpen) = Self.play(&native, from: 1_779_105_600, intervals: rounds * 3)
        #expect(mostOpen == native.share)
        for first in stride(from: 0, to: rounds * 3, by: rounds) {
            #expect(seen[first..<(first + rounds)].reduce(into: Set()) { $0.formUnion($1) }.count == pairs)
        }
        // Within the hour with up to 35 pairs; 28 in a quarter of it.
        #expect(native.roundSeconds <= (pairs == 28 ? 900 : 3_600))
    }

    @Test func `a candle that does not end keeps no item`() throws {
        var native = try #require(Self.make(pairs: 28))
        let start: Int64 = 1_779_105_600
        native.fill(feedTime: start * UTCNanos.perSecond)
        #expect(native.takeTurns() == (29..<39).map { .open($0) })
        native.timePassed(feedTime: (start + 620) * UTCNanos.perSecond)
        #expect(native.takeTurns() == [])
        native.timePassed(feedTime: (start + 631) * UTCNanos.perSecond)
        #expect(native.takeTurns().count == 20)
        // Nothing ends while the market is shut.
        let sunday: Int64 = 1_779_105_600 - 2 * 86_400
        var shut = try #require(Self.make(pairs: 28))
        shut.fill(feedTime: sunday * UTCNanos.perSecond)
        _ = shut.takeTurns()
        shut.timePassed(feedTime: (sunday + 3_600) * UTCNanos.perSecond)
        #expect(shut.takeTurns() == [])
        // And nothing is overdue when it opens.
        shut.timePassed(feedTime: start * UTCNanos.perSecond)
        #expect(shut.takeTurns() == [])
    }

    @Test func `items go to the pairs whose market is open, and stay where none other is`() throws {
        let weekend = TradingHours(
            zone: ZoneRule("UTC")!, named: "UTC", sessions: [WeeklySession("Sat 08:00-Sun 20:00")!])
        var native = try #require(
            NativeCandles(
                instruments: Self.instruments(28) { $0 < 20 ? weekend : .fx }, timeframes: [.fiveMinutes], limit: 40))
        var watched: Set<Int> = []
        func turn(_ native: inout NativeCandles) -> Int {
            let turns = native.takeTurns()
            for turn in turns {
                switch turn {
                case .open(let number): watched.insert(native.index(of: number)!)
                case .close(let number): watched.remove(native.index(of: number)!)
                }
            }
            return turns.count
        }
        // A Monday at noon: eight are open.
        let monday: Int64 = 1_779_105_600
        native.fill(feedTime: monday * UTCNanos.perSecond)
        _ = turn(&native)
        #expect(watched == Set([0, 1] + Array(20..<28)))
        native.timePassed(feedTime: (monday + 600) * UTCNanos.perSecond)
        #expect(turn(&native) == 0)
        // The Saturday after it: the other twenty are.
        native.timePassed(feedTime: (monday + 5 * 86_400) * UTCNanos.perSecond)
        _ = turn(&native)
        #expect(watched.count == 10 && watched.allSatisfy { $0 < 20 })
        native.timePassed(feedTime: (monday + 5 * 86_400 + 1) * UTCNanos.perSecond)
        #expect(turn(&native) == 0)
        // Sunday at 20:30: none is.
        native.timePassed(feedTime: (monday + 6 * 86_400 + 8 * 3_600 + 1_800) * UTCNanos.perSecond)
        #expect(turn(&native) == 0)
    }

    @Test func `an item that is needed elsewhere is given up`() throws {
        var native = try #require(Self.make(pairs: 37))
        native.fill(feedTime: 0)
        #expect(native.takeTurns() == [.open(38)])
        var hasYielded = native.yield()
        #expect(hasYielded)
        #expect(native.takeTurns() == [.close(38)])
        native.fill(feedTime: 0)
        hasYielded = native.yield()
        #expect(native.takeTurns() == [] && !hasYielded)
    }

    @Test func `a candle that is sent again is no news, and ends no pair's turn`() throws {
        var native = try #require(Self.make(pairs: 28))
        let start: UTCSeconds = 1_779_105_600
        native.fill(feedTime: UTCNanos(seconds: start).rawValue)
        _ = native.takeTurns()
        let end = UTCNanos(seconds: start + 300).rawValue
        _ = native.finish(Make.candle(start, source: .native), 0, isSilent: false, feedTime: end - 1)
        #expect(native.takeTurns() == [.close(29), .open(39)])
        // The next pair's candle of the same interval.
        _ = native.finish(Make.candle(start, source: .native), 10, isSilent: false, feedTime: end - 1)
        #expect(native.takeTurns() == [])
    }

    /// The result of an update with these values, at the feed's time of 10 minutes past the hour.
    private static func reading(_ values: String, isSnapshot: Bool = false) throws -> String {
        struct Sink: SessionSink {
            var reading: NativeCandles.Reading?
            let native: NativeCandles
            mutating func updated(_ update: FieldUpdate) {
                guard NativeCandles.isOver(update) else { return }
                reading = native.read(update, 0, feedTime: 1_779_105_600_000_000_000)
            }
            mutating func happened(_ event: SessionEvent) {}
        }
        let native = try #require(make(pairs: 2))
        var sink = Sink(native: native)
        var session = ClientSession(options: SessionOptions(endpoint: Endpoint("ws://127.0.0.1:1")!), seed: 1)
        _ = session.subscribe(native.requests[0], now: .zero)
        session.start(now: .zero, into: &sink)
        guard case .openWebSocket(let id, _, _) = session.takeActions().first else { return "no transport" }
        session.transportOpened(id, now: .zero)
        let before = isSnapshot ? "" : "U,1,1,\(Array(repeating: "#", count: 11).joined(separator: "|"))\r\n"
        let text = "WSOK\r\nCONOK,S1,50000,5000,*\r\nSUBOK,1,1,11\r\n\(before)U,1,1,\(values)\r\n"
        Array(text.utf8).withUnsafeBytes { session.received($0, from: id, now: .zero, into: &sink) }
        switch sink.reading {
        case .candle(let candle):
            return
                "\(candle.start.seconds) \(candle.bid.high) \(candle.ask.low) \(candle.tickCount) \(candle.source.name)"
        case .wrong(let what): return what.split(separator: ": ").last.map(String.init) ?? ""
        case .repeated, nil: return "nothing"
        }
    }

    private static let prices = "1.1|1.3|1.0|1.2|1.11|1.31|1.01|1.21"

    @Test func `the broker's candle is taken when it is complete and over`() throws {
        let over = "1779105300000|\(Self.prices)|1|252"
        #expect(try Self.reading(over) == "1779105300 1.3 1.01 252 native")
        // IG's snapshot may be an older candle.
        #expect(try Self.reading(over, isSnapshot: true) == "nothing")
        #expect(try Self.reading("1779105300000|\(Self.prices)|0|252") == "nothing")
        #expect(try Self.reading("1779105300000|\(Self.prices)|#|252") == "nothing")
        #expect(
            try Self.reading("1779105301000|\(Self.prices)|1|252")
                == "its start or its tick count is missing or invalid")
        // In microseconds.
        #expect(
            try Self.reading("1779105300000000|\(Self.prices)|1|252")
                == "its start or its tick count is missing or invalid")
        #expect(try Self.reading("#|\(Self.prices)|1|252") == "its start or its tick count is missing or invalid")
        #expect(try Self.reading("1779105600000|\(Self.prices)|1|252") == "marked as ended before its interval ended")
        for wrong in ["1.1|1.0|1.0|1.2", "1.1|1.3|1.15|1.2", "#|#|#|#", "0|1.3|0|1.2", "1.1|x|1.0|1.2"] {
            #expect(try Self.reading("1779105300000|\(wrong)|1.11|1.31|1.01|1.21|1|2") == "no possible prices")
        }
    }
}
