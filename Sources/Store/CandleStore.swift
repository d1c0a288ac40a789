internal import GRDB
internal import GRDBSQLite
internal import Host
public import MarketData
public import Wire

/// The database as its one writer sees it.
///
/// - Note: Data thread only. Readers open the file themselves, read-only, and never block the writer.
public final class CandleStore {
    private let database: DatabaseQueue
    private let lock: FileLock
    private var instruments: [Pair: Int64] = [:]
    private var timeframes: Set<Int64> = []

    /// Opens or makes the database and brings its schema up to date.
    /// - Throws: `Failure` (75) where another process writes it; (74) where it cannot be opened; (65) where
    ///   the file is no database or was made by a later version.
    public init(path: String) throws {
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try makeFolder(String(path[..<slash])) }
        lock = try FileLock(path: "\(path).lock")
        var configuration = GRDB.Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            // The write-ahead log outlives the writer: who may only read cannot make it anew, and without it
            // cannot open the database.
            var persists: Int32 = 1
            sqlite3_file_control(db.sqliteConnection, nil, SQLITE_FCNTL_PERSIST_WAL, &persists)
        }
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
            let migrator = Schema.migrator
            guard try database.read({ try !migrator.hasBeenSuperseded($0) }) else {
                throw Failure(.badData, "database \(path) was made by a later version of candlewick")
            }
            try migrator.migrate(database)
            try loadNames()
        } catch let error as DatabaseError {
            throw StoreError("open", path, error)
        }
    }

    /// The last position of a stream that is in the database; 0 before the first.
    public func position(of stream: String) throws -> UInt64 {
        try during("read") {
            try database.read { db in
                let sql = "SELECT position FROM stream_position WHERE stream = ?"
                return UInt64(bitPattern: try Int64.fetchOne(db, sql: sql, arguments: [stream]) ?? 0)
            }
        }
    }

    /// Writes records and the stream's position in one transaction.
    ///
    /// Idempotent: a record that is there already, or that ranks lower than what is there, changes nothing.
    /// - Returns: the candles that changed a row: those that a reader can now see.
    public func write(
        _ records: [CandleRecord], stream: String, position: UInt64, now: UTCNanos
    ) throws -> [CandleRecord] {
        var stored: [CandleRecord] = []
        try during("write") {
            do {
                try database.write { db in
                    for record in records {
                        if record.kind == .feed {
                            try insertEvent(record, db)
                        } else if try upsert(record, db, now: now) {
                            stored.append(record)
                        }
                    }
                    try db.execute(
                        sql: """
                            INSERT INTO stream_position (stream, position, updated_at) VALUES (?, ?, ?)
                            ON CONFLICT (stream) DO UPDATE SET position = excluded.position,
                                updated_at = excluded.updated_at
                            """, arguments: [stream, Int64(bitPattern: position), now.seconds])
                }
            } catch {
                // Ids given in a transaction that was undone are not there.
                instruments = [:]
                timeframes = []
                throw error
            }
        }
        return stored
    }

    /// Deletes candles and feed events from before a moment: a transaction for each pair and timeframe, along the
    /// key, so that none takes long.
    /// - Parameter progressed: called after each of them.
    /// - Returns: how many candles.
    @discardableResult
    public func forget(before moment: UTCNanos, progressed: () -> Void = {}) throws -> Int {
        let delete = "DELETE FROM candle WHERE instrument_id = ? AND timeframe = ? AND open_time < ?"
        return try during("delete from") {
            var count = 0
            for instrument in try database.read({ try Int64.fetchAll($0, sql: "SELECT id FROM instrument") }) {
                for timeframe in timeframes {
                    count += try database.write { db in
                        try db.execute(sql: delete, arguments: [instrument, timeframe, moment.seconds])
                        return db.changesCount
                    }
                    progressed()
                }
            }
            try database.write {
                try $0.execute(sql: "DELETE FROM feed_event WHERE time < ?", arguments: [moment.rawValue])
            }
            return count
        }
    }

    /// Moves what no reader needs from the write-ahead log into the database. Never waits for readers.
    public func close() throws {
        try during("close") {
            _ = try database.writeWithoutTransaction { try $0.checkpoint(.passive) }
            try database.close()
        }
    }

    // MARK: Rows

    private static let upsertSQL: String = {
        let columns = [
            "instrument_id", "timeframe", "open_time",
            "bid_open", "bid_high", "bid_low", "bid_close",
            "ask_open", "ask_high", "ask_low", "ask_close",
            "mid_open", "mid_high", "mid_low", "mid_close",
            "tick_count", "inverted_ticks", "first_tick_time", "last_tick_time", "blind_ms", "lost",
            "complete", "flags", "source", "rank", "revision", "input_position", "publish_time", "created_at",
        ]
        let updates = columns.dropFirst(3).map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO candle (\(columns.joined(separator: ", ")))
            VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
            ON CONFLICT (instrument_id, timeframe, open_time) DO UPDATE SET \(updates)
            WHERE CASE WHEN excluded.source = candle.source
                    AND ((excluded.flags | candle.flags) & \(CandleFlags.withdrawn.rawValue)) <> 0
                THEN excluded.revision > candle.revision
                ELSE (excluded.rank, excluded.revision) > (candle.rank, candle.revision) END
            """
    }()

    /// - Returns: whether a row changed.
    private func upsert(_ candle: CandleRecord, _ db: Database, now: UTCNanos) throws -> Bool {
        guard let timeframe = candle.timeframe else { return false }
        let statement = try db.cachedStatement(sql: CandleStore.upsertSQL)
        let instrument = try instrumentID(candle.pair, db)
        try ensure(timeframe, db)
        let sides = [candle.bid, candle.ask, candle.mid].flatMap { [$0.open, $0.high, $0.low, $0.close] }
        var values: [Int64] = [instrument, timeframe.seconds, candle.start.seconds]
        values += sides.map(\.rawValue)
        values += [
            Int64(candle.tickCount), Int64(candle.invertedTicks), candle.firstTickTime.rawValue,
            candle.lastTickTime.rawValue, Int64(candle.blindMilliseconds), Int64(candle.lostUpdates),
            candle.flags.contains(.partial) ? 0 : 1, Int64(candle.flags.rawValue), Int64(candle.source.rawValue),
            Int64(CandleRank.of(candle)), Int64(candle.revision), Int64(bitPattern: candle.inputPosition),
            candle.publishTime.rawValue, now.seconds,
        ]
        try statement.execute(arguments: StatementArguments(values))
        return db.changesCount > 0
    }

    private func insertEvent(_ record: CandleRecord, _ db: Database) throws {
        let event = record.feedEvent
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO feed_event (position, time, receive_time, pair, event, detail, until)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """)
        try statement.execute(arguments: [
            Int64(bitPattern: record.inputPosition), record.start.rawValue, record.lastTickTime.rawValue,
            record.pair == .none ? nil : record.pair.description, event?.name ?? "event \(record.flags.rawValue)",
            event?.details.0 ?? 0, event?.details.1 ?? 0,
        ])
    }

    // MARK: Names

    private func loadNames() throws {
        try database.read { db in
            for row in try Row.fetchAll(db, sql: "SELECT id, name FROM instrument") {
                let name: String = row["name"]
                if let pair = Pair(name) { instruments[pair] = row["id"] }
            }
            timeframes = try Set(Int64.fetchAll(db, sql: "SELECT seconds FROM timeframe"))
        }
    }

    private func instrumentID(_ pair: Pair, _ db: Database) throws -> Int64 {
        if let id = instruments[pair] { return id }
        let name = pair.description
        try db.execute(sql: "INSERT INTO instrument (name) VALUES (?) ON CONFLICT (name) DO NOTHING", arguments: [name])
        let id = try Int64.fetchOne(db, sql: "SELECT id FROM instrument WHERE name = ?", arguments: [name])
        guard let id else { throw DatabaseError(message: "instrument \(name) was inserted and is not there") }
        instruments[pair] = id
        return id
    }

    private func ensure(_ timeframe: Timeframe, _ db: Database) throws {
        if timeframes.contains(timeframe.seconds) { return }
        try db.execute(
            sql: "INSERT INTO timeframe (seconds, name) VALUES (?, ?) ON CONFLICT (seconds) DO NOTHING",
            arguments: [timeframe.seconds, String(timeframe.minutes)])
        timeframes.insert(timeframe.seconds)
    }

    private func during<Result>(_ operation: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw StoreError(operation, database.path, error)
        }
    }
}

@available(*, unavailable)
extension CandleStore: Sendable {}
