internal import Host
public import MarketData
public import Store

/// Work on the whole database.
extension PostgresWriter {
    /// Deletes candles and feed events from before a moment: whole months as partitions, the rest row by row.
    /// - Parameter progressed: called after each step.
    /// - Returns: how many candles.
    public func forget(before moment: UTCNanos, progressed: () -> Void) throws -> Int {
        let before = SQLValue.int(moment.seconds.rawValue)
        return try during("delete from") {
            try connection.execute(
                """
                INSERT INTO forgotten (id, before) VALUES (1, $1)
                ON CONFLICT (id) DO UPDATE SET before = GREATEST(forgotten.before, excluded.before)
                """, [before])
            var count = 0
            for month in try connection.months() where month.end <= moment.seconds {
                count += try drop(month)
                progressed()
            }
            for table in ["candle", "outranked_candle", "empty_interval", "second_opinion"] {
                let deleted = try connection.execute("DELETE FROM \(table) WHERE open_time < $1", [before]).changedCount
                if table == "candle" { count += deleted }
                progressed()
            }
            try connection.execute(Self.forgetEvents, [.int(moment.rawValue)])
            return count
        }
    }

    /// Drops a partition, unless a reader is in its way for long: its rows are deleted then.
    /// - Returns: how many candles it held.
    private func drop(_ month: CandleMonth) throws -> Int {
        do {
            let count = try connection.transaction {
                try connection.run("SET LOCAL lock_timeout = '2s'")
                try connection.run("LOCK TABLE candle IN ACCESS EXCLUSIVE MODE")
                let count = try connection.execute("SELECT count(*) FROM \(month.name)").first?[0] ?? 0
                try connection.run("DROP TABLE \(month.name)")
                return Int(count)
            }
            months.remove(month)
            return count
        } catch let error as PostgresError where error.state == PostgresError.lockNotAvailable {
            return 0
        }
    }

    /// What still says how things are stays: that the feed or a pair is blind, and that times were taken back.
    private static let forgetEvents = """
        DELETE FROM feed_event WHERE time < $1
            AND (event NOT IN ('blind began', 'clock set back') OR EXISTS (
                SELECT 1 FROM feed_event l
                WHERE l.collector_id = feed_event.collector_id AND l.position > feed_event.position AND CASE feed_event.event
                    WHEN 'blind began' THEN
                        l.pair IS NOT DISTINCT FROM feed_event.pair AND l.event IN ('blind began', 'blind ended')
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
            try during("analyse") {
                for table in ["candle", "outranked_candle", "empty_interval", "second_opinion", "feed_event"] {
                    try connection.run("ANALYZE \(table)")
                    progressed()
                }
            }
            return "statistics of the query planner updated"
        case .vacuum:
            return
                "nothing to do: PostgreSQL gives the room of deleted rows to new ones by itself (autovacuum), and months "
                + "that were deleted whole back to the disk"
        }
    }
}
