internal import Wire

/// Which candle the store keeps for an interval: whole streamed, then bought from the broker, then derived
/// from bought smaller ones, then partial streamed; within a rank the higher revision.
/// Source: docs/architecture.md § The store.
enum CandleRank {
    static func of(_ candle: CandleRecord) -> Int {
        switch candle.source {
        case .streamed: candle.flags.contains(.partial) ? 1 : 4
        case .bought: 3
        case .derived: 2
        default: 0
        }
    }
}
