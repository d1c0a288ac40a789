internal import MarketData

/// A simple moving average: the mean of the last `period` closes.
struct MovingAverage {
    let period: Int
    /// One for each candle; `nil` where fewer than `period` closes have come.
    let values: [Price?]

    private init(period: Int, values: [Price?]) { (self.period, self.values) = (period, values) }

    /// - Parameters:
    ///   - period: 1 or more.
    ///   - count: how many of the last values are kept.
    init(period: Int, of closes: [Price], last count: Int) {
        var sum: Int128 = 0
        let values = closes.indices.map { index -> Price? in
            sum += Int128(closes[index].rawValue)
            if index >= period { sum -= Int128(closes[index - period].rawValue) }
            return index + 1 < period ? nil : Price(rawValue: Int64(sum / Int128(period)))
        }
        self.init(period: period, values: values.suffix(count))
    }

    func last(_ count: Int) -> MovingAverage { MovingAverage(period: period, values: values.suffix(count)) }
}
