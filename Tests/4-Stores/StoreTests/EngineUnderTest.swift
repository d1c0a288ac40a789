import Host
import MarketData
import SQLiteStore
import Store
import Testing
import TestKit
import Wire

/// An engine, and its one database in a folder. Each engine must pass every suite of this target; a new one is one more
/// of `all`.
struct EngineUnderTest: CustomTestStringConvertible, Sendable {
    let testDescription: String
    private let engine: any StoreEngine

    static let all = [EngineUnderTest(testDescription: "SQLite", engine: SQLiteEngine())]

    func writer(_ folder: TemporaryFolder, enforcesOpinions: Bool = false) throws -> any CandleWriter {
        try engine.openWriter(Paths(runtime: folder.path, state: folder.path), enforcesOpinions: enforcesOpinions)
    }

    func reader(_ folder: TemporaryFolder) throws -> any CandleQueries {
        try engine.openReader(Paths(runtime: folder.path, state: folder.path))
    }
}

extension CandleWriter {
    @discardableResult
    func write(_ records: [CandleEnvelope], position: UInt64 = 1) throws -> [CandleRecord] {
        try write(records, stream: .candles, position: position, now: UTCNanos(seconds: 5))
    }

    @discardableResult
    func write(_ candles: [CandleRecord], position: UInt64 = 1) throws -> [CandleRecord] {
        try write(candles.map(\.envelope), position: position)
    }
}

extension CandleQueries {
    /// All candles of EUR_USD in 5m, complete or not.
    func stored() throws -> [Candle] { try last(1_000, Make.eurUSD, .fiveMinutes, .all) }
}
