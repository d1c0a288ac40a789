internal import GRDB
internal import GRDBSQLite
internal import Host
public import MarketData
public import Store
public import Wire

/// The database as its one writer sees it.
///
/// - Note: Data thread only. Readers open the file themselves, read-only, and never block the writer.
public final class SQLiteWriter: CandleWriter {
    let database: DatabaseQueue
    private let lock: FileLock
    private var collectors: [Collector: Int64] = [:]
    private var instruments: [Pair: Int64] = [:]
    /// Since when each collector streams a pair, by ids, as `streamed_pair` has it.
    private var streamedSince: [StreamedPair: UTCSeconds] = [:]
    private(set) var timeframes: Set<Int64> = []
    /// A candle that the broker's own disputes is partial.
    private let enforcesOpinions: Bool
    /// Of which there are native candles.
    private var nativeTimeframes: Set<Int64> = []

    /// Opens or makes the database and brings its schema up to date.
    /// - Parameter enforcesOpinions: a candle that the broker's own disputes is partial; otherwise it is marked only.
    /// - Throws: `Failure` (75) where another process writes it; (74) where it cannot be opened; (65) where
    ///   the file is no database or was made by a later version.
    public init(path: String, enforcesOpinions: Bool = false) throws {
        self.enforcesOpinions = enforcesOpinions
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try makeFolder(String(path[..<slash])) }
        lock = try FileLock(path: "\(path).lock")
        var configuration = GRDB.Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            // It shrinks to this again after a vacuum, which may need as much as the database.
            try db.execute(sql: "PRAGMA journal_size_limit = 16777216")
            // The write-ahead log outlives the writer: a reader cannot make it anew, and without it
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

    /// The last position of a collector's stream that is in the database; 0 before the first.
    public func position(of stream: Stream, collector: Collector) throws -> UInt64 {
        try during("read") { try database.read { try $0.position(of: stream, collector: collector) } }
    }

    /// Writes records and the stream's position in one transaction.
    ///
    /// Idempotent, and in any order: a record that is there already, or that ranks lower than what is there, changes
    /// nothing that a reader sees.
    /// - Returns: the candles that a reader now sees in the place of others.
    public func write(
        _ records: [CandleEnvelope], collector: Collector, stream: Stream, position: UInt64, now: UTCNanos
    ) throws -> [CandleRecord] {
        var stored: [CandleRecord] = []
        try during("write") {
            do {
                try database.write { db in
                    let collector = CollectorKey(id: try collectorID(collector, db), name: collector)
                    let rows = try CandleRows(db, collector)
                    for record in records {
                        switch record.content {
                        case .candle(let candle): if let seen = try store(candle, rows, db, now) { stored.append(seen) }
                        case .empty(let empty): try insertEmpty(empty, db)
                        case .feed(let feed): try insertEvent(feed, collector, db)
                        case .request(let sent):
                            try QuotaRows.insert(sent.request, position: record.inputPosition, collector, db)
                        case .reply(let answer): try QuotaRows.complete(answer.reply, collector, db)
                        case .part, .forming, .unknown: break
                        }
                    }
                    try note(stream, position, collector, db, now)
                    let history = records.lazy.filter { $0.inputStream == .history }.map(\.inputPosition).max()
                    if let history { try note(.history, history, collector, db, now) }
                }
            } catch {
                // What a transaction made that was undone is not there.
                collectors = [:]
                instruments = [:]
                timeframes = []
                streamedSince = [:]
                throw error
            }
        }
        return stored
    }

    /// Moves what no reader needs from the write-ahead log into the database. Never waits for readers.
    public func close() throws {
        try during("close") {
            _ = try database.writeWithoutTransaction { try $0.checkpoint(.passive) }
            try database.close()
        }
    }

    private func note(
        _ stream: Stream, _ position: UInt64, _ collector: CollectorKey, _ db: Database, _ now: UTCNanos
    ) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO stream_position (collector_id, stream, position, updated_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (collector_id, stream) DO UPDATE
                SET position = MAX(position, excluded.position), updated_at = excluded.updated_at
                """)
        try statement.execute(arguments: [
            collector.id, stream.rawValue, Int64(bitPattern: position), now.seconds.rawValue,
        ])
    }

    // MARK: Rows

    /// - Returns: the candle of the interval that a reader now sees; `nil` where it is the same as before.
    private func store(
        _ candle: CandleRecord, _ rows: CandleRows, _ db: Database, _ now: UTCNanos
    ) throws -> CandleRecord? {
        let key = CandleKey(
            instrument: try instrumentID(candle.pair, db), timeframe: try ensure(candle.timeframe, db),
            openTime: candle.start.seconds)
        let opinions = OpinionRows(db, rows, enforces: enforcesOpinions)
        if candle.source == .native {
            nativeTimeframes.insert(key.timeframe)
            var marked = try opinions.store(candle, key, candle.series, now: now)
            // Its position in the candles stream is not known any more.
            marked?.seal(position: 0)
            return marked
        }
        if candle.source == .streamed { try noteStreamed(key, rows.collector, db) }
        let seen = try rows.store(candle, key, now: now)
        guard candle.source == .streamed, nativeTimeframes.contains(key.timeframe) else { return seen }
        var marked = try opinions.compare(key, candle.series, now: now)
        marked?.seal(position: candle.position)
        return marked ?? seen
    }

    /// Notes that the broker has no candle of an interval.
    private func insertEmpty(_ record: EmptyRecord, _ db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO empty_interval (instrument_id, timeframe, open_time, unusable) VALUES (?, ?, ?, ?)
                ON CONFLICT (instrument_id, timeframe, open_time) DO UPDATE SET unusable = MAX(unusable, excluded.unusable)
                """)
        try statement.execute(arguments: [
            try instrumentID(record.pair, db), try ensure(record.series.timeframe, db), record.start.seconds.rawValue,
            record.isUnusable ? 1 : 0,
        ])
    }

    private func insertEvent(_ record: PassedFeedRecord, _ collector: CollectorKey, _ db: Database) throws {
        let event = record.event
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO feed_event (collector_id, position, time, receive_time, pair, event, detail, until)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """)
        try statement.execute(arguments: [
            collector.id, Int64(bitPattern: record.envelope.inputPosition), record.brokerTime.rawValue,
            record.receiveTime.rawValue,
            record.pair == .none ? nil : record.pair.description, event.name,
            event.details.0, event.details.1,
        ])
    }

    /// Notes since when the collector streams a pair.
    private func noteStreamed(_ key: CandleKey, _ collector: CollectorKey, _ db: Database) throws {
        let pair = StreamedPair(collector: collector.id, instrument: key.instrument)
        if let since = streamedSince[pair], since <= key.openTime { return }
        let since = try Int64.fetchOne(
            db,
            sql: """
                INSERT INTO streamed_pair (collector_id, instrument_id, since) VALUES (?, ?, ?)
                ON CONFLICT (collector_id, instrument_id) DO UPDATE SET since = MIN(since, excluded.since)
                RETURNING since
                """, arguments: [collector.id, key.instrument, key.openTime.rawValue])
        streamedSince[pair] = since.map(UTCSeconds.init(rawValue:))
    }

    // MARK: Names

    private func collectorID(_ collector: Collector, _ db: Database) throws -> Int64 {
        if let id = collectors[collector] { return id }
        let id = try self.id(of: collector.name, in: "collector", db)
        collectors[collector] = id
        return id
    }

    private func loadNames() throws {
        try database.read { db in
            for row in try Row.fetchAll(db, sql: "SELECT id, name FROM instrument") {
                let name: String = row["name"]
                if let pair = Pair(name) { instruments[pair] = row["id"] }
            }
            timeframes = try Set(Int64.fetchAll(db, sql: "SELECT seconds FROM timeframe"))
            nativeTimeframes = try Set(Int64.fetchAll(db, sql: "SELECT DISTINCT timeframe FROM second_opinion"))
        }
    }

    private func instrumentID(_ pair: Pair, _ db: Database) throws -> Int64 {
        if let id = instruments[pair] { return id }
        let id = try self.id(of: pair.description, in: "instrument", db)
        instruments[pair] = id
        return id
    }

    /// The id of a name in a table of names, which gets it if it is missing.
    private func id(of name: String, in table: String, _ db: Database) throws -> Int64 {
        try db.execute(sql: "INSERT INTO \(table) (name) VALUES (?) ON CONFLICT (name) DO NOTHING", arguments: [name])
        let id = try Int64.fetchOne(db, sql: "SELECT id FROM \(table) WHERE name = ?", arguments: [name])
        guard let id else { throw DatabaseError(message: "\(table) \(name) was inserted and is missing") }
        return id
    }

    /// - Returns: the timeframe's id: its seconds.
    private func ensure(_ timeframe: Timeframe, _ db: Database) throws -> Int64 {
        if timeframes.contains(timeframe.seconds) { return timeframe.seconds }
        try db.execute(
            sql: "INSERT INTO timeframe (seconds, name) VALUES (?, ?) ON CONFLICT (seconds) DO NOTHING",
            arguments: [timeframe.seconds, String(timeframe.minutes)])
        timeframes.insert(timeframe.seconds)
        return timeframe.seconds
    }

    func during<Result>(_ operation: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw StoreError(operation, database.path, error)
        }
    }
}

@available(*, unavailable)
extension SQLiteWriter: Sendable {}

extension Database {
    /// The last position of a collector's stream; 0 before the first.
    func position(of stream: Stream, collector: Collector) throws -> UInt64 {
        let sql = """
            SELECT position FROM stream_position
            WHERE collector_id = (SELECT id FROM collector WHERE name = ?) AND stream = ?
            """
        let position = try Int64.fetchOne(self, sql: sql, arguments: [collector.name, stream.rawValue])
        return UInt64(bitPattern: position ?? 0)
    }
}
