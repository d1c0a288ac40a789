internal import GRDB
public import MarketData
public import Store
public import Wire

/// Collectors, and the events of their feeds.
extension SQLiteReader {
    /// Those of which anything is stored, by name.
    public func collectors() throws -> [Collector] {
        try read { try String.fetchAll($0, sql: "SELECT name FROM collector ORDER BY name") }.compactMap(Collector.init)
    }

    /// The pairs of which a collector streamed a candle, each with the start of its oldest one.
    public func streamedSince(by collector: Collector) throws -> [Pair: UTCSeconds] {
        let sql = """
            SELECT i.name, s.since FROM streamed_pair s JOIN instrument i ON i.id = s.instrument_id
            WHERE \(SQLiteReader.ofCollector)
            """
        let rows = try read { try Row.fetchAll($0, sql: sql, arguments: ["collector": collector.name]) }
        return rows.reduce(into: [:]) { pairs, row in
            if let pair = Pair(row[0] as String) { pairs[pair] = UTCSeconds(rawValue: row[1]) }
        }
    }

    /// A collector's newest events, newest first.
    public func events(last count: Int, of collector: Collector) throws -> [StoredEvent] {
        let sql = """
            SELECT * FROM feed_event WHERE \(SQLiteReader.ofCollector) ORDER BY position DESC, event LIMIT :count
            """
        return try read { db in
            try Row.fetchAll(db, sql: sql, arguments: ["collector": collector.name, "count": count]).map {
                StoredEvent($0, collector)
            }
        }
    }

    /// A collector's events that were recorded in a range of feed time, or that concern it, oldest first.
    public func events(in range: Range<UTCNanos>, of collector: Collector) throws -> [StoredEvent] {
        let sql = """
            SELECT * FROM feed_event e
            WHERE \(SQLiteReader.ofCollector) AND (time >= :from AND time < :until
                OR event = 'blind ended' AND detail < :until AND until > :from
                OR event = 'blind began' AND detail < :until AND NOT EXISTS (
                    SELECT 1 FROM feed_event l
                    WHERE l.collector_id = e.collector_id AND l.pair IS e.pair
                        AND l.event IN ('blind began', 'blind ended') AND l.position > e.position))
            ORDER BY position, event
            """
        let arguments: StatementArguments = [
            "collector": collector.name, "from": range.lowerBound.rawValue, "until": range.upperBound.rawValue,
        ]
        return try read { db in
            try Row.fetchAll(db, sql: sql, arguments: arguments).map { StoredEvent($0, collector) }
        }
    }

    /// When a collector saw its feed for the first time: the first end of a blindness of the whole; `nil` before it.
    public func firstSight(of collector: Collector) throws -> UTCNanos? {
        let sql = """
            SELECT MIN(until) FROM feed_event
            WHERE \(SQLiteReader.ofCollector) AND event = 'blind ended' AND pair IS NULL
            """
        return try read { db in
            try Int64.fetchOne(db, sql: sql, arguments: ["collector": collector.name]).map(UTCNanos.init(rawValue:))
        }
    }

    /// The state of a collector's feed by all its events.
    public func continuity(of collector: Collector) throws -> Continuity {
        try read { db in
            var result = Continuity()
            result.clockReset = try SQLiteReader.clockReset(of: collector, db)
            result.newest = try SQLiteReader.newest(since: result.clockReset, of: collector, db)
            // The details of other events are times: their sum would leave 64 bits, as a count that an older version
            // wrote would.
            let sums = """
                SELECT event, COUNT(*), SUM(CASE WHEN event IN ('session recovered', 'updates lost')
                    THEN MIN(MAX(detail, 0), \(LossCount(rawValue: .max))) ELSE 0 END)
                FROM feed_event WHERE \(SQLiteReader.ofCollector) GROUP BY event
                """
            for row in try Row.fetchAll(db, sql: sums, arguments: ["collector": collector.name]) {
                result.take(event: row[0], count: row[1], sum: UInt64(clamping: row[2] as Int64))
            }
            try result.takeBlindness(of: collector, db)
            return result
        }
    }

    /// Of a table's rows: those of the collector `:collector`.
    static let ofCollector = "collector_id = (SELECT id FROM collector WHERE name = :collector)"

    static func clockReset(of collector: Collector, _ db: Database) throws -> ClockReset? {
        let sql = """
            SELECT * FROM feed_event WHERE \(ofCollector) AND event = 'clock set back' ORDER BY position DESC LIMIT 1
            """
        return try Row.fetchOne(db, sql: sql, arguments: ["collector": collector.name]).map(ClockReset.init)
    }

    private static func newest(since reset: ClockReset?, of collector: Collector, _ db: Database) throws -> UTCNanos {
        let sql = "SELECT MAX(time) FROM feed_event WHERE \(ofCollector) AND position > :position"
        let position = reset.map { Int64(bitPattern: $0.position) } ?? -1
        let newest = try Int64.fetchOne(db, sql: sql, arguments: ["collector": collector.name, "position": position])
        return max(UTCNanos(rawValue: newest ?? 0), reset?.time ?? UTCNanos(rawValue: 0))
    }
}

extension Continuity {
    fileprivate mutating func takeBlindness(of collector: Collector, _ db: Database) throws {
        let sql = """
            SELECT pair, event, detail, until, time FROM feed_event
            WHERE \(SQLiteReader.ofCollector) AND event IN ('blind began', 'blind ended', 'clock set back')
            ORDER BY position, event DESC
            """
        let rows = try Row.fetchAll(db, sql: sql, arguments: ["collector": collector.name])
        take(rows.map { ($0[0] as String?, Blindness.Change($0)) })
        for pair in blindPairs.map(\.pair) { reasons[pair] = try Continuity.reason(pair, of: collector, db) }
    }

    private static func reason(_ pair: String, of collector: Collector, _ db: Database) throws -> StoredEvent? {
        let sql = """
            SELECT * FROM feed_event WHERE \(SQLiteReader.ofCollector) AND pair = :pair AND event IN
                ('instrument refused', 'subscription ended', 'updates limited', 'subscription frozen', 'updates lost')
            ORDER BY position DESC LIMIT 1
            """
        return try Row.fetchOne(db, sql: sql, arguments: ["collector": collector.name, "pair": pair]).map {
            StoredEvent($0, collector)
        }
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
    fileprivate init(_ row: Row, _ collector: Collector) {
        self.init(
            collector: collector, position: UInt64(bitPattern: row["position"]), time: UTCNanos(rawValue: row["time"]),
            received: UTCNanos(rawValue: row["receive_time"]), pair: row["pair"], event: row["event"],
            detail: row["detail"], until: row["until"])
    }
}

extension ClockReset {
    fileprivate init(_ row: Row) {
        self.init(position: UInt64(bitPattern: row["position"]), time: UTCNanos(rawValue: row["until"]))
    }
}
