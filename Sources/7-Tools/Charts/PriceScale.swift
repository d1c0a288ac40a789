internal import MarketData

/// The price axis: its range and its labels.
struct PriceScale {
    let low: Price
    let high: Price

    /// Encloses the candles, and the averages as far as the candles keep half of the height.
    init(_ chart: CandleChart) {
        let lowest = chart.candles.map(\.prices.low).min()?.rawValue ?? 0
        let highest = chart.candles.map(\.prices.high).max()?.rawValue ?? 0
        // Equal prices stand in the middle of a scale that is a thousandth of them wide.
        let margin = highest > lowest ? 0 : max(10, highest / 2_000)
        let reach = highest > lowest ? (highest - lowest) / 2 : 0
        let values = chart.averages.flatMap { $0.values.compactMap { $0?.rawValue } }
        low = Price(rawValue: max(min(lowest, values.min() ?? lowest), lowest - reach) - margin)
        high = Price(rawValue: min(max(highest, values.max() ?? highest), highest + reach) + margin)
    }

    /// 0 at the low end, 1 at the high one; outside for a price beyond them.
    func position(_ price: Price) -> Double {
        (Double(price.rawValue) - Double(low.rawValue)) / (Double(high.rawValue) - Double(low.rawValue))
    }

    /// Round prices at equal steps of 1, 2 or 5 times a power of ten, from the low end up.
    /// - Parameter decimals: how many each text has at least.
    func labels(atMost count: Int, decimals: Int) -> [(price: Price, text: String)] {
        let span = high.rawValue - low.rawValue
        let step = PriceScale.steps.first { span / $0 < Int64(max(1, count)) } ?? Int64.max
        let decimals = max(decimals, Price(rawValue: step).decimals)
        let first = -floorDivide(-low.rawValue, step) * step
        return stride(from: first, through: high.rawValue, by: Int(step)).map {
            (Price(rawValue: $0), Price(rawValue: $0).formatted(decimals: decimals))
        }
    }

    private static let steps: [Int64] = {
        let powers = sequence(first: Int64(1)) { $0 < 1_000_000_000_000_000_000 ? $0 * 10 : nil }
        return powers.flatMap { power in [1, 2, 5].map { $0 * power } }
    }()
}
