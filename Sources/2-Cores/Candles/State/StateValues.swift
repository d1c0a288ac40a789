internal import MarketData
internal import Wire

// Values of other modules, as bytes of the fold's state.

extension UTCNanos: StateValue {}
extension UTCSeconds: StateValue {}
extension LossCount: StateValue {}
extension CandleFlags: StateValue {}

extension Pair: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(head)
        bytes.put(tail)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        self.init(head: try bytes.take(), tail: try bytes.take())
    }
}

extension Range<UTCNanos>: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(lowerBound)
        bytes.put(upperBound)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        let (lower, upper): (UTCNanos, UTCNanos) = (try bytes.take(), try bytes.take())
        guard lower <= upper else { throw StateDamage() }
        self = lower..<upper
    }
}

extension OHLC: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(open.rawValue)
        bytes.put(high.rawValue)
        bytes.put(low.rawValue)
        bytes.put(close.rawValue)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        func price() throws(StateDamage) -> Price { Price(rawValue: try bytes.take()) }
        self.init(open: try price(), high: try price(), low: try price(), close: try price())
    }
}

extension Interval: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(series.pair)
        bytes.put(UInt32(series.timeframe.seconds))
        bytes.put(start)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        let (pair, seconds): (Pair, UInt32) = (try bytes.take(), try bytes.take())
        guard seconds % 60 == 0, let timeframe = Timeframe(minutes: Int(seconds / 60)) else { throw StateDamage() }
        self.init(Series(pair, timeframe), start: try bytes.take())
    }
}
