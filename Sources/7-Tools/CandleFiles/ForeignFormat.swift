public import MarketData
internal import Store

/// Another program's form of candle files: complete candles, as that program reads them.
/// Source: docs/decisions/0044-files-for-other-programs.md.
public enum ForeignFormat: String, CaseIterable, Sendable {
    case backtrader, backtesting, freqtrade, lean, mt5

    /// The prices that its users expect; `nil`: it has bid and ask.
    public var usualPrice: CandlePrice? {
        switch self {
        case .backtrader, .backtesting, .freqtrade: .mid
        case .mt5: .bid
        case .lean: nil
        }
    }

    /// Whether a series is one text, not several files.
    public var isOneText: Bool { self != .lean }

    /// The only timeframes that it reads; `nil`: all.
    public var timeframes: [Timeframe]? { self == .lean ? LeanLayout.resolutions.map(\.timeframe) : nil }

    /// - Precondition: `timeframes` has that of the series.
    func layout(_ series: Series, _ price: CandlePrice) -> any CandleLayout {
        switch self {
        case .backtrader: BacktraderLayout(series: series, price: price)
        case .backtesting: BacktestingLayout(series: series, price: price)
        case .freqtrade: FreqtradeLayout(series: series, price: price)
        case .lean: LeanLayout(series)
        case .mt5: MetaTraderLayout(series: series, price: price)
        }
    }
}

/// Which prices a format with one price of each kind has.
public enum CandlePrice: String, CaseIterable, Sendable {
    case bid, ask, mid

    func of(_ candle: Candle) -> OHLC {
        switch self {
        case .bid: candle.bid
        case .ask: candle.ask
        case .mid: candle.mid
        }
    }
}

/// How one program wants the candles of a series.
protocol CandleLayout {
    /// Before a file's first candle.
    var head: String { get }
    /// Between two candles.
    var separator: String { get }
    /// After the last one.
    var tail: String { get }

    func row(_ candle: Candle) -> String

    /// The file of a candle, from the output folder; the candles of a file follow each other.
    func path(_ candle: Candle) -> String

    /// The name of the text inside that file, if it is a zip file.
    func entry(_ candle: Candle) -> String?
}

extension CandleLayout {
    var head: String { "" }
    var separator: String { "" }
    var tail: String { "" }
    func entry(_ candle: Candle) -> String? { nil }
}

extension Candle {
    /// `2014-05-01 00:00:00`.
    var time: String { UTCSeconds(rawValue: timestamp).text() }
}

extension OHLC {
    /// Exact decimals in the order open, high, low, close.
    func joined(by separator: String) -> String {
        [open, high, low, close].map(\.description).joined(separator: separator)
    }
}
