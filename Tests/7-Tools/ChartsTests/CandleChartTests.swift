@testable import Charts
import MarketData
import Testing
import TestKit

struct CandleChartTests {
    private func chart(
        _ candles: [CandleChart.Candle], shown: Int = 500, averages: [Int] = [], _ timeframe: Timeframe = .fiveMinutes
    ) -> CandleChart {
        CandleChart(pair: "EUR_USD", timeframe: timeframe, candles: candles, shown: shown, averages: averages)
    }

    private func expectGolden(_ name: String, _ text: String) {
        let golden = String(decoding: Golden.bytes("charts/\(name)", actual: Array(text.utf8)), as: UTF8.self)
        let difference = zip(text.lines, golden.lines).first { $0 != $1 }.map { "\($0.debugDescription), not \($1)" }
        #expect(difference == nil)
        #expect(text.utf8.count == golden.utf8.count)
    }

    // MARK: Terminal

    @Test func `a chart with holes and partial candles looks as recorded`() {
        let candles = walk(120, missing: [80, 81, 95], partial: [79, 82])
        let chart = chart(candles, shown: 60, averages: [9, 21, 50, 200])
        expectGolden("candles-80x24.txt", chart.terminal(columns: 80, rows: 24, colours: false))
        expectGolden("candles-colours-80x24.txt", chart.terminal(columns: 80, rows: 24, colours: true))
    }

    @Test func `a chart across a weekend looks as recorded`() {
        let candles = walk(60, from: fridayEvening, price: 191_123, unit: 1_000_000)
        expectGolden("candles-weekend-100x30.txt", chart(candles).terminal(columns: 100, rows: 30, colours: false))
    }

    @Test(arguments: [0, 1, 2, 5, 60, 300]) func `no line is wider than the terminal, and no more lines than it has`(
        count: Int
    ) {
        let chart = chart(
            walk(count, from: fridayEvening, missing: [3, 40], partial: [4]), shown: 250, averages: [2, 9])
        for columns in [1, 2, 9, 20, 40, 79, 80, 81, 120, 200] {
            for rows in [1, 5, 10, 24, 60] {
                for colours in [false, true] {
                    let lines = chart.terminal(columns: columns, rows: rows, colours: colours).withoutColours.lines
                    let widest = lines.map(\.count).max() ?? 0
                    #expect(widest <= max(columns, count == 0 ? 22 : 0), "\(columns)×\(rows)")
                    #expect(lines.count <= rows)
                }
            }
        }
    }

    @Test(arguments: [1, 2, 5, 30, 71]) func `every candle has a column of its own`(count: Int) {
        let text = chart(walk(count)).terminal(columns: 80, rows: 24, colours: false)
        // The lowest line of volume: each candle has at least 50 of at most 450 ticks.
        let volume = text.lines[text.lines.count - 5].prefix { $0 != "│" }
        #expect(volume.count { $0 != " " } == count)
    }

    @Test func `a hole leaves its columns empty`() {
        let text = chart(walk(30, missing: [10, 11])).terminal(columns: 40, rows: 24, colours: false)
        let volume = text.lines[text.lines.count - 5].prefix { $0 != "│" }.drop { $0 == " " }
        #expect(volume.enumerated().filter { $0.element == " " }.map(\.offset) == [10, 11])
        #expect(text.contains("x no candle"))
    }

    @Test func `without colours there is no escape sequence`() {
        let text = chart(walk(60, partial: [3]), averages: [9]).terminal(columns: 80, rows: 24, colours: false)
        #expect(!text.unicodeScalars.contains("\u{1B}"))
    }

    @Test func `the colours change nothing of the layout`() {
        let candles = walk(60).filter { $0.prices.close >= $0.prices.open }
        let chart = chart(candles)
        let coloured = chart.terminal(columns: 80, rows: 24, colours: true).withoutColours.lines
        let plain = chart.terminal(columns: 80, rows: 24, colours: false).lines
        // Rising candles look the same; the last line is the legend.
        #expect(coloured.dropLast() == plain.dropLast())
    }

    @Test func `what is not there is said`() {
        #expect(chart([]).terminal(columns: 80, rows: 24, colours: false) == "EUR_USD 5m: no candles\n")
        #expect(chart(walk(3), shown: -1).terminal(columns: 80, rows: 24, colours: true).contains("no candles"))
    }

    @Test func `prices that are equal, zero or the wrong way round are drawn`() {
        for candles in [
            [candle(wednesday, 0, 0, 0, 0)], [candle(wednesday, 5, 5, 5, 5)], [candle(wednesday, 1, -9, 9, 2)],
            [candle(wednesday, 1_000_000_000, 1_000_000_000, 1_000_000_000, 1_000_000_000)],
            [candle(wednesday, 1, Price.unitsMax, 1, Price.unitsMax)],
        ] {
            let text = chart(candles, averages: [1]).terminal(columns: 80, rows: 24, colours: false)
            #expect(text.lines.count > 10)
        }
    }

    // MARK: Averages

    @Test func `a moving average is the mean of the last closes`() {
        let closes = walk(60).map(\.prices.close)
        for period in [1, 2, 9, 60, 61] {
            let average = MovingAverage(period: period, of: closes, last: 60)
            let plain = closes.indices.map { index in
                index + 1 < period
                    ? nil : closes[(index + 1 - period)...index].reduce(0) { $0 + $1.rawValue } / Int64(period)
            }
            #expect(average.values.map { $0?.rawValue } == plain)
        }
    }

    @Test func `candles before the shown ones count for the averages`() {
        let candles = walk(100)
        let shown = chart(candles, shown: 10, averages: [50]).averages[0]
        let whole = chart(candles, shown: 100, averages: [50]).averages[0]
        #expect(shown.values == Array(whole.values.suffix(10)))
        #expect(!shown.values.contains(nil))
    }

    @Test func `a mean of the highest prices does not overflow`() {
        let closes = [Price](repeating: Price(rawValue: Price.unitsMax), count: 300)
        #expect(MovingAverage(period: 200, of: closes, last: 1).values == [Price(rawValue: Price.unitsMax)])
    }

    // MARK: Axes

    @Test func `holes have places, long ones and weekends one each`() {
        func slots(_ starts: [UTCSeconds]) -> [Slot] {
            Slot.slots(starts.map { candle($0, 1, 1, 1, 1) }, .fiveMinutes)
        }
        #expect(slots([wednesday, wednesday + 300]) == [.candle(0), .candle(1)])
        #expect(slots([wednesday, wednesday + 600]) == [.candle(0), .empty(wednesday + 300), .candle(1)])
        #expect(slots([wednesday, wednesday + 300 * 14]) == [.candle(0), .gap(13), .candle(1)])
        let (friday, sunday) = (fridayEvening + 7_200 - 300, fridayEvening + 7_200 + 2 * 86_400)
        #expect(slots([friday, sunday]) == [.candle(0), .closed, .candle(1)])
        #expect(
            slots([friday - 300, sunday + 300])
                == [.candle(0), .empty(friday), .closed, .empty(sunday), .candle(1)])
    }

    @Test func `a night without trading takes one place, an interval of another session its own`() {
        let hours = TradingHours(
            zone: ZoneRule("UTC")!, named: "UTC", sessions: [WeeklySession("Mon-Fri 08:00-16:30")!])
        // Wednesday and Thursday.
        let midnight = UTCSeconds(rawValue: wednesday.rawValue - wednesday.rawValue % 86_400)
        let last = midnight + 59_100
        func slots(_ starts: [UTCSeconds]) -> [Slot] {
            Slot.slots(starts.map { candle($0, 1, 1, 1, 1) }, .fiveMinutes, hours)
        }
        #expect(slots([last, midnight + 115_200]) == [.candle(0), .closed, .candle(1)])
        #expect(
            slots([last, midnight + 115_500]) == [.candle(0), .closed, .empty(midnight + 115_200), .candle(1)])
    }

    @Test func `prices on the axis are round, and as many as fit`() {
        for (low, high) in [(1.08412, 1.08917), (155.123, 157.9), (0.97777, 0.97778), (1.0, 2.0)] {
            let prices = [low, high].map { Int64($0 * 1e9) }
            let scale = PriceScale(chart([candle(wednesday, prices[0], prices[1], prices[0], prices[1])]))
            for count in 2...12 {
                let labels = scale.labels(atMost: count, decimals: 2).map(\.price.rawValue)
                #expect((1...count).contains(labels.count))
                #expect(labels.allSatisfy { scale.low.rawValue <= $0 && $0 <= scale.high.rawValue })
                let steps = Set(zip(labels, labels.dropFirst()).map { $1 - $0 })
                #expect(steps.count <= 1)
                for step in steps { #expect(["1", "2", "5"].contains("\(step)".replacing("0", with: ""))) }
            }
        }
    }

    @Test func `a price is rounded half up to its decimals`() {
        #expect(Price(rawValue: 1_084_125_000).rounded(5).formatted() == "1.08413")
        #expect(Price(rawValue: 1_084_124_999).rounded(5).formatted() == "1.08412")
        #expect(Price(rawValue: 155_500_000_000).rounded(0).formatted() == "156")
    }
}
