import Candles
import MarketData
import Testing
import TestKit
import Wire

/// Folds records as a journal would hold them: numbered from 1, after the feed's own word that it sees.
func fold(_ records: [TickEnvelope], covered: Bool = true, options: CandleBuilder.Options = fiveMinutes)
    -> CandleBuilder
{
    var builder = CandleBuilder(options: options)
    let opening = covered ? [Make.feed(.blindBegan(since: Make.nanos(0))), seen(from: 0, until: 0)] : []
    for (index, record) in (opening + records).enumerated() {
        var record = record
        record.seal(position: UInt64(index + 1))
        builder.fold(record)
    }
    return builder
}

func seen(from: Double, until: Double) -> TickEnvelope {
    Make.feed(.blindEnded(from: Make.nanos(from), until: Make.nanos(until)), at: until)
}

/// Closes by the grace alone.
let fiveMinutes: CandleBuilder.Options = {
    var options = CandleBuilder.Options()
    options.timeframes = [.fiveMinutes]
    options.closesByNextTick = false
    options.grace = .seconds(2)
    return options
}()

extension CandleBuilder {
    var candles: [CandleRecord] { output.compactMap(\.candle) }
}

/// The candle without what depends on the order of arrival: revision, flags, input position.
func content(_ candle: CandleRecord) -> [Int64] {
    [candle.bid, candle.ask, candle.mid].flatMap { [$0.open, $0.high, $0.low, $0.close].map(\.rawValue) }
        + [Int64(candle.tickCount), candle.firstTickTime.rawValue, candle.lastTickTime.rawValue, candle.start.rawValue]
}

@Suite struct FoldTests {
    @Test func `bid, ask and mid are folded tick by tick`() {
        let builder = fold([
            Make.tick(300, "1.10", "1.20"), Make.tick(301, "1.30", "1.31"), Make.tick(302, "1.05", "1.25"),
            Make.tick(599, "1.15", "1.16"), Make.clock(602),
        ])
        let candle = builder.candles[0]
        #expect(candle.start.seconds == 300 && candle.tickCount == 4 && candle.revision == 1 && candle.flags == [])
        #expect(
            candle.bid == OHLC(open: Price("1.10")!, high: Price("1.30")!, low: Price("1.05")!, close: Price("1.15")!))
        #expect(
            candle.ask == OHLC(open: Price("1.20")!, high: Price("1.31")!, low: Price("1.16")!, close: Price("1.16")!))
        // 1.15, 1.305, 1.15, 1.155: not the mean of the extremes of the two sides.
        #expect(
            candle.mid == OHLC(open: Price("1.15")!, high: Price("1.305")!, low: Price("1.15")!, close: Price("1.155")!)
        )
        #expect(candle.inputPosition == 7)
    }

    @Test func `of ticks with one time the first is the open and the last the close`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.tick(301, "1.3", "1.4"), Make.tick(301, "1.2", "1.3"), Make.clock(602),
        ])
        #expect(builder.candles[0].bid.open == Price("1.1") && builder.candles[0].bid.close == Price("1.2"))
    }

    @Test func `a tick on the boundary opens the next candle`() {
        let builder = fold([Make.tick(599.999, "1.1", "1.2"), Make.tick(600, "1.3", "1.4"), Make.clock(902)])
        #expect(builder.candles.map(\.start.seconds) == [300, 600])
        #expect(builder.candles.map(\.tickCount) == [1, 1])
    }

    @Test func `an interval without ticks has no candle`() {
        let builder = fold([Make.tick(301, "1.1", "1.2"), Make.tick(1_300, "1.3", "1.4"), Make.clock(1_600)])
        #expect(builder.candles.map(\.start.seconds) == [300, 1_200])
    }

    @Test func `a quiet pair closes on the feed's clock, at the end plus the grace`() {
        #expect(fold([Make.tick(301, "1.1", "1.2"), Make.clock(601.999)]).candles.isEmpty)
        #expect(fold([Make.tick(301, "1.1", "1.2"), Make.clock(602)]).candles.count == 1)
    }

    @Test func `another pair's tick moves feed time too`() {
        let other = Pair("NZDUSD")!
        #expect(fold([Make.tick(301, "1.1", "1.2"), Make.tick(602, "0.8", "0.9", pair: other)]).candles.count == 1)
    }

    @Test func `within the grace a late tick belongs to its candle, without a revision`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.tick(601, "1.3", "1.4"), Make.tick(599, "1.0", "1.1"), Make.clock(902),
        ])
        #expect(builder.candles.map(\.tickCount) == [2, 1])
        #expect(builder.candles[0].bid.close == Price("1.0") && builder.candles[0].revision == 1)
    }

    @Test func `after the close a late tick makes a numbered revision`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.clock(602), Make.tick(400, "1.5", "1.6"), Make.tick(302, "1.4", "1.5"),
        ])
        #expect(builder.candles.map(\.revision) == [1, 2, 3])
        #expect(builder.candles.map(\.tickCount) == [1, 2, 3])
        #expect(builder.candles.last?.bid.close == Price("1.5") && builder.candles.last?.flags == .late)
        #expect(builder.counters.late == 2)
    }

    @Test func `a late tick of a silent interval gives its first candle`() {
        let builder = fold([Make.clock(902), Make.tick(301, "1.1", "1.2")])
        #expect(builder.candles.map(\.revision) == [1] && builder.candles.first?.flags == .late)
    }

    @Test func `a tick beyond the reach of late ticks is counted and left out`() {
        let builder = fold([Make.clock(200_000), Make.tick(301, "1.1", "1.2")])
        #expect(builder.candles.isEmpty && builder.counters.tooLate == 1)
    }

    @Test func `a tick a day ahead of the feed's clock moves nothing`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.clock(302), Make.tick(99_999_999, "9", "9"), Make.clock(602),
        ])
        #expect(builder.candles.count == 1 && builder.counters.implausible == 1)
    }

    @Test func `every order of five ticks around a boundary gives the same two candles`() {
        let ticks = [
            Make.tick(598, "1.1", "1.2"), Make.tick(599, "1.5", "1.6"), Make.tick(599.5, "1.0", "1.3"),
            Make.tick(600, "1.2", "1.4"), Make.tick(601, "1.6", "1.7"),
        ]
        let expected = fold(ticks + [Make.clock(902)]).candles.map(content)
        #expect(expected.count == 2)
        for order in permutations(Array(ticks.indices)) {
            #expect(fold(order.map { ticks[$0] } + [Make.clock(902)]).candles.map(content) == expected)
        }
    }

    @Test func `candles that close together come by end, pair and timeframe`() {
        var options = fiveMinutes
        options.timeframes = [.fiveMinutes, .fifteenMinutes]
        let pairs = ["USDJPY", "EURUSD", "AUDUSD"].map { Pair($0)! }
        let builder = fold(pairs.map { Make.tick(700, "1.1", "1.2", pair: $0) } + [Make.clock(902)], options: options)
        let names = builder.candles.map { "\($0.pair) \($0.timeframe)" }
        #expect(names == ["AUD_USD 5m", "AUD_USD 15m", "EUR_USD 5m", "EUR_USD 15m", "USD_JPY 5m", "USD_JPY 15m"])
    }
}

@Suite struct FlaggedTickTests {
    @Test func `a snapshot that repeats the pair's last tick is not counted`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.tick(301, "1.1", "1.2", flags: .snapshot), Make.clock(602),
        ])
        #expect(builder.candles[0].tickCount == 1 && builder.counters.duplicates == 1)
    }

    @Test func `a newer snapshot counts as a tick, and so does an equal tick that is not a snapshot`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.tick(301, "1.1", "1.2"), Make.tick(302, "1.1", "1.2", flags: .snapshot),
            Make.clock(602),
        ])
        #expect(builder.candles[0].tickCount == 3)
    }

    @Test func `a tick moves the side that it brings, and mid only with both`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.tick(302, "0", "1.9", flags: .bidMissing),
            Make.tick(303, "1.0", "0", flags: .askMissing), Make.tick(304, "1.3", "1.4"),
            Make.tick(303.5, "1.05", "0", flags: .askMissing), Make.tick(300.5, "0", "1.5", flags: .bidMissing),
            Make.tick(305, "0", "0", flags: [.bidMissing, .askMissing]), Make.clock(602),
        ])
        let candle = builder.candles[0]
        #expect(candle.tickCount == 6 && candle.flags == [])
        #expect(
            candle.bid == OHLC(open: Price("1.1")!, high: Price("1.3")!, low: Price("1.0")!, close: Price("1.3")!))
        #expect(
            candle.ask == OHLC(open: Price("1.5")!, high: Price("1.9")!, low: Price("1.2")!, close: Price("1.4")!))
        #expect(
            candle.mid == OHLC(open: Price("1.15")!, high: Price("1.35")!, low: Price("1.15")!, close: Price("1.35")!))
        #expect(candle.firstTickTime == Make.nanos(300.5) && candle.lastTickTime == Make.nanos(304))
        #expect(builder.counters.oneSided == 4 && builder.counters.sideMissing == 1)
    }

    @Test func `a candle without a tick of both sides is partial, and has no mid`() {
        let builder = fold([
            Make.tick(301, "1.1", "0", flags: .askMissing), Make.tick(302, "1.2", "0", flags: .askMissing),
            Make.clock(602),
        ])
        let candle = builder.candles[0]
        #expect(candle.flags == [.partial, .sideMissing] && candle.tickCount == 2)
        #expect(candle.bid.close == Price("1.2") && candle.ask == .zero && candle.mid == .zero)
    }

    @Test func `ask below bid is kept and counted`() {
        let builder = fold([Make.tick(301, "1.2", "1.1", flags: .inverted), Make.clock(602)])
        #expect(builder.candles[0].invertedTicks == 1 && builder.candles[0].mid.open == Price("1.15"))
    }
}

@Suite struct EvidenceTests {
    @Test func `the first interval after a start is partial unless the journal covers it`() {
        let ticks = [Make.tick(450, "1.1", "1.2"), Make.clock(602)]
        let opening = [Make.feed(.blindBegan(since: Make.nanos(0))), Make.clock(400), seen(from: 0, until: 400)]
        let late = fold(opening + ticks, covered: false).candles[0]
        #expect(late.flags == .partial && late.blindMilliseconds == 100_000)
        #expect(fold(ticks, covered: true).candles[0].flags == [])
        #expect(fold(ticks, covered: false).candles[0].blindMilliseconds == 150_000)
    }

    @Test func `blindness inside an interval is counted in milliseconds`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.feed(.blindBegan(since: Make.nanos(400))), seen(from: 400, until: 410.5),
            Make.tick(599, "1.1", "1.2"), Make.clock(902),
        ])
        #expect(builder.candles[0].blindMilliseconds == 10_500 && builder.candles[0].flags == .partial)
    }

    @Test func `a candle that closes while the feed is blind says so, and is revised when recovery fills the gap`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.feed(.blindBegan(since: Make.nanos(500))),
            Make.clock(602, flags: .localClock), Make.tick(550, "1.3", "1.4", flags: .recovered),
            seen(from: 500, until: 500), Make.clock(902),
        ])
        #expect(builder.candles.map(\.blindMilliseconds) == [100_000, 0])
        #expect(builder.candles.map(\.revision) == [1, 2])
        #expect(builder.candles.map(\.flags) == [[.partial, .localClock], [.late, .localClock]])
        #expect(builder.candles.map(\.tickCount) == [1, 2])
    }

    @Test func `updates that the broker lost mark the pair's candle`() {
        let other = Pair("NZDUSD")!
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.tick(301, "0.8", "0.9", pair: other),
            Make.feed(.updatesLost(count: 3), pair: Make.eurUSD, at: 302), Make.clock(602),
        ])
        #expect(builder.candles.map(\.lostUpdates) == [3, 0])
        #expect(builder.candles.map { $0.flags.contains(.partial) } == [true, false])
    }

    @Test func `a closed candle that was blind after all is withdrawn`() {
        var options = fiveMinutes
        options.grace = .zero
        let builder = fold(
            [
                Make.tick(301, "1.1", "1.2"), Make.clock(600), Make.feed(.blindBegan(since: Make.nanos(598)), at: 600),
                seen(from: 598, until: 610), Make.tick(302, "1.1", "1.2"), Make.clock(902),
            ], options: options)
        #expect(builder.candles.map(\.flags) == [[], [.partial, .withdrawn], [.partial, .withdrawn, .late]])
        #expect(builder.candles.map(\.blindMilliseconds) == [0, 2_000, 2_000])
    }

    @Test func `a loss may have been at any time since the pair's last tick`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.clock(662),
            Make.feed(.updatesLost(count: 2), pair: Make.eurUSD, at: 662), Make.tick(663, "1.1", "1.2"),
            Make.feed(.updatesLost(count: 3), pair: Make.eurUSD, at: 664), Make.clock(902),
        ])
        #expect(builder.candles.map(\.start.seconds) == [300, 300, 600])
        #expect(builder.candles.map(\.lostUpdates) == [0, 2, 5])
        #expect(builder.candles[1].flags == [.partial, .withdrawn])
    }

    @Test func `a loss recorded with an older time than the feed's lies between`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.clock(902, flags: .localClock),
            Make.feed(.updatesLost(count: 1), pair: Make.eurUSD, at: 610),
            Make.tick(899, "1.1", "1.2", flags: .recovered),
        ])
        #expect(builder.candles.map(\.start.seconds) == [300, 300, 600])
        #expect(builder.candles.map(\.lostUpdates) == [0, 1, 1])
    }

    @Test func `a stand-in clock that ran past a loss withdraws its complete candles`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.clock(595), Make.clock(602, flags: .localClock),
            Make.feed(.blindBegan(since: Make.nanos(593)), at: 602), seen(from: 593, until: 640), Make.clock(902),
        ])
        #expect(builder.candles.map(\.flags) == [[.localClock], [.partial, .withdrawn, .localClock]])
        #expect(builder.candles.map(\.blindMilliseconds) == [0, 7_000])
    }

    @Test func `a predicted clock closes a quiet pair's candle with the bytes that a heartbeat would`() {
        let ticks = [Make.tick(301, "1.1", "1.2"), Make.tick(302, "1.3", "1.4")]
        let predicted = fold(ticks + [Make.clock(602, flags: .predicted), Make.clock(603)]).candles
        let heard = fold(ticks + [Make.clock(602), Make.clock(603)]).candles
        #expect(predicted.map(\.bytes) == heard.map(\.bytes) && predicted.map(\.flags) == [[]])
        #expect(fold(ticks + [Make.clock(601.999, flags: .predicted)]).candles.isEmpty)
    }

    /// A record in the middle is not there: the journal was damaged.
    private func foldWithoutOne(_ records: [TickEnvelope], leavingOut index: Int) -> CandleBuilder {
        var builder = CandleBuilder(options: fiveMinutes)
        for (place, record) in records.enumerated() where place != index {
            var record = record
            record.seal(position: UInt64(place + 1))
            builder.fold(record)
        }
        return builder
    }

    @Test func `whichever record is damaged, no candle that it touched is complete`() {
        let records = [
            Make.feed(.blindBegan(since: Make.nanos(0))), Make.clock(299), seen(from: 0, until: 299),
            Make.tick(301, "1.1", "1.2"), Make.tick(450, "1.0", "1.3"),
            Make.feed(.updatesLost(count: 1), pair: Make.eurUSD, at: 450), Make.tick(599.5, "1.1", "1.2"),
            Make.tick(601, "1.4", "1.5"), Make.clock(602), Make.clock(902),
        ]
        for index in 3...6 {
            let first = foldWithoutOne(records, leavingOut: index).candles.last { $0.start == Make.nanos(300) }
            #expect(first?.flags.contains(.partial) == true, "without record \(index)")
        }
        #expect(foldWithoutOne(records, leavingOut: 8).candles.count { $0.start == Make.nanos(300) } == 1)
    }

    @Test func `a damaged record may have been newer than both of its neighbours`() {
        let other = Pair("NZDUSD")!
        let records = [
            Make.feed(.blindBegan(since: Make.nanos(0))), seen(from: 0, until: 299), Make.clock(599),
            Make.tick(600.3, "1.0", "1.1"), Make.tick(599.6, "0.8", "0.9", pair: other), Make.tick(700, "1.1", "1.2"),
            Make.clock(902),
        ]
        let candle = foldWithoutOne(records, leavingOut: 3).candles.first { $0.pair == Make.eurUSD }
        #expect(candle?.start == Make.nanos(600) && candle?.flags == .partial)
    }

    @Test func `the reach of late ticks counts from the interval's end`() {
        var options = fiveMinutes
        options.lateReach = .seconds(60)
        let builder = fold(
            [Make.tick(301, "1.1", "1.2"), Make.clock(602), Make.tick(599, "1.1", "1.3"), Make.clock(1_000)],
            options: options)
        #expect(builder.candles.map(\.tickCount) == [1, 2])
    }

    @Test func `a damaged word that blindness ended leaves all of it dark`() {
        let records = [
            Make.feed(.blindBegan(since: Make.nanos(0))), seen(from: 0, until: 299), Make.tick(301, "1.1", "1.2"),
            Make.feed(.blindBegan(since: Make.nanos(299)), at: 301), seen(from: 299, until: 400),
            Make.tick(401, "1.1", "1.2"), Make.clock(602), Make.tick(700, "1.1", "1.2"), Make.clock(902),
        ]
        let builder = foldWithoutOne(records, leavingOut: 4)
        // Its end was not recorded, so the second interval is blind too.
        #expect(builder.candles.map(\.blindMilliseconds) == [300_000, 300_000])
        let holes = builder.output.compactMap { record in
            if case .blindEnded(let from, let until) = record.feedEvent { [from.seconds, until.seconds] } else { nil }
        }
        #expect(holes == [[0, 299], [299, 403]])
    }

    @Test func `a damaged word that blindness began is known by what only comes in the dark`() {
        let word = Make.feed(.blindBegan(since: Make.nanos(299)), at: 301)
        let begin = [Make.feed(.blindBegan(since: Make.nanos(0))), seen(from: 0, until: 299)]
        for event in [FeedEvent.sessionNew, .sessionReplaced, .sessionRecovered(resent: 1)] {
            let end = [
                Make.clock(302, flags: .localClock), Make.feed(event, at: 302), Make.clock(602, flags: .localClock),
            ]
            let records = begin + [Make.tick(301, "1.1", "1.2"), word] + end
            let candle = foldWithoutOne(records, leavingOut: 3).candles[0]
            #expect(candle.blindMilliseconds > 290_000, "\(event)")
        }
    }

    @Test func `if blindness begins again before its end was recorded, all between is blind`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.feed(.blindBegan(since: Make.nanos(400)), at: 402),
            Make.tick(500, "1.1", "1.2", flags: .snapshot), Make.feed(.blindBegan(since: Make.nanos(498)), at: 500),
            seen(from: 498, until: 550), Make.clock(602),
        ])
        #expect(builder.candles.map(\.blindMilliseconds) == [150_000])
    }

    @Test func `a journal whose older records are gone is blind a little beyond its first one`() {
        var builder = CandleBuilder(options: fiveMinutes)
        for (place, var record) in [Make.tick(300, "1.1", "1.2"), Make.clock(602)].enumerated() {
            record.seal(position: UInt64(place + 1_000))
            builder.fold(record)
        }
        #expect(builder.candles.map(\.blindMilliseconds) == [2_000])
    }

    @Test(arguments: 0..<300)
    func `blind time is that of the union of all stretches`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var records: [TickEnvelope] = [Make.tick(301, "1.1", "1.2")]
        var dark = Set<Int>()
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            let from = Int.random(in: 250...650, using: &random)
            let until = from + Int.random(in: 0...120, using: &random)
            dark.formUnion((from..<until).filter { (300..<600).contains($0) })
            records.append(Make.feed(.blindBegan(since: Make.nanos(Double(from))), at: 301))
            records.append(seen(from: Double(from), until: Double(until)))
        }
        let candle = fold(records + [Make.clock(602)]).candles[0]
        #expect(candle.blindMilliseconds == UInt32(dark.count * 1_000))
    }

    @Test func `feed events are passed on in their place`() {
        let builder = fold([Make.tick(301, "1.1", "1.2"), Make.clock(602), Make.feed(.sessionPreserved, at: 603)])
        #expect(builder.output.map(\.kind) == [.feed, .feed, .candle, .feed])
        #expect(builder.output.last?.feedEvent == .sessionPreserved && builder.output.last?.inputPosition == 5)
    }
}

@Suite struct FoldRobustnessTests {
    @Test(arguments: 0..<200)
    func `no record traps, whatever stands in it`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var builder = CandleBuilder(options: fiveMinutes)
        let kinds: [RecordKind] = [.tick, .clock, .feed, .candle]
        for position in 1...500 {
            var bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
            let kind = kinds[Int.random(in: 0..<4, using: &random)].rawValue
            withUnsafeBytes(of: kind) { bytes.replaceSubrange(0..<4, with: $0) }
            if Bool.random(using: &random) { bytes.replaceSubrange(57..<60, with: [0, 0, 0]) }
            let extremes: [Int64] = [.max, .min, 0, 7_258_118_399_999_999_999, -1, 300_000_000_000]
            for field in stride(from: 24, to: 56, by: 8) where Bool.random(using: &random) {
                let value = extremes.randomElement(using: &random)!
                withUnsafeBytes(of: value) { bytes.replaceSubrange(field..<(field + 8), with: $0) }
            }
            bytes.withUnsafeMutableBytes { RecordBytes.seal($0, position: UInt64(position)) }
            let record = bytes.withUnsafeBytes { TickEnvelope(bytes: $0) }
            if let record { builder.fold(record) }
        }
    }

    @Test func `folding the same records again gives the same bytes`() {
        var random = SplitMix(seed: 11)
        var records: [TickEnvelope] = []
        var time = 300.0
        for _ in 0..<5_000 {
            time += Double.random(in: -3...4, using: &random)
            let bid = "1.\(Int.random(in: 10_000...10_999, using: &random))"
            records.append(
                Make.tick(max(time, 1), bid, "1.2", pair: Pair.crosses.randomElement(using: &random)!))
        }
        let first = fold(records).output.flatMap(\.bytes)
        #expect(!first.isEmpty && first == fold(records).output.flatMap(\.bytes))
    }
}

@Suite struct SightOfPairTests {
    private static let other = Pair("NZD_USD")!

    private static func began(_ since: Double, at seconds: Double) -> TickEnvelope {
        Make.feed(.blindBegan(since: Make.nanos(since)), pair: Make.eurUSD, at: seconds)
    }

    private static func ended(_ from: Double, _ until: Double) -> TickEnvelope {
        Make.feed(.blindEnded(from: Make.nanos(from), until: Make.nanos(until)), pair: Make.eurUSD, at: until)
    }

    @Test func `a pair's blindness marks its candles, and no other pair's`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.tick(302, "0.8", "0.9", pair: Self.other), Self.began(400, at: 402),
            Make.clock(602), Self.ended(400, 700), Make.tick(701, "1.1", "1.2"),
            Make.tick(701, "0.8", "0.9", pair: Self.other), Make.clock(902),
        ])
        let own = builder.candles.filter { $0.pair == Make.eurUSD }
        #expect(own.map(\.blindMilliseconds) == [200_000, 100_000])
        #expect(own.allSatisfy { $0.flags.contains(.partial) })
        let others = builder.candles.filter { $0.pair == Self.other }
        #expect(others.map(\.blindMilliseconds) == [0, 0] && others.allSatisfy { $0.flags.isEmpty })
    }

    @Test func `a moment in which both the feed and the pair are blind counts once`() {
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Self.began(400, at: 402),
            Make.feed(.blindBegan(since: Make.nanos(450)), at: 451), seen(from: 450, until: 500), Self.ended(400, 550),
            Make.clock(602),
        ])
        #expect(builder.candles.map(\.blindMilliseconds) == [150_000])
    }

    @Test func `a blindness that is learned after the close withdraws the candle`() {
        let builder = fold([Make.tick(301, "1.1", "1.2"), Make.clock(602), Self.began(580, at: 610)])
        #expect(builder.candles.map(\.revision) == [1, 2])
        #expect(builder.candles.last?.flags == [.partial, .withdrawn])
        #expect(builder.candles.last?.blindMilliseconds == 20_000)
    }
}

@Suite struct ClockSetBackTests {
    private static func setBack(_ from: Double, to: Double) -> [TickEnvelope] {
        [
            Make.feed(.blindBegan(since: Make.nanos(to - 20)), at: from),
            Make.feed(.clockSetBack(from: Make.nanos(from), to: Make.nanos(to)), at: from),
            seen(from: to - 20, until: to),
        ]
    }

    @Test func `a wrong clock that is taken back leaves complete candles after it`() {
        let wrong = 4_070_908_800.0
        let builder = fold(
            [Make.tick(301, "1.1", "1.2"), Make.clock(320), Make.clock(wrong), Make.tick(321, "1.1", "1.3")]
                + Self.setBack(wrong, to: 340)
                + [
                    Make.tick(341, "1.1", "1.4"), Make.clock(602), Make.tick(603, "1.1", "1.2"),
                    Make.tick(899, "1.3", "1.4"), Make.clock(902),
                ])
        let last = builder.candles.filter { $0.start.seconds == 600 }
        #expect(last.map(\.tickCount) == [2] && last.allSatisfy { $0.flags.isEmpty })
        let first = builder.candles.filter { $0.start.seconds == 300 }
        // A right tick came too late for the wrong clock: the candle says that not all was seen.
        #expect(first.last?.tickCount == 2 && first.last?.flags.contains(.partial) == true)
        #expect(first.map(\.revision) == Array(1...UInt16(first.count)))
    }

    @Test func `a candle of wrong times is withdrawn, and right ticks begin it anew`() {
        let builder = fold(
            [
                Make.tick(301, "1.1", "1.2"), Make.clock(302), Make.clock(3_700), Make.tick(3_701, "9", "9"),
                Make.clock(4_002),
            ]
                + Self.setBack(4_002, to: 330)
                + [Make.clock(602), Make.clock(3_599), Make.tick(3_650, "1.5", "1.6"), Make.clock(3_902)])
        let candles = builder.candles.filter { $0.start.seconds == 3_600 }
        #expect(candles.map(\.revision) == [1, 2, 3, 4])
        #expect(candles[2].flags.contains(.withdrawn) && candles[2].blindMilliseconds == 300_000)
        #expect(candles[3].tickCount == 1 && candles[3].bid.high == Price("1.5") && candles[3].flags.isEmpty)
    }

    @Test func `one tick ahead of the clock closes nothing before its end`() {
        let other = Pair("NZD_USD")!
        let builder = fold([
            Make.tick(301, "1.1", "1.2"), Make.clock(590), Make.tick(3_000, "0.8", "0.9", pair: other),
            Make.tick(595, "1.2", "1.3"), Make.clock(602),
        ])
        #expect(builder.candles.filter { $0.pair == Make.eurUSD }.map(\.tickCount) == [2])
    }
}

@Suite struct ManyLossesTests {
    @Test func `losses add up to the largest number, never to a small one`() {
        let loss = Make.feed(
            .updatesLost(count: LossCount(clamping: 999_999_999_999_999_999)), pair: Make.eurUSD, at: 302)
        let builder = fold([Make.tick(301, "1.1", "1.2")] + Array(repeating: loss, count: 10) + [Make.clock(602)])
        #expect(builder.candles[0].lostUpdates == .max && builder.candles[0].flags == .partial)
    }

    @Test func `a candle that changes too often ends as partial, with the last number`() {
        var records = [Make.tick(301, "1.1", "1.2"), Make.clock(602)]
        for index in 0..<70_000 { records.append(Make.tick(400 + Double(index % 7), "1.5", "1.6")) }
        let candles = fold(records).candles
        #expect(candles.last?.revision == .max && candles.last?.flags.contains(.partial) == true)
        #expect(candles.last?.blindMilliseconds == 300_000 && candles.count == 65_535)
    }

    @Test func `200,000 losses between the ticks of a day's candles are folded in time linear in their number`() {
        func records(_ count: Int) -> [TickEnvelope] {
            let day = (0..<288).flatMap {
                [Make.tick(Double($0) * 300 + 1, "1.1", "1.2"), Make.clock(Double($0 + 1) * 300)]
            }
            return day
                + (0..<count).flatMap {
                    let time = 86_401 + Double($0) * 0.001
                    return [
                        Make.feed(.updatesLost(count: 1), pair: Make.eurUSD, at: time), Make.tick(time, "1.1", "1.2"),
                    ]
                }
        }
        let clock = ContinuousClock()
        let few = records(20_000)
        let many = records(200_000)
        let short = clock.measure { _ = fold(few) }
        let long = clock.measure { _ = fold(many) }
        // Ten times as many; a quadratic fold takes a hundred times as long.
        #expect(long < short * 40)
    }
}
