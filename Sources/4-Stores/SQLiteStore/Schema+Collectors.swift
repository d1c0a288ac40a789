internal import GRDB

/// What was one collector's is `main`'s, whose id is 1.
extension Schema {
    static func addCollectors(_ db: Database) throws {
        try db.execute(sql: collectorTables)
        try rebuild("outranked_candle", outrankedCandle, db)
        try rebuild("second_opinion", secondOpinion, db)
        try db.execute(sql: opinionIndex)
        try rebuild("feed_event", feedEvent, db)
        try rebuild("stream_position", streamPosition, db)
        try rebuild("quota_ledger", quotaLedger, db)
    }

    /// Makes a table anew, with another key, of the rows that it has.
    private static func rebuild(_ table: String, _ columns: String, _ db: Database) throws {
        let names = try db.columns(in: table).map(\.name).joined(separator: ", ")
        try db.execute(
            sql: """
                CREATE TABLE new_\(table) (\(columns)) STRICT, WITHOUT ROWID;
                INSERT INTO new_\(table) (\(names)) SELECT \(names) FROM \(table);
                DROP TABLE \(table);
                ALTER TABLE new_\(table) RENAME TO \(table);
                """)
    }

    private static let collectorTables = """
        CREATE TABLE collector (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            origin TEXT
        ) STRICT;
        INSERT INTO collector (id, name) VALUES (1, 'main');
        ALTER TABLE candle ADD COLUMN collector_id INTEGER NOT NULL DEFAULT 1;
        CREATE TABLE streamed_pair (
            collector_id INTEGER NOT NULL REFERENCES collector (id),
            instrument_id INTEGER NOT NULL REFERENCES instrument (id),
            since INTEGER NOT NULL,
            PRIMARY KEY (collector_id, instrument_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO streamed_pair
        SELECT 1, instrument_id, MIN(open_time) FROM (
            SELECT instrument_id, open_time FROM candle WHERE source = 1
            UNION ALL SELECT instrument_id, open_time FROM outranked_candle WHERE source = 1
        ) GROUP BY instrument_id;
        """

    /// The key's columns come first; see `eventsByContent`.
    private static let outrankedCandle = """
        instrument_id INTEGER NOT NULL,
        timeframe INTEGER NOT NULL,
        open_time INTEGER NOT NULL,
        source INTEGER NOT NULL,
        collector_id INTEGER NOT NULL DEFAULT 1,
        \(measures)
        \(provenance)
        PRIMARY KEY (instrument_id, timeframe, open_time, source, collector_id)
        """

    private static let secondOpinion = """
        \(opinionKey)
        collector_id INTEGER NOT NULL DEFAULT 1,
        \(opinionMeasures)
        PRIMARY KEY (instrument_id, timeframe, open_time, collector_id)
        """

    private static let feedEvent = """
        collector_id INTEGER NOT NULL DEFAULT 1,
        position INTEGER NOT NULL,
        event TEXT NOT NULL,
        detail INTEGER NOT NULL,
        until INTEGER NOT NULL,
        time INTEGER NOT NULL,
        receive_time INTEGER NOT NULL,
        pair TEXT,
        PRIMARY KEY (collector_id, position, event, detail, until)
        """

    private static let streamPosition = """
        collector_id INTEGER NOT NULL DEFAULT 1,
        stream TEXT NOT NULL,
        position INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        PRIMARY KEY (collector_id, stream)
        """

    private static let quotaLedger = """
        collector_id INTEGER NOT NULL DEFAULT 1,
        position INTEGER NOT NULL,
        \(ledgerColumns),
        repair INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (collector_id, position)
        """
}
