internal import MarketData
internal import Wire

/// A candle whose interval is over, with what is known to be missing from it.
struct ClosedCandle {
    var candle: OpenCandle
    /// Time of the interval of which nothing is known, milliseconds.
    var blindMilliseconds: UInt32
    var lost: LossCount
    /// Its ticks came while the broker's time was wrong: right ones begin it anew.
    var isVoid = false

    /// Nothing that is learned changes it any more.
    var isSettled: Bool { isVoid || candle.isExhausted }

    /// Takes a tick that came after the close. The next revision has it.
    mutating func takeLate(_ quote: Quote) {
        candle.fold(quote)
        candle.flags.insert(.late)
    }

    /// The candle that goes on with a tick, if it was closed before its time: a void one begins anew.
    func reopened(by quote: Quote) -> OpenCandle {
        var open = candle
        if isVoid {
            open = OpenCandle(start: candle.start, quote)
            open.revision = candle.revision
        } else {
            open.fold(quote)
        }
        open.countRevision()
        return open
    }

    /// The record of it, without the input position. One that is settled is blind for the whole of its interval.
    func record(pair: Pair, timeframe: Timeframe) -> CandleRecord {
        var record = candle.record(pair: pair, timeframe: timeframe)
        record.blindMilliseconds =
            isSettled ? UInt32(clamping: timeframe.nanos / UTCNanos.perMillisecond) : blindMilliseconds
        record.lostUpdates = lost.rawValue
        if candle.lacksMid { record.flags.insert(.sideMissing) }
        if record.blindMilliseconds > 0 || record.lostUpdates > 0 || candle.lacksMid {
            // Whether an earlier revision was shown as complete is not known here: the journal may have lost since
            // what it was made of.
            record.flags.formUnion(candle.revision > 1 ? [.partial, .withdrawn] : .partial)
        }
        return record
    }
}
