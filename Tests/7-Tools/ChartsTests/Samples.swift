@testable import Charts
import MarketData
import TestKit

/// 2024-05-01 08:00 UTC, a Wednesday.
let wednesday: UTCSeconds = 1_714_550_400
/// 2024-05-03 19:00 UTC, two hours before the week's close.
let fridayEvening: UTCSeconds = 1_714_762_800

/// A random walk along the trading week, the same at each run.
/// - Parameters:
///   - price: the first one, in units of the last decimal.
///   - unit: the last decimal in units of `Price`.
///   - missing: numbers of intervals that have no candle.
func walk(
    _ count: Int, from start: UTCSeconds = wednesday, _ timeframe: Timeframe = .fiveMinutes, price: Int64 = 108_412,
    unit: Int64 = 10_000, missing: Set<Int> = [], partial: Set<Int> = []
) -> [CandleChart.Candle] {
    var random = SplitMix(seed: 17)
    var start = start
    var price = price
    var candles: [CandleChart.Candle] = []
    for number in 0..<count {
        let path = (0..<12).map { _ in
            price += Int64(random.next() % 15) - 7
            return Price(rawValue: price * unit)
        }
        let prices = OHLC(open: path[0], high: path.max()!, low: path.min()!, close: path[11])
        let volume = Int(50 + random.next() % 400)
        if !missing.contains(number) {
            candles.append(
                CandleChart.Candle(start: start, prices: prices, volume: volume, isWhole: !partial.contains(number)))
        }
        start = TradingHours.fx.next(after: start, timeframe)
    }
    return candles
}

func candle(_ start: UTCSeconds, _ open: Int64, _ high: Int64, _ low: Int64, _ close: Int64) -> CandleChart.Candle {
    func price(_ value: Int64) -> Price { Price(rawValue: value) }
    let prices = OHLC(open: price(open), high: price(high), low: price(low), close: price(close))
    return CandleChart.Candle(start: start, prices: prices, volume: 1, isWhole: true)
}

/// Three pairs over some days from Wednesday, 2024-05-01, with each state in it.
func coverage(days: Int) -> CoverageChart {
    let rows = ["EUR_USD", "GBP_USD", "USD_JPY"].enumerated().map { number, pair in
        CoverageChart.Row(
            pair: pair,
            days: (0..<days).map { day in
                let expected = [288, 288, 252, 0, 36, 288, 288][day % 7]
                switch day % 5 + number {
                case 0: return CoverageChart.Day(expected: expected, bought: expected)
                case 1: return CoverageChart.Day(expected: expected, streamed: expected / 2, bought: expected / 3)
                case 2: return CoverageChart.Day(expected: expected, streamed: expected)
                case 3: return CoverageChart.Day(expected: expected, partial: expected * 4 / 5)
                default: return CoverageChart.Day(expected: expected)
                }
            })
    }
    return CoverageChart(
        timeframe: .fiveMinutes, firstDay: CivilDate(daysSince1970: wednesday.rawValue / 86_400), rows: rows)
}

extension String {
    /// Without the sequences that set colours.
    var withoutColours: String { replacing(#/\u{1B}\[[0-9;]*m/#, with: "") }

    var lines: [Substring] { split(separator: "\n", omittingEmptySubsequences: false).dropLast() }
}
