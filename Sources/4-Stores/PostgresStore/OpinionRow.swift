internal import MarketData
internal import Store
internal import Wire

/// A row of `second_opinion`, without the interval.
struct OpinionRow {
    let collector: CollectorKey
    let native: CandleRecord
    let streamed: CandleRecord?
    let verdict: OpinionVerdict
    let comparedAt: UTCSeconds

    /// The nine columns of one of the two candles: bid, ask, count of ticks.
    static func columns(prefix: String) -> [String] {
        let prices = ["bid", "ask"].flatMap { side in ["open", "high", "low", "close"].map { "\(side)_\($0)" } }
        return (prices + ["tick_count"]).map { prefix + $0 }
    }

    private static let valueColumns =
        ["verdict"] + columns(prefix: "native_") + columns(prefix: "") + ["compared_at"]

    private static let writeSQL = {
        let key = CandleRow.keyColumns + ["collector_id"]
        let names = key + valueColumns
        let marks = names.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
        let changes = valueColumns.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO second_opinion (\(names.joined(separator: ", "))) VALUES (\(marks))
            ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(changes)
            """
    }()

    func write(_ key: CandleKey, _ connection: PostgresConnection) throws {
        func values(_ candle: CandleRecord?) -> [SQLValue] {
            [candle?.bid, candle?.ask].flatMap { side in
                [side?.open, side?.high, side?.low, side?.close].map { SQLValue.int($0?.rawValue) }
            } + [.int(candle.map { Int64($0.tickCount) })]
        }
        try connection.execute(
            Self.writeSQL,
            (key.values + [collector.id]).map { .int($0) } + [.text(verdict.rawValue)] + values(native)
                + values(streamed) + [.int(comparedAt.rawValue)])
    }
}
