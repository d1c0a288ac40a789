import GRDB
import Host
import MarketData
@testable import SQLiteStore
import Store
import Testing
import TestKit
import Wire

/// SQLite alone: the schema that others read, the file, the plans of its queries.
@Suite struct SQLiteTests {
    let folder = TemporaryFolder()
    var path: String { folder.path + "/candlewick.db" }

    private func rows(_ sql: String, _ arguments: StatementArguments = []) throws -> [Row] {
        try DatabaseQueue(path: path).read { try Row.fetchAll($0, sql: sql, arguments: arguments) }
    }

    @Test func `the fixed view has the columns that bots query`() throws {
        let store = try SQLiteWriter(path: path)
        try store.write([Make.candle(300, price: "1.38676"), Make.candle(600, flags: .partial)])
        let row = try #require(try rows("SELECT * FROM candles").first)
        #expect(
            Array(row.columnNames)
                == ["pair", "timeframe", "timestamp", "open", "high", "low", "close", "volume", "source", "created_at"])
        let texts: [String] = [row["pair"], row["timeframe"], row["source"]]
        let numbers: [Double] = [row["timestamp"], row["close"], row["volume"]]
        #expect(texts == ["EUR_USD", "5", "streamed"] && numbers == [300, 1.38676, 1])
        #expect(try rows("SELECT * FROM candles").count == 1)
        let full = try rows("SELECT * FROM candles_full ORDER BY timestamp")
        let wholeness: [[Int]] = full.map { [$0["complete"], $0["partial"]] }
        #expect(wholeness == [[1, 0], [0, 1]])
        let expected =
            ["pair", "timeframe", "timestamp"]
            + ["bid", "ask", "mid"].flatMap { side in ["open", "high", "low", "close"].map { "\(side)_\($0)" } }
            + [
                "tick_count", "complete", "partial", "blind_ms", "lost", "revision", "source", "created_at",
                "collector",
            ]
        #expect(full.first.map { Array($0.columnNames) } == expected)
    }

    @Test(arguments: ["candles", "candles_full"])
    func `the last candles through a view come by the key in order`(view: String) throws {
        let store = try SQLiteWriter(path: path)
        try store.write((1...50).map { Make.candle(UTCSeconds(rawValue: $0 * 300)) })
        let plan = try rows(
            """
            EXPLAIN QUERY PLAN SELECT * FROM \(view)
            WHERE pair = 'EUR_USD' AND timeframe = '5' ORDER BY timestamp DESC LIMIT 20
            """
        ).map { $0["detail"] as String }
        #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") && !$0.contains("TEMP") }, "\(plan)")
        #expect(plan.contains { $0.contains("c USING PRIMARY KEY (instrument_id=? AND timeframe=?)") }, "\(plan)")
    }

    @Test func `a database of the first version is taken over with its events`() throws {
        let first = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(first, upTo: "1 candles, feed events, positions")
        try first.write {
            try $0.execute(sql: "INSERT INTO feed_event VALUES (17, 1, 2, 'EUR_USD', 'updates lost', 7, 0)")
        }
        try first.close()
        var event = Make.feed(.updatesLost(count: 7), pair: Make.eurUSD, at: 99)
        event.seal(position: 17)
        try SQLiteWriter(path: path).write([CandleEnvelope.feed(event)])
        let rows = try rows("SELECT position, time, receive_time, detail FROM feed_event")
        #expect(rows.map { Array($0.databaseValues) } == [[17, 1, 2, 7].map(\.databaseValue)])
        #expect(try self.rows("PRAGMA integrity_check").map { $0[0] as String } == ["ok"])
    }

    @Test func `what was stored before there were collectors is main's`() throws {
        let former = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(former, upTo: "6 second opinions")
        try former.write { db in
            try db.execute(
                sql: """
                    INSERT INTO instrument VALUES (1, 'EUR_USD');
                    INSERT INTO timeframe VALUES (300, '5');
                    INSERT INTO stream_position VALUES ('candles', 9, 1);
                    INSERT INTO quota_ledger (position, sent_at, pair, timeframe, first, last, points, outcome)
                    VALUES (4, 1, 'EUR_USD', 300, 300, 600, 2, 'in flight');
                    """)
            for (table, source, start) in [("candle", 2, 300), ("outranked_candle", 1, 300), ("candle", 1, 600)] {
                let columns = try db.columns(in: table).map(\.name)
                let fixed = ["instrument_id": 1, "timeframe": 300, "open_time": start, "source": source]
                let values = columns.map { "\(fixed[$0] ?? 1)" }.joined(separator: ", ")
                try db.execute(sql: "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(values))")
            }
        }
        try former.close()
        let store = try SQLiteWriter(path: path)
        #expect(try store.position(of: .candles, collector: .main) == 9)
        let reader = try SQLiteReader(path: path)
        let series = Series(Make.eurUSD, .fiveMinutes)
        #expect(try reader.streamedSince(by: .main) == [Make.eurUSD: 300])
        #expect(try reader.record(series, start: 300)?.collector == .main)
        #expect(try reader.outranked(series, start: 300).map(\.collector) == [.main])
        #expect(try reader.ledger(of: .main).map(\.position) == [4])
        #expect(try rows("SELECT collector FROM candles_full").map { $0[0] as String } == ["main", "main"])
        #expect(try rows("PRAGMA integrity_check").map { $0[0] as String } == ["ok"])
    }

    @Test func `the write-ahead log outlives the writer, for readers that may not write`() throws {
        let store = try SQLiteWriter(path: path)
        try store.write([Make.candle(300)])
        try store.close()
        let files = Set(folderNames(folder.path))
        #expect(files.isSuperset(of: ["candlewick.db", "candlewick.db-wal", "candlewick.db-shm"]), "\(files)")
        #expect(try SQLiteReader(path: path).stored().count == 1)
    }

    @Test func `a file that is no database is refused by name and left as it is`() throws {
        let text = Array(
            "this is not a database, and it is longer than a header of one hundred bytes would be: so it stays".utf8)
        folder.write(text, to: "candlewick.db")
        let error = #expect(throws: StoreError.self) { try SQLiteWriter(path: path) }
        #expect(error?.exitCode == .badData && error?.description.contains(path) == true)
        #expect(fileBytes(path) == text)
    }

    @Test func `the queries go along the key: no sort, no scan`() throws {
        try SQLiteWriter(path: path).write([Make.candle(300)])
        for condition in ["", " AND c.complete = 1"] {
            let plan = try rows(
                """
                EXPLAIN QUERY PLAN SELECT \(Candle.columns) FROM candle c
                WHERE \(SQLiteReader.ofSeries)\(condition) ORDER BY c.open_time DESC LIMIT ?
                """, ["EUR_USD", 300, 200]
            ).map { $0["detail"] as String }
            #expect(plan.allSatisfy { !$0.hasPrefix("SCAN c") && !$0.contains("TEMP") }, "\(plan)")
            #expect(plan.contains { $0.contains("c USING PRIMARY KEY (instrument_id=? AND timeframe=?)") }, "\(plan)")
        }
    }

    @Test func `a backup is one sound file with the same candles, and never written over another`() throws {
        try SQLiteWriter(path: path).write([Make.candle(300), Make.candle(600, flags: .partial)])
        let reader = try SQLiteReader(path: path)
        let copy = folder.path + "/copy.db"
        try reader.backUp(to: copy)
        let other = try SQLiteReader(path: copy)
        #expect(try other.statistics() == reader.statistics())
        #expect(try other.integrityFindings().isEmpty)
        #expect(folderNames(folder.path).filter { $0.hasPrefix("copy") } == ["copy.db"])
        let failure = #expect(throws: Failure.self) { try reader.backUp(to: copy) }
        #expect(failure?.code == .usage)
    }

    @Test func `a count that an older version wrote too large does not make the sum fail`() throws {
        let store = try SQLiteWriter(path: path)
        var event = Make.feed(.updatesLost(count: 3), pair: Make.eurUSD)
        event.seal(position: 3)
        try store.write([CandleEnvelope.feed(event)])
        try DatabaseQueue(path: path).write { db in
            for (position, detail) in [(4, Int64.max), (5, 999_999_999_999_999_999), (6, .max), (7, -5)] {
                try db.execute(
                    sql: "INSERT INTO feed_event VALUES (1, ?, 'updates lost', ?, 0, 1, 1, 'EUR_USD')",
                    arguments: [position, detail])
            }
        }
        #expect(try SQLiteReader(path: path).continuity(of: .main).lostUpdates == 3 * 4_294_967_295 + 3)
    }
}
