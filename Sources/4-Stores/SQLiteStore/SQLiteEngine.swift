public import Host
public import Store

/// SQLite: one file in the state folder, `Paths.database`.
public struct SQLiteEngine: StoreEngine {
    public init() {}

    public func openWriter(_ paths: Paths, enforcesOpinions: Bool) throws -> any CandleWriter {
        try SQLiteWriter(path: paths.database, enforcesOpinions: enforcesOpinions)
    }

    public func openReader(_ paths: Paths) throws -> any CandleQueries { try SQLiteReader(path: paths.database) }
}
