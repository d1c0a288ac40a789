public import MarketData
public import Store
public import Wire

/// Collectors, and the events of their feeds.
extension PostgresReader {
    /// Those of which anything is stored, by name.
    public func collectors() throws -> [Collector] {
        try rows("SELECT name FROM collector ORDER BY name").compactMap { Collector($0.text(0)) }
    }

    /// The pairs of which a collector streamed a candle, each with the start of its oldest one.
    public func streamedSince(by collector: Collector) throws -> [Pair: UTCSeconds] {
        let sql = """
            SELECT i.name, s.since FROM streamed_pair s JOIN instrument i ON i.id = s.instrument_id
            WHERE \(Self.ofCollector)
            """
        return try rows(sql, [.text(collector.name)]).reduce(into: [:]) { pairs, row in
            if let pair = Pair(row.text(0)) { pairs[pair] = UTCSeconds(rawValue: row[1]) }
        }
    }

    /// Of a table's rows: those of the collector that is the first parameter.
    static let ofCollector = "collector_id = (SELECT id FROM collector WHERE name = $1)"

    private static let columns = "position, time, receive_time, pair, event, detail, until"

    /// A collector's newest events, newest first.
    public func events(last count: Int, of collector: Collector) throws -> [StoredEvent] {
        let sql = """
            SELECT \(Self.columns) FROM feed_event WHERE \(Self.ofCollector) ORDER BY position DESC, event LIMIT $2
            """
        return try rows(sql, [.text(collector.name), .int(Int64(count))]).map { StoredEvent($0, collector) }
    }

    /// A collector's events that were recorded in a range of feed time, or that concern it, oldest first.
    public func events(in range: Range<UTCNanos>, of collector: Collector) throws -> [StoredEvent] {
        let sql = """
            SELECT \(Self.columns) FROM feed_event e
            WHERE \(Self.ofCollector) AND (time >= $2 AND time < $3
                OR event = 'blind ended' AND detail < $3 AND until > $2
                OR event = 'blind began' AND detail < $3 AND NOT EXISTS (
                    SELECT 1 FROM feed_event l
                    WHERE l.collector_id = e.collector_id AND l.pair IS NOT DISTINCT FROM e.pair
                        AND l.event IN ('blind began', 'blind ended') AND l.position > e.position))
            ORDER BY position, event
            """
        let values: [SQLValue] = [
            .text(collector.name), .int(range.lowerBound.rawValue), .int(range.upperBound.rawValue),
        ]
        return try rows(sql, values).map { StoredEvent($0, collector) }
    }

    /// When a collector saw its feed for the first time: the first end of a blindness of the whole; `nil` before it.
    public func firstSight(of collector: Collector) throws -> UTCNanos? {
        let sql = """
            SELECT min(until) FROM feed_event WHERE \(Self.ofCollector) AND event = 'blind ended' AND pair IS NULL
            """
        return try rows(sql, [.text(collector.name)]).first?.optional(0).map(UTCNanos.init(rawValue:))
    }

    static let resetSQL = """
        SELECT position, until FROM feed_event WHERE \(ofCollector) AND event = 'clock set back'
        ORDER BY position DESC LIMIT 1
        """

    /// The state of a collector's feed by all its events.
    public func continuity(of collector: Collector) throws -> Continuity {
        let own = SQLValue.text(collector.name)
        return try snapshot { connection in
            var result = Continuity()
            result.clockReset = try connection.execute(Self.resetSQL, [own]).first.map(ClockReset.init)
            let since = result.clockReset.map { Int64(bitPattern: $0.position) } ?? -1
            let newest = try connection.execute(
                "SELECT max(time) FROM feed_event WHERE \(Self.ofCollector) AND position > $2", [own, .int(since)])
            result.newest = UTCNanos(rawValue: newest.first?[0] ?? 0)
            result.newest = max(result.newest, result.clockReset?.time ?? result.newest)
            // The details of other events are times: their sum would leave 64 bits, as a count that an older version
            // wrote would.
            let sums = """
                SELECT event, count(*), sum(CASE WHEN event IN ('session recovered', 'updates lost')
                    THEN LEAST(GREATEST(detail, 0), \(LossCount(rawValue: .max))) ELSE 0 END)::bigint
                FROM feed_event WHERE \(Self.ofCollector) GROUP BY event
                """
            for row in try connection.execute(sums, [own]) {
                result.take(event: row.text(0), count: Int(row[1]), sum: UInt64(clamping: row[2]))
            }
            let sights = """
                SELECT pair, event, detail, until, time FROM feed_event
                WHERE \(Self.ofCollector) AND event IN ('blind began', 'blind ended', 'clock set back')
                ORDER BY position, event DESC
                """
            result.take(
                try connection.execute(sights, [own]).map { ($0.isNull(0) ? nil : $0.text(0), Blindness.Change($0)) })
            for pair in result.blindPairs.map(\.pair) {
                result.reasons[pair] = try Self.reason(pair, of: collector, connection)
            }
            return result
        }
    }

    private static func reason(
        _ pair: String, of collector: Collector, _ connection: PostgresConnection
    ) throws -> StoredEvent? {
        let sql = """
            SELECT \(columns) FROM feed_event WHERE \(ofCollector) AND pair = $2 AND event IN
                ('instrument refused', 'subscription ended', 'updates limited', 'subscription frozen', 'updates lost')
            ORDER BY position DESC LIMIT 1
            """
        return try connection.execute(sql, [.text(collector.name), .text(pair)]).first.map {
            StoredEvent($0, collector)
        }
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
    /// Columns: position, time, receive_time, pair, event, detail, until.
    fileprivate init(_ row: SQLRow, _ collector: Collector) {
        self.init(
            collector: collector, position: UInt64(bitPattern: row[0]), time: UTCNanos(rawValue: row[1]),
            received: UTCNanos(rawValue: row[2]), pair: row.isNull(3) ? nil : row.text(3), event: row.text(4),
            detail: row[5], until: row[6])
    }
}

extension ClockReset {
    /// Columns: position, until.
    init(_ row: SQLRow) {
        self.init(position: UInt64(bitPattern: row[0]), time: UTCNanos(rawValue: row[1]))
    }
}
