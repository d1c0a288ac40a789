internal import MarketData
internal import Store

/// Quote bars in the data folder of QuantConnect's Lean: bid and ask, zip files in fixed places. Sizes are 0.
///
/// The market is `oanda`, Lean's own default for currencies, whose data are in UTC.
struct LeanLayout: CandleLayout {
    /// The resolutions of bars; a bar lasts as long as its resolution.
    static let resolutions: [(timeframe: Timeframe, name: String)] = [
        (Timeframe(minutes: 1)!, "minute"), (Timeframe(minutes: 60)!, "hour"), (Timeframe(minutes: 1_440)!, "daily"),
    ]

    private let symbol: String
    private let folder: String
    private let resolution: String
    /// Files of single days, with the time of day in their rows.
    private var isByDay: Bool { resolution == "minute" }

    /// - Precondition: the timeframe is one of `resolutions`.
    init(_ series: Series) {
        symbol = series.pair.symbol.lowercased()
        resolution = LeanLayout.resolutions.first { $0.timeframe == series.timeframe }!.name
        folder = "\(series.pair.isCurrencyPair ? "forex" : "cfd")/oanda/\(resolution)"
    }

    func path(_ candle: Candle) -> String {
        isByDay ? "\(folder)/\(symbol)/\(day(candle))_quote.zip" : "\(folder)/\(symbol).zip"
    }

    func entry(_ candle: Candle) -> String? {
        isByDay ? "\(day(candle))_\(symbol)_\(resolution)_quote.csv" : "\(symbol).csv"
    }

    func row(_ candle: Candle) -> String {
        let time =
            isByDay
            ? String(candle.timestamp % 86_400 * 1_000) : "\(day(candle)) \(candle.time.dropFirst(11).prefix(5))"
        return "\(time),\(candle.bid.joined(by: ",")),0,\(candle.ask.joined(by: ",")),0\n"
    }

    /// `20140501`.
    private func day(_ candle: Candle) -> String { String(candle.time.prefix(10).replacing("-", with: "")) }
}
