internal import MarketData
internal import Wire

/// A candle while its ticks arrive: plain integers, updated in place.
///
/// Open and close are the first and the last tick by (broker time, position), so ticks that come out of
/// order give the same candle. Mid is kept as bid + ask and halved at the end: exact, since prices have
/// at most 8 decimals (`Price.decimalsMax`).
struct OpenCandle {
    /// ns since 1970; `none` where nothing is open.
    var start: Int64
    var first: Int64
    var last: Int64
    var bid: Extremes
    var ask: Extremes
    var sum: Extremes
    var tickCount: UInt32
    var invertedTicks: UInt32
    var revision: UInt16
    var flags: CandleFlags

    /// Chosen so that no tick's time lies in `[none, none + timeframe)`.
    static let none = Int64.max

    struct Extremes {
        var open: Int64
        var high: Int64
        var low: Int64
        var close: Int64

        @inline(__always)
        init(_ value: Int64) {
            open = value
            high = value
            low = value
            close = value
        }

        @inline(__always)
        mutating func widen(_ value: Int64) {
            high = max(high, value)
            low = min(low, value)
        }

        func ohlc(dividedBy divisor: Int64) -> OHLC {
            OHLC(
                open: Price(rawValue: open / divisor), high: Price(rawValue: high / divisor),
                low: Price(rawValue: low / divisor), close: Price(rawValue: close / divisor))
        }
    }

    /// A candle of one tick.
    @inline(__always)
    init(start: Int64, time: Int64, bid: Int64, ask: Int64) {
        self.start = start
        first = time
        last = time
        self.bid = Extremes(bid)
        self.ask = Extremes(ask)
        sum = Extremes(bid &+ ask)
        tickCount = 1
        invertedTicks = ask < bid ? 1 : 0
        revision = 1
        flags = []
    }

    /// Nothing open.
    static var empty: OpenCandle {
        var candle = OpenCandle(start: none, time: 0, bid: 0, ask: 0)
        candle.tickCount = 0
        return candle
    }

    /// Takes one more tick of the interval.
    @inline(__always)
    mutating func fold(time: Int64, bid newBid: Int64, ask newAsk: Int64) {
        let newSum = newBid &+ newAsk
        if time >= last {
            last = time
            bid.close = newBid
            ask.close = newAsk
            sum.close = newSum
        } else if time < first {
            first = time
            bid.open = newBid
            ask.open = newAsk
            sum.open = newSum
        }
        bid.widen(newBid)
        ask.widen(newAsk)
        sum.widen(newSum)
        tickCount &+= 1
        if newAsk < newBid { invertedTicks &+= 1 }
    }

    /// Numbers the next revision.
    mutating func countRevision() { revision = revision == .max ? .max : revision + 1 }

    /// The record of it, without what only the builder knows: evidence and input position.
    func record(pair: Pair, timeframe: Timeframe) -> CandleRecord {
        var record = CandleRecord(
            pair: pair, timeframe: timeframe, start: UTCNanos(rawValue: start),
            bid: bid.ohlc(dividedBy: 1), ask: ask.ohlc(dividedBy: 1), mid: sum.ohlc(dividedBy: 2),
            source: .streamed, inputStream: .ticks)
        record.flags = flags
        record.firstTickTime = UTCNanos(rawValue: first)
        record.lastTickTime = UTCNanos(rawValue: last)
        record.tickCount = tickCount
        record.invertedTicks = invertedTicks
        record.revision = revision
        return record
    }
}
