internal import Engines
public import Host
internal import MarketData
internal import Store

/// How many candles of how many pairs the database holds.
public struct StoredCount: Sendable {
    /// One sentence, without a full stop.
    public let text: String

    /// - Throws: `Failure` (69) if none is stored or there is no database.
    public init(_ paths: Paths) throws {
        let lines = try storeEngine.openReader(paths).statistics()
        let count = lines.reduce(0) { $0 + $1.count }
        guard count > 0 else { throw Failure(.unavailable, "no candle stored in \(paths.database)") }
        text = "\(count) candles of \(Set(lines.map(\.series.pair)).count) pairs stored in \(paths.database)"
    }
}
