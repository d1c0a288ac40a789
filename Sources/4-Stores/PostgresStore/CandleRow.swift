internal import Candles
internal import MarketData
internal import Store
internal import Wire

/// Where the rows of an interval are.
struct CandleKey: Hashable {
    let instrument: Int64
    /// Seconds.
    let timeframe: Int64
    let openTime: UTCSeconds
}

/// A row of `candle` or `outranked_candle`, without its key.
struct CandleRow: Equatable {
    /// Without its position.
    var candle: CandleRecord
    let collector: CollectorKey
    let createdAt: UTCSeconds

    static let keyColumns = ["instrument_id", "timeframe", "open_time"]
    static let valueColumns = [
        "bid_open", "bid_high", "bid_low", "bid_close",
        "ask_open", "ask_high", "ask_low", "ask_close",
        "mid_open", "mid_high", "mid_low", "mid_close",
        "tick_count", "inverted_ticks", "first_tick_time", "last_tick_time", "blind_ms", "lost",
        "complete", "flags", "source", "rank", "revision", "input_position", "publish_time", "created_at",
        "collector_id",
    ]
    static let columns = keyColumns + valueColumns

    init(_ candle: CandleRecord, _ collector: CollectorKey, now: UTCNanos) {
        self.collector = collector
        self.candle = candle
        self.candle.inputStream = Self.inputStream(candle.source)
        createdAt = now.seconds
    }

    private static func inputStream(_ source: CandleSource) -> Stream { source == .streamed ? .ticks : .history }

    /// - Parameters:
    ///   - row: has `valueColumns`, and the name of the collector behind them.
    ///   - first: the first of them.
    /// - Throws: `PostgresError` if that is no name.
    init(_ row: SQLRow, from first: Int, _ series: Series, start: UTCSeconds) throws {
        guard let name = Collector(row.text(first + 27)) else {
            throw PostgresError(state: "XX000", message: "'\(row.text(first + 27))' is not the name of a collector")
        }
        collector = CollectorKey(id: row[first + 26], name: name)
        let source = CandleSource(rawValue: UInt8(truncatingIfNeeded: row[first + 20]))
        candle = CandleRecord(
            series, start: UTCNanos(seconds: start), bid: OHLC(row, from: first), ask: OHLC(row, from: first + 4),
            mid: OHLC(row, from: first + 8), source: source, inputStream: Self.inputStream(source))
        candle.tickCount = UInt32(truncatingIfNeeded: row[first + 12])
        candle.invertedTicks = UInt32(truncatingIfNeeded: row[first + 13])
        candle.firstTickTime = UTCNanos(rawValue: row[first + 14])
        candle.lastTickTime = UTCNanos(rawValue: row[first + 15])
        candle.blindMilliseconds = UInt32(truncatingIfNeeded: row[first + 16])
        candle.lostUpdates = UInt32(truncatingIfNeeded: row[first + 17])
        candle.flags = CandleFlags(rawValue: UInt32(truncatingIfNeeded: row[first + 19]))
        candle.revision = UInt16(truncatingIfNeeded: row[first + 22])
        candle.inputPosition = UInt64(bitPattern: row[first + 23])
        candle.publishTime = UTCNanos(rawValue: row[first + 24])
        createdAt = UTCSeconds(rawValue: row[first + 25])
    }

    static func == (a: CandleRow, b: CandleRow) -> Bool { a.values == b.values }

    /// In the order of `valueColumns`.
    var values: [Int64] {
        [candle.bid, candle.ask, candle.mid].flatMap { side in
            [side.open.rawValue, side.high.rawValue, side.low.rawValue, side.close.rawValue]
        } + [
            Int64(candle.tickCount), Int64(candle.invertedTicks), candle.firstTickTime.rawValue,
            candle.lastTickTime.rawValue, Int64(candle.blindMilliseconds), Int64(candle.lostUpdates),
            candle.flags.contains(.partial) ? 0 : 1, Int64(candle.flags.rawValue), Int64(candle.source.rawValue),
            Int64(rank.level), Int64(candle.revision), Int64(bitPattern: candle.inputPosition),
            candle.publishTime.rawValue, createdAt.rawValue, collector.id,
        ]
    }

    var rank: CandleRank { CandleRank(candle, collector.name) }
}

extension OHLC {
    /// Four columns of prices.
    init(_ row: SQLRow, from first: Int) {
        func price(_ part: Int) -> Price { Price(rawValue: row[first + part]) }
        self.init(open: price(0), high: price(1), low: price(2), close: price(3))
    }
}
