internal import IG
internal import MarketData
internal import Store

/// What `GenericCSVData` of backtrader reads without being told the columns.
struct BacktraderLayout: CandleLayout {
    let series: Series
    let price: CandlePrice

    var head: String { "datetime,open,high,low,close,volume,openinterest\n" }
    func path(_ candle: Candle) -> String { "\(series.pair)-\(series.timeframe).csv" }

    func row(_ candle: Candle) -> String {
        "\(candle.time),\(price.of(candle).joined(by: ",")),\(candle.tickCount),0\n"
    }
}

/// The columns of the data frame that backtesting.py takes.
struct BacktestingLayout: CandleLayout {
    let series: Series
    let price: CandlePrice

    var head: String { "Date,Open,High,Low,Close,Volume\n" }
    func path(_ candle: Candle) -> String { "\(series.pair)-\(series.timeframe).csv" }

    func row(_ candle: Candle) -> String {
        "\(candle.time),\(price.of(candle).joined(by: ",")),\(candle.tickCount)\n"
    }
}

/// freqtrade's data format `json`: lists of the time in milliseconds, open, high, low, close and volume.
struct FreqtradeLayout: CandleLayout {
    let series: Series
    let price: CandlePrice

    var head: String { "[" }
    var separator: String { ",\n" }
    var tail: String { "]\n" }
    func path(_ candle: Candle) -> String { "\(series.pair)-\(series.timeframe).json" }

    func row(_ candle: Candle) -> String {
        "[\(candle.timestamp * 1_000),\(price.of(candle).joined(by: ",")),\(candle.tickCount)]"
    }
}

/// The bars that MetaTrader 5 exports, and imports into a custom symbol. Times are UTC, the spread is that of the close.
struct MetaTraderLayout: CandleLayout {
    let series: Series
    let price: CandlePrice

    var head: String {
        ["DATE", "TIME", "OPEN", "HIGH", "LOW", "CLOSE", "TICKVOL", "VOL", "SPREAD"].map { "<\($0)>" }
            .joined(separator: "\t") + "\n"
    }

    func path(_ candle: Candle) -> String { "\(series.pair.symbol)_\(period).csv" }

    func row(_ candle: Candle) -> String {
        let time = candle.time.replacing("-", with: ".").replacing(" ", with: "\t")
        return "\(time)\t\(price.of(candle).joined(by: "\t"))\t\(candle.tickCount)\t0\t\(spread(candle))\n"
    }

    /// `M5`, `H1`, `D1`.
    private var period: String {
        let name = series.timeframe.description
        return name.suffix(1).uppercased() + name.dropLast()
    }

    /// In points, the unit of the price's last digit; at least 0.
    private func spread(_ candle: Candle) -> Int64 {
        let point = (0..<series.pair.listedDecimals).reduce(Price.unitsPerOne) { unit, _ in unit / 10 }
        return max(0, candle.ask.close.rawValue - candle.bid.close.rawValue + point / 2) / point
    }
}

extension Pair {
    /// The name without `_`, such as `EURUSD`.
    var symbol: String { description.replacing("_", with: "") }
}
