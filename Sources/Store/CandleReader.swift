internal import GRDB
internal import Host
public import MarketData

/// Reads candles, and what is known about them, from a database that another process writes.
///
/// - Note: One thread only.
public final class CandleReader {
    /// A candle as a reader sees it.
    public struct Candle: Hashable, Sendable {
        /// Unix seconds of the interval's start.
        public let timestamp: Int64
        /// Open, high, low and close of each.
        public let bid: [Price]
        public let ask: [Price]
        public let mid: [Price]
        public let tickCount: Int
        public let isComplete: Bool
        public let blindMilliseconds: Int
        public let lostUpdates: Int
        public let revision: Int
        public let source: String
    }

    private let database: DatabaseQueue
    var path: String { database.path }

    /// - Throws: `Failure` (69) where there is no database yet; `StoreError`.
    public init(path: String) throws {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CANTOPEN {
            throw Failure(.unavailable, "there is no database at \(path): has store-writer run?")
        } catch let error as DatabaseError {
            throw StoreError("open", path, error)
        }
    }

    /// The last candles of a pair and timeframe, oldest first, whole and partial ones.
    public func last(_ count: Int, _ pair: Pair, _ timeframe: Timeframe) throws -> [Candle] {
        try read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT c.*, \(Schema.sourceName) AS origin
                    FROM candle c
                    WHERE c.instrument_id = (SELECT id FROM instrument WHERE name = ?) AND c.timeframe = ?
                    ORDER BY c.open_time DESC LIMIT ?
                    """)
            let rows = try Row.fetchAll(statement, arguments: [pair.description, timeframe.seconds, count])
            return rows.reversed().map(Candle.init)
        }
    }

    /// One line of `freshness`.
    public struct Freshness: Hashable, Sendable {
        public let pair: String
        /// Minutes.
        public let timeframe: Int
        public let count: Int
        public let complete: Int
        /// Unix seconds of the newest interval's start.
        public let newest: Int64
        /// Mid at the newest interval's close.
        public let close: Price
    }

    /// What there is of each pair and timeframe, by name.
    public func freshness() throws -> [Freshness] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT i.name AS pair, c.timeframe / 60 AS minutes, COUNT(*) AS count, SUM(c.complete) AS complete,
                        MAX(c.open_time) AS newest, c.mid_close AS close
                    FROM candle c JOIN instrument i ON i.id = c.instrument_id
                    GROUP BY c.instrument_id, c.timeframe ORDER BY i.name, c.timeframe
                    """
            ).map { row in
                Freshness(
                    pair: row["pair"], timeframe: row["minutes"], count: row["count"], complete: row["complete"],
                    newest: row["newest"], close: Price(rawValue: row["close"]))
            }
        }
    }

    /// An event of the feed, as the database keeps it.
    public struct Event: Hashable, Sendable {
        /// ns since 1970, feed time.
        public let time: Int64
        public let pair: String?
        public let event: String
        public let detail: Int64
        public let until: Int64
    }

    /// The newest events of the feed, newest first.
    public func events(last count: Int) throws -> [Event] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM feed_event ORDER BY position DESC, event LIMIT ?", arguments: [count]
            ).map { row in
                Event(
                    time: row["time"], pair: row["pair"], event: row["event"], detail: row["detail"],
                    until: row["until"])
            }
        }
    }

    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        do {
            return try database.read(body)
        } catch let error as DatabaseError {
            throw StoreError("read", database.path, error)
        }
    }
}

extension CandleReader.Candle {
    fileprivate init(_ row: Row) {
        func side(_ name: String) -> [Price] {
            ["open", "high", "low", "close"].map { Price(rawValue: row["\(name)_\($0)"]) }
        }
        timestamp = row["open_time"]
        bid = side("bid")
        ask = side("ask")
        mid = side("mid")
        tickCount = row["tick_count"]
        isComplete = row["complete"]
        blindMilliseconds = row["blind_ms"]
        lostUpdates = row["lost"]
        revision = row["revision"]
        source = row["origin"]
    }
}
