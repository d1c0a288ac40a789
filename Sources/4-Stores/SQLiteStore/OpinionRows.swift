internal import GRDB
internal import MarketData
internal import Store
internal import Wire

/// The rows of the broker's own candles that a collector was sent, each beside the collector's own.
///
/// Made anew for each transaction.
struct OpinionRows {
    private let db: Database
    private let rows: CandleRows
    /// A disputed candle is partial.
    private let enforces: Bool

    init(_ db: Database, _ rows: CandleRows, enforces: Bool) {
        (self.db, self.rows, self.enforces) = (db, rows, enforces)
    }

    /// The nine columns of one of the two candles: bid, ask, count of ticks.
    static func columns(prefix: String) -> [String] {
        let prices = ["bid", "ask"].flatMap { side in ["open", "high", "low", "close"].map { "\(side)_\($0)" } }
        return (prices + ["tick_count"]).map { prefix + $0 }
    }

    private static let selectSQL = """
        SELECT \(columns(prefix: "native_").joined(separator: ", ")) FROM second_opinion
        WHERE instrument_id = ? AND timeframe = ? AND open_time = ? AND collector_id = ?
        """

    private static let writeSQL = {
        let names =
            ["instrument_id", "timeframe", "open_time", "collector_id", "verdict"] + columns(prefix: "native_")
            + columns(prefix: "")
            + ["compared_at"]
        let marks = Array(repeating: "?", count: names.count).joined(separator: ", ")
        return "INSERT OR REPLACE INTO second_opinion (\(names.joined(separator: ", "))) VALUES (\(marks))"
    }()

    /// The interval's streamed candle is new.
    /// - Returns: the candle of the interval that a reader now sees; `nil` if the broker sent no candle of
    ///   the interval, or it changes nothing.
    func compare(_ key: CandleKey, _ series: Series, now: UTCNanos) throws -> CandleRecord? {
        let statement = try db.cachedStatement(sql: Self.selectSQL)
        let row = try Row.fetchOne(
            statement, arguments: [key.instrument, key.timeframe, key.openTime.rawValue, rows.collector.id])
        guard let row else { return nil }
        var native = CandleRecord(
            series, start: UTCNanos(seconds: key.openTime), bid: OHLC(row, from: 0), ask: OHLC(row, from: 4),
            mid: .zero, source: .native, inputStream: .ticks)
        native.tickCount = row[8]
        return try store(native, key, series, now: now)
    }

    /// Takes a candle of the broker's.
    /// - Returns: the candle of the interval that a reader now sees; `nil` where it is the same as before.
    func store(_ native: CandleRecord, _ key: CandleKey, _ series: Series, now: UTCNanos) throws -> CandleRecord? {
        let streamed = try rows.streamed(key, series)
        let verdict = OpinionVerdict(native: native, streamed: streamed)
        try write(native, streamed, verdict, key, now)
        guard var streamed else { return nil }
        let flags = verdict.marked(streamed.flags, enforces: enforces)
        guard flags != streamed.flags else { return nil }
        streamed.flags = flags
        return try rows.mark(streamed, key)
    }

    private func write(
        _ native: CandleRecord, _ streamed: CandleRecord?, _ verdict: OpinionVerdict, _ key: CandleKey, _ now: UTCNanos
    ) throws {
        let statement = try db.cachedStatement(sql: Self.writeSQL)
        func values(_ candle: CandleRecord?) -> [Int64?] {
            let sides = [candle?.bid, candle?.ask]
            return sides.flatMap { side in
                [side?.open.rawValue, side?.high.rawValue, side?.low.rawValue, side?.close.rawValue]
            } + [candle.map { Int64($0.tickCount) }]
        }
        let head: [(any DatabaseValueConvertible)?] = [
            key.instrument, key.timeframe, key.openTime.rawValue, rows.collector.id, verdict.rawValue,
        ]
        try statement.execute(
            arguments: StatementArguments(head + values(native) + values(streamed) + [now.seconds.rawValue]))
    }
}

extension OHLC {
    /// Four columns of prices.
    init(_ row: Row, from first: Int) {
        func price(_ part: Int) -> Price { Price(rawValue: row[first + part]) }
        self.init(open: price(0), high: price(1), low: price(2), close: price(3))
    }
}
