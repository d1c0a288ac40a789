public import MarketData
public import Store
internal import Wire

/// The feed's events.
extension PostgresReader {
    private static let columns = "position, time, pair, event, detail, until"

    /// The newest events of the feed, newest first.
    public func events(last count: Int) throws -> [StoredEvent] {
        let sql = "SELECT \(Self.columns) FROM feed_event ORDER BY position DESC, event LIMIT $1"
        return try rows(sql, [.int(Int64(count))]).map(StoredEvent.init)
    }

    /// The events that were recorded in a range of feed time, or that concern it, oldest first.
    public func events(in range: Range<UTCNanos>) throws -> [StoredEvent] {
        let sql = """
            SELECT \(Self.columns) FROM feed_event e
            WHERE time >= $1 AND time < $2
                OR event = 'blind ended' AND detail < $2 AND until > $1
                OR event = 'blind began' AND detail < $2 AND NOT EXISTS (
                    SELECT 1 FROM feed_event l
                    WHERE l.pair IS NOT DISTINCT FROM e.pair AND l.event IN ('blind began', 'blind ended')
                        AND l.position > e.position)
            ORDER BY position, event
            """
        return try rows(sql, [.int(range.lowerBound.rawValue), .int(range.upperBound.rawValue)]).map(StoredEvent.init)
    }

    /// When the feed was seen for the first time: the first end of a blindness of the whole; `nil` before it.
    public func firstSight() throws -> UTCNanos? {
        let sql = "SELECT min(until) FROM feed_event WHERE event = 'blind ended' AND pair IS NULL"
        return try rows(sql).first?.optional(0).map(UTCNanos.init(rawValue:))
    }

    static let resetSQL = """
        SELECT position, until FROM feed_event WHERE event = 'clock set back' ORDER BY position DESC LIMIT 1
        """

    /// The state of the feed by all its events.
    public func continuity() throws -> Continuity {
        try snapshot { connection in
            var result = Continuity()
            result.clockReset = try connection.execute(Self.resetSQL).first.map(ClockReset.init)
            let since = result.clockReset.map { Int64(bitPattern: $0.position) } ?? -1
            let newest = try connection.execute("SELECT max(time) FROM feed_event WHERE position > $1", [.int(since)])
            result.newest = UTCNanos(rawValue: newest.first?[0] ?? 0)
            result.newest = max(result.newest, result.clockReset?.time ?? result.newest)
            // The details of other events are times: their sum would leave 64 bits, as a count that an older version
            // wrote would.
            let sums = """
                SELECT event, count(*), sum(CASE WHEN event IN ('session recovered', 'updates lost')
                    THEN LEAST(GREATEST(detail, 0), \(LossCount(rawValue: .max))) ELSE 0 END)::bigint
                FROM feed_event GROUP BY event
                """
            for row in try connection.execute(sums) {
                result.take(event: row.text(0), count: Int(row[1]), sum: UInt64(clamping: row[2]))
            }
            let sights = """
                SELECT pair, event, detail, until, time FROM feed_event
                WHERE event IN ('blind began', 'blind ended', 'clock set back') ORDER BY position, event DESC
                """
            result.take(
                try connection.execute(sights).map { ($0.isNull(0) ? nil : $0.text(0), Blindness.Change($0)) })
            for pair in result.blindPairs.map(\.pair) { result.reasons[pair] = try Self.reason(pair, connection) }
            return result
        }
    }

    private static func reason(_ pair: String, _ connection: PostgresConnection) throws -> StoredEvent? {
        let sql = """
            SELECT \(columns) FROM feed_event WHERE pair = $1 AND event IN
                ('instrument refused', 'subscription ended', 'updates limited', 'subscription frozen', 'updates lost')
            ORDER BY position DESC LIMIT 1
            """
        return try connection.execute(sql, [.text(pair)]).first.map(StoredEvent.init)
    }
}

extension Blindness.Change {
    /// Columns: pair, event, detail, until, time.
    fileprivate init(_ row: SQLRow) {
        func time(_ column: Int) -> UTCNanos { UTCNanos(rawValue: row[column]) }
        self.init(event: row.text(1), from: time(2), until: time(3), time: time(4))
    }
}

extension StoredEvent {
    /// Columns: position, time, pair, event, detail, until.
    fileprivate init(_ row: SQLRow) {
        self.init(
            position: UInt64(bitPattern: row[0]), time: UTCNanos(rawValue: row[1]),
            pair: row.isNull(2) ? nil : row.text(2), event: row.text(3), detail: row[4], until: row[5])
    }
}

extension ClockReset {
    /// Columns: position, until.
    init(_ row: SQLRow) {
        self.init(position: UInt64(bitPattern: row[0]), time: UTCNanos(rawValue: row[1]))
    }
}
