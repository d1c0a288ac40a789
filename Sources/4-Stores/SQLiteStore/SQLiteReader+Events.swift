internal import GRDB
public import MarketData
public import Store
internal import Wire

/// The feed's events.
extension SQLiteReader {
    /// The newest events of the feed, newest first.
    public func events(last count: Int) throws -> [StoredEvent] {
        let sql = "SELECT * FROM feed_event ORDER BY position DESC, event LIMIT ?"
        return try read { try Row.fetchAll($0, sql: sql, arguments: [count]).map(StoredEvent.init) }
    }

    /// The events that were recorded in a range of feed time, or that concern it, oldest first.
    public func events(in range: Range<UTCNanos>) throws -> [StoredEvent] {
        let sql = """
            SELECT * FROM feed_event e
            WHERE time >= :from AND time < :until
                OR event = 'blind ended' AND detail < :until AND until > :from
                OR event = 'blind began' AND detail < :until AND NOT EXISTS (
                    SELECT 1 FROM feed_event l
                    WHERE l.pair IS e.pair AND l.event IN ('blind began', 'blind ended') AND l.position > e.position)
            ORDER BY position, event
            """
        let arguments: StatementArguments = ["from": range.lowerBound.rawValue, "until": range.upperBound.rawValue]
        return try read { try Row.fetchAll($0, sql: sql, arguments: arguments).map(StoredEvent.init) }
    }

    /// When the feed was seen for the first time: the first end of a blindness of the whole; `nil` before it.
    public func firstSight() throws -> UTCNanos? {
        let sql = "SELECT MIN(until) FROM feed_event WHERE event = 'blind ended' AND pair IS NULL"
        return try read { try Int64.fetchOne($0, sql: sql).map(UTCNanos.init(rawValue:)) }
    }

    /// The state of the feed by all its events.
    public func continuity() throws -> Continuity {
        try read { db in
            var result = Continuity()
            result.clockReset = try SQLiteReader.clockReset(db)
            result.newest = try SQLiteReader.newest(since: result.clockReset, db)
            // The details of other events are times: their sum would leave 64 bits, as a count that an older version
            // wrote would.
            let sums = """
                SELECT event, COUNT(*), SUM(CASE WHEN event IN ('session recovered', 'updates lost')
                    THEN MIN(MAX(detail, 0), \(LossCount(rawValue: .max))) ELSE 0 END)
                FROM feed_event GROUP BY event
                """
            for row in try Row.fetchAll(db, sql: sums) {
                result.take(event: row[0], count: row[1], sum: UInt64(clamping: row[2] as Int64))
            }
            try result.takeBlindness(db)
            return result
        }
    }

    static func clockReset(_ db: Database) throws -> ClockReset? {
        let sql = "SELECT * FROM feed_event WHERE event = 'clock set back' ORDER BY position DESC LIMIT 1"
        return try Row.fetchOne(db, sql: sql).map(ClockReset.init)
    }

    private static func newest(since reset: ClockReset?, _ db: Database) throws -> UTCNanos {
        let sql = "SELECT MAX(time) FROM feed_event WHERE position > ?"
        let position = reset.map { Int64(bitPattern: $0.position) } ?? -1
        let newest = UTCNanos(rawValue: try Int64.fetchOne(db, sql: sql, arguments: [position]) ?? 0)
        return max(newest, reset?.time ?? newest)
    }
}

extension Continuity {
    fileprivate mutating func takeBlindness(_ db: Database) throws {
        let sql = """
            SELECT pair, event, detail, until, time FROM feed_event
            WHERE event IN ('blind began', 'blind ended', 'clock set back') ORDER BY position, event DESC
            """
        take(try Row.fetchAll(db, sql: sql).map { ($0[0] as String?, Blindness.Change($0)) })
        for pair in blindPairs.map(\.pair) { reasons[pair] = try Continuity.reason(pair, db) }
    }

    private static func reason(_ pair: String, _ db: Database) throws -> StoredEvent? {
        let sql = """
            SELECT * FROM feed_event WHERE pair = ? AND event IN
                ('instrument refused', 'subscription ended', 'updates limited', 'subscription frozen', 'updates lost')
            ORDER BY position DESC LIMIT 1
            """
        return try Row.fetchOne(db, sql: sql, arguments: [pair]).map(StoredEvent.init)
    }
}

extension Blindness.Change {
    /// Columns: pair, event, detail, until, time.
    fileprivate init(_ row: Row) {
        func time(_ column: Int) -> UTCNanos { UTCNanos(rawValue: row[column]) }
        self.init(event: row[1], from: time(2), until: time(3), time: time(4))
    }
}

extension StoredEvent {
    fileprivate init(_ row: Row) {
        self.init(
            position: UInt64(bitPattern: row["position"]), time: UTCNanos(rawValue: row["time"]), pair: row["pair"],
            event: row["event"], detail: row["detail"], until: row["until"])
    }
}

extension ClockReset {
    fileprivate init(_ row: Row) {
        self.init(position: UInt64(bitPattern: row["position"]), time: UTCNanos(rawValue: row["until"]))
    }
}
