import Host
import MarketData
import PostgresStore
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
    /// The database of a folder.
    private let prepare: @Sendable (TemporaryFolder, _ isMade: Bool) throws -> Paths

    static let sqlite = EngineUnderTest(testDescription: "SQLite", engine: SQLiteEngine()) { folder, _ in
        try Paths(runtime: folder.path, state: folder.path)
    }

    /// A schema on the server of this process.
    static let postgres = EngineUnderTest(testDescription: "PostgreSQL", engine: PostgresEngine()) { folder, isMade in
        let server = try PostgresServer.shared.get()
        if isMade { try server.makeSchema(folder.name) }
        return try Paths(
            environment: Environment([
                "CANDLEWICK_RUNTIME_DIR": folder.path, "CANDLEWICK_STATE_DIR": folder.path,
                "CANDLEWICK_DATABASE": server.uri(schema: folder.name),
            ]))
    }

    /// PostgreSQL only if its server is installed: `PostgresTests` says so.
    static let all = [sqlite] + (PostgresServer.isInstalled ? [postgres] : [])

    func writer(_ folder: TemporaryFolder, enforcesOpinions: Bool = false) throws -> any CandleWriter {
        try engine.openWriter(prepare(folder, true), enforcesOpinions: enforcesOpinions)
    }

    func reader(_ folder: TemporaryFolder) throws -> any CandleQueries {
        try engine.openReader(prepare(folder, false))
    }
}

extension TemporaryFolder {
    /// Without the folders above it.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
}

extension CandleWriter {
    @discardableResult
    func write(_ records: [CandleEnvelope], position: UInt64 = 1) throws -> [CandleRecord] {
        try write(records, collector: .main, stream: .candles, position: position, now: UTCNanos(seconds: 5))
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
