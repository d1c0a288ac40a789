internal import GRDB
internal import Store

/// The database's tables and views. Prices are integers of 1e-9 in the table and REAL in the views; times
/// that readers order by are Unix seconds. Source: docs/formats.md § 5.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 candles, feed events, positions") { db in
            try db.execute(sql: tables)
        }
        migrator.registerMigration("2 several feed events at a position") { db in
            try db.execute(sql: eventsByContent)
        }
        migrator.registerMigration("3 bought history") { db in
            try db.execute(sql: history)
        }
        migrator.registerMigration("4 imported candles") { db in
            try db.execute(sql: dropViews)
            try db.execute(sql: forgotten)
            // Imported ones rank above partial streamed ones, below all others.
            for table in ["candle", "outranked_candle"] {
                try db.execute(sql: "UPDATE \(table) SET rank = rank + 1 WHERE rank >= 2")
            }
        }
        migrator.registerMigration("5 what repair asked for") { db in
            try db.execute(sql: "ALTER TABLE quota_ledger ADD COLUMN repair INTEGER NOT NULL DEFAULT 0")
        }
        migrator.registerMigration("6 second opinions") { db in
            try db.execute(sql: secondOpinions)
        }
        migrator.registerMigration("7 collectors") { db in
            try db.execute(sql: dropViews)
            try addCollectors(db)
            try db.execute(sql: views)
        }
        return migrator
    }

    /// The broker's own candles beside the streamed ones, whose columns are NULL until they come.
    private static let secondOpinions = """
        CREATE TABLE second_opinion (
            \(opinionKey)
            \(opinionMeasures)
            PRIMARY KEY (instrument_id, timeframe, open_time)
        ) STRICT, WITHOUT ROWID;
        \(opinionIndex)
        """

    static let opinionKey = """
        instrument_id INTEGER NOT NULL REFERENCES instrument (id),
        timeframe INTEGER NOT NULL REFERENCES timeframe (seconds),
        open_time INTEGER NOT NULL,
        """

    static let opinionMeasures = """
        verdict TEXT NOT NULL,
        native_bid_open INTEGER NOT NULL, native_bid_high INTEGER NOT NULL,
        native_bid_low INTEGER NOT NULL, native_bid_close INTEGER NOT NULL,
        native_ask_open INTEGER NOT NULL, native_ask_high INTEGER NOT NULL,
        native_ask_low INTEGER NOT NULL, native_ask_close INTEGER NOT NULL,
        native_tick_count INTEGER NOT NULL,
        bid_open INTEGER, bid_high INTEGER, bid_low INTEGER, bid_close INTEGER,
        ask_open INTEGER, ask_high INTEGER, ask_low INTEGER, ask_close INTEGER,
        tick_count INTEGER,
        compared_at INTEGER NOT NULL,
        """

    static let opinionIndex =
        "CREATE INDEX second_opinion_disputed ON second_opinion (open_time) WHERE verdict = 'disputed';"

    /// What a candle says; in both tables of candles.
    static let measures = """
        bid_open INTEGER NOT NULL, bid_high INTEGER NOT NULL,
        bid_low INTEGER NOT NULL, bid_close INTEGER NOT NULL,
        ask_open INTEGER NOT NULL, ask_high INTEGER NOT NULL,
        ask_low INTEGER NOT NULL, ask_close INTEGER NOT NULL,
        mid_open INTEGER NOT NULL, mid_high INTEGER NOT NULL,
        mid_low INTEGER NOT NULL, mid_close INTEGER NOT NULL,
        tick_count INTEGER NOT NULL,
        inverted_ticks INTEGER NOT NULL,
        first_tick_time INTEGER NOT NULL,
        last_tick_time INTEGER NOT NULL,
        blind_ms INTEGER NOT NULL,
        lost INTEGER NOT NULL,
        complete INTEGER NOT NULL,
        flags INTEGER NOT NULL,
        """

    /// Where a candle comes from; in both tables of candles.
    static let provenance = """
        rank INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        input_position INTEGER NOT NULL,
        publish_time INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        """

    private static let tables = """
        CREATE TABLE instrument (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE
        ) STRICT;
        CREATE TABLE timeframe (
            seconds INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE
        ) STRICT;
        CREATE TABLE candle (
            instrument_id INTEGER NOT NULL REFERENCES instrument (id),
            timeframe INTEGER NOT NULL REFERENCES timeframe (seconds),
            open_time INTEGER NOT NULL,
            \(measures)
            source INTEGER NOT NULL,
            \(provenance)
            PRIMARY KEY (instrument_id, timeframe, open_time)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE feed_event (
            position INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            receive_time INTEGER NOT NULL,
            pair TEXT,
            event TEXT NOT NULL,
            detail INTEGER NOT NULL,
            until INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE stream_position (
            stream TEXT PRIMARY KEY,
            position INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// A hole may be recorded at a position whose own event a power cut took. Source: docs/decisions/0012.
    /// The key's columns come first: elsewhere the integrity check of SQLite 3.40 takes others for NULL.
    private static let eventsByContent = """
        CREATE TABLE feed_event_by_content (
            position INTEGER NOT NULL,
            event TEXT NOT NULL,
            detail INTEGER NOT NULL,
            until INTEGER NOT NULL,
            time INTEGER NOT NULL,
            receive_time INTEGER NOT NULL,
            pair TEXT,
            PRIMARY KEY (position, event, detail, until)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO feed_event_by_content
        SELECT position, event, detail, until, time, receive_time, pair FROM feed_event;
        DROP TABLE feed_event;
        ALTER TABLE feed_event_by_content RENAME TO feed_event;
        """

    /// The key's columns come first; see `eventsByContent`.
    private static let history = """
        CREATE TABLE outranked_candle (
            instrument_id INTEGER NOT NULL,
            timeframe INTEGER NOT NULL,
            open_time INTEGER NOT NULL,
            source INTEGER NOT NULL,
            \(measures)
            \(provenance)
            PRIMARY KEY (instrument_id, timeframe, open_time, source)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE empty_interval (
            instrument_id INTEGER NOT NULL REFERENCES instrument (id),
            timeframe INTEGER NOT NULL REFERENCES timeframe (seconds),
            open_time INTEGER NOT NULL,
            unusable INTEGER NOT NULL,
            PRIMARY KEY (instrument_id, timeframe, open_time)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE quota_ledger (
            position INTEGER PRIMARY KEY,
            \(ledgerColumns)
        ) STRICT;
        """

    static let ledgerColumns = """
        sent_at INTEGER NOT NULL,
        pair TEXT NOT NULL,
        timeframe INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        points INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        paid INTEGER,
        remaining INTEGER,
        total INTEGER,
        renews_at INTEGER,
        replied_at INTEGER,
        clock_offset INTEGER
        """

    /// Up to when rows were deleted by age: at most one row.
    private static let forgotten = """
        CREATE TABLE forgotten (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            before INTEGER NOT NULL
        ) STRICT;
        """

    /// They are made by the newest migration that changes them, since a table that a view names cannot be renamed.
    private static let views = CandleViews.creation(unitsPerOne: "1e9")

    private static let dropViews = "DROP VIEW IF EXISTS candles; DROP VIEW IF EXISTS candles_full"
}
