internal import MarketData
internal import Wire

/// A tick as the fold takes it; `nil` is a side that it does not bring.
struct Quote {
    let time: Int64
    let bid: Int64?
    let ask: Int64?

    @inline(__always)
    init(_ tick: TickRecord) {
        time = tick.brokerTime.rawValue
        bid = tick.flags.contains(.bidMissing) ? nil : tick.bid.rawValue
        ask = tick.flags.contains(.askMissing) ? nil : tick.ask.rawValue
    }
}

/// A candle while its ticks arrive: plain integers, updated in place.
///
/// Open and close are the first and the last tick by (broker time, position), so ticks that come out of
/// order give the same candle. Mid is kept as bid + ask and halved at the end: exact, since prices have
/// at most 8 decimals (`Price.decimalsMax`).
///
/// Bid and ask are moved by the ticks that bring them, mid by those that bring both. Nearly all bring both:
/// until one does not, the sides share the times of the candle's first and last tick.
struct OpenCandle {
    /// ns since 1970; `none` if nothing is open.
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
    /// A tick without one side came: each side has its own times.
    private var isUneven = false
    private var bidTimes = Times()
    private var askTimes = Times()
    private var sumTimes = Times()

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

        /// Before the first tick.
        fileprivate static var empty: Extremes { Extremes(0) }

        @inline(__always)
        mutating func widen(_ value: Int64) {
            high = max(high, value)
            low = min(low, value)
        }

        /// Takes a value of an uneven candle.
        fileprivate mutating func take(_ value: Int64, at time: Int64, _ times: inout Times) {
            if times.isEmpty {
                self = Extremes(value)
                times = Times(first: time, last: time)
            } else if time >= times.last {
                (times.last, close) = (time, value)
            } else if time < times.first {
                (times.first, open) = (time, value)
            }
            widen(value)
        }

        func ohlc(dividedBy divisor: Int64) -> OHLC {
            OHLC(
                open: Price(rawValue: open / divisor), high: Price(rawValue: high / divisor),
                low: Price(rawValue: low / divisor), close: Price(rawValue: close / divisor))
        }
    }

    /// When a side's open and close of an uneven candle were.
    fileprivate struct Times {
        var first = Int64.max
        var last = Int64.min

        /// Before the side's first tick.
        var isEmpty: Bool { last == .min }
    }

    /// A candle of one tick with both sides.
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

    /// A candle of one tick.
    init(start: Int64, _ quote: Quote) {
        if let bid = quote.bid, let ask = quote.ask {
            self.init(start: start, time: quote.time, bid: bid, ask: ask)
        } else {
            self.init(start: start)
            fold(quote)
        }
    }

    /// Before the first tick of an interval.
    init(start: Int64) {
        self.start = start
        (first, last) = (.max, .min)
        (bid, ask, sum) = (.empty, .empty, .empty)
        (tickCount, invertedTicks, revision, flags) = (0, 0, 1, [])
        isUneven = true
    }

    /// Nothing open.
    static var empty: OpenCandle { OpenCandle(start: none) }

    /// Takes one more tick of the interval; it brings both sides.
    @inline(__always)
    mutating func fold(time: Int64, bid newBid: Int64, ask newAsk: Int64) {
        if isUneven { return foldUneven(time: time, bid: newBid, ask: newAsk) }
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

    /// Takes one more tick of the interval.
    mutating func fold(_ quote: Quote) {
        if let bid = quote.bid, let ask = quote.ask {
            fold(time: quote.time, bid: bid, ask: ask)
        } else {
            foldUneven(time: quote.time, bid: quote.bid, ask: quote.ask)
        }
    }

    @inline(never)
    private mutating func foldUneven(time: Int64, bid newBid: Int64?, ask newAsk: Int64?) {
        if !isUneven { separateSides() }
        (first, last) = (min(first, time), max(last, time))
        if let newBid { bid.take(newBid, at: time, &bidTimes) }
        if let newAsk { ask.take(newAsk, at: time, &askTimes) }
        if let newBid, let newAsk {
            sum.take(newBid &+ newAsk, at: time, &sumTimes)
            if newAsk < newBid { invertedTicks &+= 1 }
        }
        tickCount &+= 1
    }

    private mutating func separateSides() {
        isUneven = true
        bidTimes = Times(first: first, last: last)
        (askTimes, sumTimes) = (bidTimes, bidTimes)
    }

    /// No tick brought both sides: there is no mid.
    var lacksMid: Bool { isUneven && sumTimes.isEmpty }

    /// Numbers the next revision. The last number is that of a candle which changed too often to be trusted.
    mutating func countRevision() { if !isExhausted { revision += 1 } }

    /// No further revision can be numbered.
    var isExhausted: Bool { revision == .max }

    /// The record of it, without what only the builder knows: what is missing and the input position.
    func record(pair: Pair, timeframe: Timeframe) -> CandleRecord {
        var record = CandleRecord(
            Series(pair, timeframe), start: UTCNanos(rawValue: start),
            bid: bid.ohlc(dividedBy: 1), ask: ask.ohlc(dividedBy: 1), mid: sum.ohlc(dividedBy: 2),
            source: .streamed, inputStream: .ticks)
        record.flags = flags
        if tickCount > 0 {
            record.firstTickTime = UTCNanos(rawValue: first)
            record.lastTickTime = UTCNanos(rawValue: last)
        }
        record.tickCount = tickCount
        record.invertedTicks = invertedTicks
        record.revision = revision
        return record
    }
}

// MARK: As bytes

extension OpenCandle: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(start)
        bytes.put(first)
        bytes.put(last)
        bytes.put(bid)
        bytes.put(ask)
        bytes.put(sum)
        bytes.put(tickCount)
        bytes.put(invertedTicks)
        bytes.put(revision)
        bytes.put(flags)
        bytes.put(isUneven)
        guard isUneven else { return }
        bytes.put(bidTimes)
        bytes.put(askTimes)
        bytes.put(sumTimes)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        (start, first, last) = (try bytes.take(), try bytes.take(), try bytes.take())
        (bid, ask, sum) = (try bytes.take(), try bytes.take(), try bytes.take())
        (tickCount, invertedTicks) = (try bytes.take(), try bytes.take())
        (revision, flags, isUneven) = (try bytes.take(), try bytes.take(), try bytes.take())
        if isUneven { (bidTimes, askTimes, sumTimes) = (try bytes.take(), try bytes.take(), try bytes.take()) }
    }
}

extension OpenCandle.Extremes: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(open)
        bytes.put(high)
        bytes.put(low)
        bytes.put(close)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        (open, high, low, close) = (try bytes.take(), try bytes.take(), try bytes.take(), try bytes.take())
    }
}

extension OpenCandle.Times: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(first)
        bytes.put(last)
    }

    init(from bytes: inout StateReader) throws(StateDamage) { (first, last) = (try bytes.take(), try bytes.take()) }
}
