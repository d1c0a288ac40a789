internal import MarketData
internal import Wire

/// The last tick of a pair that was counted.
struct LastTick {
    var time = Int64.min
    var bid: Int64 = 0
    var ask: Int64 = 0
    var receiveTime: Int64 = 0
    var flags: UInt32 = 0
    /// 0: there was no tick, or its time was taken back.
    var position: UInt64 = 0

    init() {}

    @inline(__always)
    init(_ tick: TickRecord) {
        (time, receiveTime) = (tick.brokerTime.rawValue, tick.receiveTime.rawValue)
        (bid, ask) = (tick.bid.rawValue, tick.ask.rawValue)
        (flags, position) = (tick.flags.rawValue, tick.position)
    }

    /// The tick as it came; `nil` before the first.
    func record(_ pair: Pair) -> TickRecord? {
        guard position > 0 else { return nil }
        var tick = TickRecord(
            pair, brokerTime: UTCNanos(rawValue: time), receiveTime: UTCNanos(rawValue: receiveTime),
            bid: Price(rawValue: bid), ask: Price(rawValue: ask), flags: TickFlags(rawValue: flags))
        tick.seal(position: position)
        return tick
    }

    /// Whether a snapshot brings nothing that is newer.
    func covers(_ tick: LastTick) -> Bool {
        time > tick.time || time == tick.time && bid == tick.bid && ask == tick.ask
    }
}
