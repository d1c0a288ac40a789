package import Wire

/// Which candle the store keeps for an interval: whole streamed, then bought from the broker, then derived
/// from bought smaller ones, then imported, then partial streamed; within a rank the higher revision.
/// Source: docs/architecture.md § The store.
package enum CandleRank {
    package static func of(_ candle: CandleRecord) -> Int {
        switch candle.source {
        case .streamed: candle.flags.contains(.partial) ? 1 : 5
        case .bought: 4
        case .derived: 3
        case .imported: 2
        default: 0
        }
    }
}
