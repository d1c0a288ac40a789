internal import MarketData
internal import Wire

/// The last tick of a pair that was counted.
struct LastTick {
    var time = Int64.min
    var bid: Int64 = 0
    var ask: Int64 = 0

    /// Whether a snapshot brings nothing that is newer.
    func covers(_ tick: LastTick) -> Bool {
        time > tick.time || time == tick.time && bid == tick.bid && ask == tick.ask
    }
}
