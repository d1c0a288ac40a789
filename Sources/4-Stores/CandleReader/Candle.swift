internal import GRDB
internal import GRDBSQLite
public import MarketData
public import Wire

extension CandleReader {
    /// A candle as a reader sees it.
    public struct Candle: Hashable, Sendable {
        /// Unix seconds of the interval's start, UTC.
        public let timestamp: Int64
        public let bid: OHLC
        public let ask: OHLC
        /// Of each tick's (bid + ask) / 2; of bought ones of the four prices.
        public let mid: OHLC
        /// Ticks that moved or repeated the price.
        public let tickCount: Int
        /// Whether the whole interval was seen, or comes from a source that has it whole.
        public let isComplete: Bool
        /// Time inside the interval of which nothing is known.
        public let blindMilliseconds: Int
        /// Updates that the broker declared lost.
        public let lostUpdates: Int
        /// From 1; a later one takes the place of those before.
        public let revision: Int
        public let source: CandleSource
    }
}

extension CandleReader.Candle {
    /// The columns that `init(_: SQLiteStatement)` reads, in its order, of the table `candle` as `c`.
    package static let columns: String = {
        let prices = ["bid", "ask", "mid"].flatMap { side in
            ["open", "high", "low", "close"].map { "c.\(side)_\($0)" }
        }
        let others = ["c.tick_count", "c.complete", "c.blind_ms", "c.lost", "c.revision", "c.source"]
        return (["c.open_time"] + prices + others).joined(separator: ", ")
    }()

    /// The row at which a statement stands.
    init(_ row: SQLiteStatement) {
        func column(_ index: Int32) -> Int64 { sqlite3_column_int64(row, index) }
        func side(_ first: Int32) -> OHLC {
            OHLC(
                open: Price(rawValue: column(first)), high: Price(rawValue: column(first + 1)),
                low: Price(rawValue: column(first + 2)), close: Price(rawValue: column(first + 3)))
        }
        timestamp = column(0)
        bid = side(1)
        ask = side(5)
        mid = side(9)
        tickCount = Int(column(13))
        isComplete = column(14) != 0
        blindMilliseconds = Int(column(15))
        lostUpdates = Int(column(16))
        revision = Int(column(17))
        source = CandleSource(rawValue: UInt8(truncatingIfNeeded: column(18)))
    }

    package init(_ record: CandleRecord) {
        timestamp = record.start.seconds
        (bid, ask, mid) = (record.bid, record.ask, record.mid)
        tickCount = Int(record.tickCount)
        isComplete = !record.flags.contains(.partial)
        blindMilliseconds = Int(record.blindMilliseconds)
        lostUpdates = Int(record.lostUpdates)
        revision = Int(record.revision)
        source = record.source
    }
}
