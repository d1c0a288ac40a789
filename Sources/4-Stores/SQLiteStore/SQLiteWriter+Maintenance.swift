internal import GRDB
internal import GRDBSQLite
internal import Host
public import MarketData
public import Store

/// Work on the whole database.
extension SQLiteWriter {
    /// Deletes candles and feed events from before a moment: a transaction for each pair and timeframe, along the
    /// key, so that none takes long.
    /// - Parameter progressed: called after each of them.
    /// - Returns: how many candles.
    @discardableResult
    public func forget(before moment: UTCNanos, progressed: () -> Void) throws -> Int {
        let tables = ["candle", "outranked_candle", "empty_interval", "second_opinion"]
        return try during("delete from") {
            var count = 0
            try database.write {
                try $0.execute(
                    sql: """
                        INSERT INTO forgotten (id, before) VALUES (1, ?)
                        ON CONFLICT (id) DO UPDATE SET before = MAX(before, excluded.before)
                        """, arguments: [moment.seconds.rawValue])
            }
            for instrument in try database.read({ try Int64.fetchAll($0, sql: "SELECT id FROM instrument") }) {
                for timeframe in timeframes {
                    for table in tables {
                        let deleted = try database.write { db in
                            try db.execute(
                                sql: "DELETE FROM \(table) WHERE instrument_id = ? AND timeframe = ? AND open_time < ?",
                                arguments: [instrument, timeframe, moment.seconds.rawValue])
                            return db.changesCount
                        }
                        if table == "candle" { count += deleted }
                    }
                    progressed()
                }
            }
            try database.write {
                try $0.execute(sql: SQLiteWriter.forgetEvents, arguments: [moment.rawValue])
            }
            return count
        }
    }

    /// What still says how things are stays: that the feed or a pair is blind, and that times were taken back.
    private static let forgetEvents = """
        DELETE FROM feed_event WHERE time < ?
            AND (event NOT IN ('blind began', 'clock set back') OR EXISTS (
                SELECT 1 FROM feed_event l
                WHERE l.collector_id = feed_event.collector_id AND l.position > feed_event.position AND CASE feed_event.event
                    WHEN 'blind began' THEN l.pair IS feed_event.pair AND l.event IN ('blind began', 'blind ended')
                    ELSE l.event = 'clock set back' END))
        """

    /// Does what only the writer may do to the whole database.
    /// - Parameter progressed: called now and then.
    /// - Returns: what was done, a sentence without its end.
    public func perform(_ task: MaintenanceTask, progressed: () -> Void) throws -> String {
        switch task {
        case .clear(let before):
            let count = try forget(before: UTCNanos(seconds: before), progressed: progressed)
            return "\(count) candles from before \(before.text()) UTC deleted"
        case .analyse:
            try during("analyse") { try withProgress(progressed) { try $0.execute(sql: "ANALYZE") } }
            return "statistics of the query planner updated"
        case .vacuum:
            let before = diskSize
            try during("vacuum") {
                try withProgress(progressed) { db in
                    try db.execute(sql: "VACUUM")
                    // A reader may be in the way of the first; the second never waits.
                    do { _ = try db.checkpoint(.truncate) } catch { _ = try db.checkpoint(.passive) }
                }
            }
            return "database rewritten: \(before) bytes before, \(diskSize) now"
        }
    }

    /// The write-ahead log counts too.
    private var diskSize: Int64 { ["", "-wal"].reduce(0) { $0 + DiskUsage.size(ofFile: database.path + $1) } }

    /// Long statements call back each some thousand steps of SQLite's machine.
    private func withProgress(_ progressed: () -> Void, _ body: (Database) throws -> Void) throws {
        try withoutActuallyEscaping(progressed) { progressed in
            var progressed = progressed
            try withUnsafeMutablePointer(to: &progressed) { pointer in
                try database.writeWithoutTransaction { db in
                    let call: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { context in
                        context?.assumingMemoryBound(to: (() -> Void).self).pointee()
                        return 0
                    }
                    sqlite3_progress_handler(db.sqliteConnection, 100_000, call, pointer)
                    defer { sqlite3_progress_handler(db.sqliteConnection, 0, nil, nil) }
                    try body(db)
                }
            }
        }
    }
}
