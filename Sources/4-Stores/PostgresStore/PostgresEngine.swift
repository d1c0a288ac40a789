public import Host
public import Store

/// PostgreSQL: `Paths.database` is a URI of libpq's.
public struct PostgresEngine: StoreEngine {
    public init() {}

    public func openWriter(_ paths: Paths, enforcesOpinions: Bool) throws -> any CandleWriter {
        try PostgresWriter(
            uri: paths.database, environment: .process, lock: paths.databaseLock, enforcesOpinions: enforcesOpinions)
    }

    public func openReader(_ paths: Paths) throws -> any CandleQueries {
        try PostgresReader(uri: paths.database, environment: .process)
    }
}
