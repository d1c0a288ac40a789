public import Store
public import MarketData
internal import Wire

/// Stored candles as text, row by row, with the columns of a view of the database.
public struct CandleExport {
    public enum Format: String, CaseIterable, Sendable { case csv, jsonl }

    /// The columns. Source: docs/formats.md § 5.
    public enum View: String, CaseIterable, Sendable {
        /// Complete candles, mid.
        case candles
        /// All candles, with bid, ask, mid and what is missing.
        case candlesFull = "candles_full"
    }

    private let reader: any CandleQueries
    private let view: View
    private let format: Format

    public init(_ reader: any CandleQueries, view: View, format: Format) {
        (self.reader, self.view, self.format) = (reader, view, format)
    }

    /// The first line of a CSV file; empty for JSON Lines.
    public var head: String { format == .csv ? columns.joined(separator: ",") + "\n" : "" }

    /// Writes a series, oldest first.
    /// - Parameters:
    ///   - range: of the intervals' starts.
    ///   - write: takes some thousand lines at a time; false ends it.
    /// - Returns: how many candles.
    public func write(_ series: Series, in range: Range<UTCSeconds>, _ write: (String) throws -> Bool) throws -> Int {
        var count = 0
        _ = try reader.forEachPart(of: series, in: range, view == .candles ? .complete : .all) { candles in
            count += candles.count
            return try write(candles.map { line($0, series) }.joined())
        }
        return count
    }

    private var columns: [String] {
        let prices = ["open", "high", "low", "close"]
        let key = ["pair", "timeframe", "timestamp"]
        switch view {
        case .candles: return key + prices + ["volume", "source"]
        case .candlesFull:
            return key + ["bid", "ask", "mid"].flatMap { side in prices.map { "\(side)_\($0)" } }
                + ["tick_count", "complete", "blind_ms", "lost", "revision", "source", "collector"]
        }
    }

    /// In the order of `columns`.
    private func values(_ candle: Candle, _ series: Series) -> [Value] {
        let key: [Value] = [
            .text("\(series.pair)"), .text(String(series.timeframe.minutes)), .number("\(candle.timestamp)"),
        ]
        func prices(_ side: OHLC) -> [Value] {
            [side.open, side.high, side.low, side.close].map { .number($0.description) }
        }
        switch view {
        case .candles:
            return key + prices(candle.mid) + [.number("\(candle.tickCount)"), .text(candle.source.name)]
        case .candlesFull:
            let numbers = [
                candle.tickCount, candle.isComplete ? 1 : 0, candle.blindMilliseconds, candle.lostUpdates,
                candle.revision,
            ]
            return key + prices(candle.bid) + prices(candle.ask) + prices(candle.mid)
                + numbers.map { .number("\($0)") } + [.text(candle.source.name), .text(candle.collector?.name ?? "")]
        }
    }

    /// Texts hold letters, digits, `_` and `-` alone: nothing to quote or to escape.
    private enum Value {
        case text(String)
        case number(String)
    }

    private func line(_ candle: Candle, _ series: Series) -> String {
        let values = values(candle, series)
        switch format {
        case .csv:
            return values.map { value in
                switch value {
                case .text(let text), .number(let text): text
                }
            }.joined(separator: ",") + "\n"
        case .jsonl:
            let members = zip(columns, values).map { name, value in
                switch value {
                case .text(let text): "\"\(name)\":\"\(text)\""
                case .number(let text): "\"\(name)\":\(text)"
                }
            }
            return "{\(members.joined(separator: ","))}\n"
        }
    }
}
