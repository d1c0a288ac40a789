import CLibpq
import GRDB
import Host
import MarketData
@testable import PostgresStore
@testable import SQLiteStore
import Store
import Testing
import TestKit
import Wire

/// PostgreSQL alone, and beside SQLite. Its other tests are those of every engine.
@Suite(.enabled(if: PostgresServer.isInstalled, "PostgreSQL's server is not installed: no test runs against it"))
struct PostgresTests {
    let folder = TemporaryFolder()

    /// A session that looks at the tables of `folder`.
    private func session() throws -> PostgresConnection {
        let uri = try PostgresServer.shared.get().uri(schema: folder.name)
        return try PostgresConnection.open(PostgresAddress(uri, environment: Environment([:])))
    }

    private func writer() throws -> PostgresWriter {
        try #require(try EngineUnderTest.postgres.writer(folder) as? PostgresWriter)
    }

    private func reader() throws -> PostgresReader {
        try #require(try EngineUnderTest.postgres.reader(folder) as? PostgresReader)
    }

    /// Ends a session from the server's side; gone when it returns.
    private func end(_ connection: PostgresConnection) throws {
        let id = try #require(try connection.execute("SELECT pg_backend_pid()").first?[0])
        #expect(try session().execute("SELECT pg_terminate_backend(\(id), 60000)::int").first?[0] == 1)
    }

    // MARK: Schema

    @Test func `tables and views have the columns of SQLite's, and both know the same migrations`() throws {
        _ = try EngineUnderTest.sqlite.writer(folder)
        _ = try writer()
        let own = try session().execute(
            """
            SELECT table_name::text, column_name::text FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name <> 'candlewick_migration'
            """
        ).map { "\($0.text(0)).\($0.text(1))" }
        let database = try DatabaseQueue(path: folder.path + "/candlewick.db")
        let theirs = try database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c
                    WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'grdb%'
                    """
            ).map { "\($0[0] as String).\($0[1] as String)" }
        }
        #expect(Set(own).subtracting(theirs) == [] && Set(theirs).subtracting(own) == [])
        #expect(PostgresSchema.newest == Int64(Schema.migrator.migrations.count))
    }

    @Test func `the views have exact prices as floating point`() throws {
        let store = try writer()
        try store.write([Make.candle(300, price: "1.38676"), Make.candle(600, flags: .partial)])
        let rows = try session().execute(
            """
            SELECT pair, timeframe, source, (close = 1.38676::float8)::int, pg_typeof(close)::text, volume, timestamp
            FROM candles
            """)
        #expect(rows.count == 1)
        let row = try #require(rows.first)
        #expect([0, 1, 2, 4].map { row.text($0) } == ["EUR_USD", "5", "streamed", "double precision"])
        #expect([3, 5, 6].map { row[$0] } == [1, 1, 300])
        let full = try session().execute("SELECT complete, partial FROM candles_full ORDER BY timestamp")
        #expect(full.map { [$0[0], $0[1]] } == [[1, 0], [0, 1]])
    }

    @Test func `a database of a later version is refused`() throws {
        try end(try writer().connection)
        try session().run("INSERT INTO candlewick_migration VALUES (\(PostgresSchema.newest + 1), 0)")
        let failure = #expect(throws: Failure.self) { try reader().checkSchema() }
        #expect(failure?.code == .temporary)
        let refusal = #expect(throws: Failure.self) { try writer() }
        #expect(refusal?.code == .badData)
    }

    // MARK: Partitions

    @Test func `each month has a partition, and the next one is there before it is needed`() throws {
        let store = try writer()
        let november = UTCSeconds(rawValue: 1_795_998_900)  // 2026-11-30 00:35 UTC
        try store.write([Make.candle(300), Make.candle(november), Make.candle(1_798_762_500)])
        let names = try session().months().map(\.name).sorted()
        #expect(names == ["candle_1970_01", "candle_2026_11", "candle_2027_01", "candle_2027_02"])
        // December was not needed; the last second of November and the first of December are apart.
        try store.write([Make.candle(1_796_083_200 - 60, minutes: 1), Make.candle(1_796_083_200, minutes: 1)])
        let counts = try session().execute(
            "SELECT (SELECT count(*) FROM candle_2026_11), (SELECT count(*) FROM candle_2026_12)")
        #expect(counts.map { [$0[0], $0[1]] } == [[2, 1]])
    }

    @Test func `deletion by age drops whole months and cuts the one that it ends in`() throws {
        let store = try writer()
        let starts: [UTCSeconds] = [300, 600, 2_678_400, 2_678_700]  // the last two: 1970-02-01
        try store.write(starts.map { Make.candle($0) })
        #expect(try store.forget(before: UTCNanos(seconds: 2_678_700)) {} == 3)
        #expect(try reader().stored().map(\.timestamp) == [2_678_700])
        #expect(try session().months().map(\.name).contains("candle_1970_01") == false)
        // An old candle that comes late makes its month again.
        try store.write([Make.candle(300)])
        #expect(try reader().stored().map(\.timestamp) == [300, 2_678_700])
    }

    // MARK: Loss and rivals

    @Test func `a session that ends makes the stage try again, and nothing of its batch stays`() throws {
        let store = try writer()
        try store.write([Make.candle(300)], position: 1)
        let reader = try reader()
        #expect(try reader.stored().count == 1)
        try end(store.connection)
        let error = #expect(throws: StoreError.self) { try store.write([Make.candle(600)], position: 2) }
        #expect(error?.exitCode == .temporary)
        #expect(try reader.stored().count == 1 && reader.position(of: .candles, collector: .main) == 1)
    }

    @Test func `a reader whose session was ended reads again`() throws {
        let store = try writer()
        try store.write([Make.candle(300)])
        let reader = try reader()
        #expect(try reader.stored().count == 1)
        try end(reader.connection)
        let error = #expect(throws: StoreError.self) { try reader.stored() }
        #expect(error?.exitCode == .temporary)
        #expect(try reader.stored().count == 1)
    }

    @Test func `a writer whose position was moved by another one writes nothing`() throws {
        let store = try writer()
        try store.write([Make.candle(300)], position: 5)
        try session().run("UPDATE stream_position SET position = 7 WHERE stream = 'candles'")
        let failure = #expect(throws: Failure.self) { try store.write([Make.candle(600)], position: 8) }
        #expect(failure?.code == .temporary)
        #expect(try reader().stored().map(\.timestamp) == [300])
    }

    @Test func `a second writer with another state folder is refused while the first has its session`() throws {
        let store = try writer()
        let uri = try PostgresServer.shared.get().uri(schema: folder.name)
        let other = TemporaryFolder()
        try store.write([Make.candle(300)])
        let second = try PostgresWriter(
            uri: uri, environment: Environment([:]), lock: other.path + "/lock", enforcesOpinions: false)
        let failure = #expect(throws: Failure.self) { try second.position(of: .candles, collector: .main) }
        #expect(failure?.code == .temporary && failure?.description.contains("session ") == true)
        #expect(try second.position(of: .candles, collector: Collector("eu")!) == 0)
        try store.write([Make.candle(600)])
    }

    /// Two machines, a collector each, the same pairs, at the same time: in whatever order their transactions come, the
    /// same rows stay.
    @Test func `two writers of two collectors end in the rows of one`() async throws {
        let uri = try PostgresServer.shared.get().uri(schema: folder.name)
        let collectors = [Collector.main, Collector("eu")!]
        let streams = collectors.indices.map { HostileCandles.records(600, seed: UInt64($0) + 9) }
        _ = try writer()
        let locks = folder.path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (collector, records) in zip(collectors, streams) {
                group.addTask {
                    try await onOwnThread {
                        let store = try PostgresWriter(
                            uri: uri, environment: Environment([:]), lock: "\(locks)/\(collector).lock",
                            enforcesOpinions: false)
                        try Self.write(records, collector, to: store)
                    }
                }
            }
            try await group.waitForAll()
        }
        let one = try EngineUnderTest.sqlite.writer(folder)
        for (collector, records) in zip(collectors, streams) { try Self.write(records, collector, to: one) }
        try expectSameRows("two writers")
    }

    @Test func `each commit notifies those who listen`() async throws {
        let listener = try session()
        try listener.run("LISTEN candlewick")
        let store = try writer()
        try store.write([Make.candle(300)], position: 471_147)
        try await eventually("the notification has come") {
            try listener.run("SELECT 1")
            return listener.notifications().contains("candles 471147 main")
        }
    }

    @Test func `a reader hears of a commit, once`() throws {
        let store = try writer()
        try store.write([Make.candle(300)], position: 1)
        let reader = try reader()
        #expect(try reader.commitCame(withinMilliseconds: 0) == true)
        // Others use the same server: what they commit is heard too.
        let began = ContinuousClock.now
        try store.write([Make.candle(600)], position: 2)
        #expect(try reader.commitCame(withinMilliseconds: 600_000) == true)
        #expect(ContinuousClock.now - began < .seconds(300))
        #expect(try reader.stored().count == 2)
    }

    @Test func `a reader that waits for a commit learns that its server ended, and hears of the next one`() async throws
    {
        let store = try writer()
        try store.write([Make.candle(300)], position: 1)
        let reader = try reader()
        #expect(try reader.commitCame(withinMilliseconds: 0) == true)
        try end(reader.connection)
        let error = #expect(throws: StoreError.self) {
            // Others use the same server: what they commit is heard first.
            while try reader.commitCame(withinMilliseconds: 60_000) == true {}
        }
        #expect(error?.exitCode == .temporary)
        #expect(try reader.commitCame(withinMilliseconds: 0) == true)
        #expect(try reader.stored().count == 1)
    }

    // MARK: Beside SQLite

    @Test(arguments: [1, 7, 97, 1_000], [UInt64(1), 2])
    func `a hostile stream leaves the rows of SQLite, and changes as many`(batch: Int, seed: UInt64) throws {
        let records = HostileCandles.records(3_000, seed: seed)
        let engines = [EngineUnderTest.sqlite, .postgres]
        let stores = try engines.map { try $0.writer(folder, enforcesOpinions: seed == 2) }
        let collectors = ["main", "eu", "us"].compactMap(Collector.init)
        for first in stride(from: 0, to: records.count, by: batch) {
            let part = Array(records[first..<min(first + batch, records.count)])
            let seen = try stores.map {
                try $0.write(
                    part, collector: collectors[first / batch % 3], stream: .candles,
                    position: UInt64(first + part.count), now: UTCNanos(seconds: 1_000 + Int64(first)))
            }
            let same = zip(seen[0], seen[1]).allSatisfy { $0.bytes == $1.bytes }
            try #require(seen[0].count == seen[1].count && same, "records \(first) and on, seed \(seed)")
        }
        try expectSameRows("seed \(seed)")
    }

    /// In transactions of 10 records.
    private static func write(
        _ records: [CandleEnvelope], _ collector: Collector, to store: any CandleWriter
    ) throws {
        for first in stride(from: 0, to: records.count, by: 10) {
            let part = Array(records[first..<min(first + 10, records.count)])
            _ = try store.write(
                part, collector: collector, stream: .candles, position: UInt64(first + part.count),
                now: UTCNanos(seconds: 1_000 + Int64(first)))
        }
    }

    private func expectSameRows(_ run: String) throws {
        let database = try DatabaseQueue(path: folder.path + "/candlewick.db")
        let session = try session()
        for (table, texts, numbers) in HostileCandles.tables {
            let sql = HostileCandles.query(table, texts, numbers)
            let theirs = try database.read { try String.fetchAll($0, sql: sql) }
            let own = try session.execute(sql).map { $0.text(0) }
            #expect(!own.isEmpty && own.count == theirs.count, "\(table)")
            let first = zip(own, theirs).first { $0 != $1 }
            #expect(first == nil, "\(table), \(run): PostgreSQL, then SQLite")
        }
    }
}

extension PostgresConnection {
    /// The payloads that have come.
    fileprivate func notifications() -> [String] {
        var texts: [String] = []
        while let notification = PQnotifies(handle) {
            texts.append(String(cString: notification.pointee.extra))
            PQfreemem(notification)
        }
        return texts
    }
}

/// Records that a store of candles finds hard: four sources, revisions, partial and withdrawn ones, native ones, many of
/// one interval, in any order.
enum HostileCandles {
    static func records(_ count: Int, seed: UInt64) -> [CandleEnvelope] {
        var random = SplitMix(seed: seed)
        let pairs = Array(Pair.crosses.prefix(3))
        return (0..<count).map { place in
            // Over the end of a month.
            let start = UTCSeconds(rawValue: 1_796_083_200 + Int64.random(in: -60...60, using: &random) * 300)
            let sources: [CandleSource] = [.streamed, .streamed, .bought, .derived, .imported, .native]
            let source = sources.randomElement(using: &random) ?? .streamed
            let isStreamed = source == .streamed
            let flags: [CandleFlags] = isStreamed ? [[], [], .partial, [.partial, .withdrawn], .late] : [[]]
            var candle = Make.candle(
                start, minutes: Bool.random(using: &random) ? 5 : 15,
                pair: pairs.randomElement(using: &random) ?? pairs[0],
                price: "1.\(Int.random(in: 1...4, using: &random))", source: source,
                revision: UInt16.random(in: 1...5, using: &random), flags: flags.randomElement(using: &random) ?? [])
            candle.tickCount = UInt32.random(in: 1...3, using: &random)
            candle.inputPosition = UInt64(place + 1)
            if !isStreamed, source != .native { candle.inputStream = .history }
            candle.publishTime = UTCNanos(rawValue: Int64(place))
            candle.seal(position: UInt64(place + 1))
            return candle.envelope
        }
    }

    /// Table, columns of text and of numbers, without the instrument's id.
    static let tables: [(String, [String], [String])] = [
        ("candle", [], CandleRow.columns.filter { $0 != "instrument_id" }),
        ("outranked_candle", [], CandleRow.columns.filter { $0 != "instrument_id" }),
        (
            "second_opinion", ["verdict"],
            ["timeframe", "open_time", "collector_id"] + OpinionRow.columns(prefix: "native_")
                + OpinionRow.columns(prefix: "")
                + ["compared_at"]
        ),
    ]

    /// Each row as one text, in the same order on both.
    static func query(_ table: String, _ texts: [String], _ numbers: [String]) -> String {
        let values = ["i.name"] + texts.map { "x.\($0)" } + numbers.map { "coalesce(CAST(x.\($0) AS TEXT), '-')" }
        return """
            SELECT \(values.joined(separator: " || ' ' || ")) FROM \(table) x JOIN instrument i ON i.id = x.instrument_id
            ORDER BY i.name, x.timeframe, x.open_time\(table == "outranked_candle" ? ", x.source" : ""), x.collector_id
            """
    }
}
