import MarketData
import TestKit
import Wire

/// Open, high, low and close of bid, ask and twice the mid, and how many ticks: the reference fold.
struct MarketTruth: Hashable {
    private let prices: [[Int64]]
    private let count: Int

    init(_ row: CandleRecord) {
        prices = [(row.bid, 1), (row.ask, 1), (row.mid, 2)].map { side, factor in
            [side.open, side.high, side.low, side.close].map { $0.rawValue * Int64(factor) }
        }
        count = Int(row.tickCount)
    }

    init(_ ticks: [HostileBroker.Tick]) {
        let ordered = ticks.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            .map(\.element)
        let sums = ordered.compactMap { tick in tick.bid.flatMap { bid in tick.ask.map { bid + $0 } } }
        prices = [ordered.compactMap(\.bid), ordered.compactMap(\.ask), sums].map { side in
            guard let first = side.first, let last = side.last else { return [0, 0, 0, 0] }
            return [first, side.max() ?? 0, side.min() ?? 0, last]
        }
        count = ticks.count
    }

    /// What happened on a broker's market, by interval.
    static func candles(_ broker: HostileBroker, _ timeframes: [Timeframe]) -> [Interval: [HostileBroker.Tick]] {
        var candles: [Interval: [HostileBroker.Tick]] = [:]
        for timeframe in timeframes {
            for (pair, ticks) in zip(HostileBroker.pairs, broker.truth) {
                for tick in ticks {
                    let start = timeframe.start(of: UTCNanos(rawValue: tick.time)).seconds
                    candles[Interval(Series(pair, timeframe), start: start), default: []].append(tick)
                }
            }
        }
        return candles
    }
}
