internal import Host
internal import PostgresStore
internal import SQLiteStore
public import Store

/// The engine that keeps the candles. Another one is a module with a `StoreEngine`, and a line in `engine`.
public let storeEngine: any StoreEngine = NamedEngine()

/// The engine that the database's name says.
private struct NamedEngine: StoreEngine {
    private func engine(_ paths: Paths) -> any StoreEngine {
        paths.isDatabaseServed ? PostgresEngine() : SQLiteEngine()
    }

    func openWriter(_ paths: Paths, enforcesOpinions: Bool) throws -> any CandleWriter {
        try engine(paths).openWriter(paths, enforcesOpinions: enforcesOpinions)
    }

    func openReader(_ paths: Paths) throws -> any CandleQueries {
        do {
            return try engine(paths).openReader(paths)
        } catch let failure as Failure where failure.code == .unavailable {
            guard let installed = paths.installation, installed.hidesEnvironment else { throw failure }
            throw Failure(
                .unavailable,
                "\(failure); if \(installed.environmentFile), which only root can read, names another, set CANDLEWICK_DATABASE"
            )
        }
    }
}
