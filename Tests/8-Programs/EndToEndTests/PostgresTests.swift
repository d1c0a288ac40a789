import Foundation
import GRDB
import Testing
import TestKit

/// The programs with their database on a PostgreSQL server.
@Suite(
    .serialized, .timeLimit(.minutes(10)),
    .enabled(if: PostgresServer.isInstalled, "PostgreSQL's server is not installed: no program runs against it"))
struct PostgresTests {
    private let pipeline = Pipeline()
    private let server: PostgresServer

    init() throws { server = try PostgresServer.shared.get() }

    /// Of the pipeline's database.
    private var schema: String { String(pipeline.folder.path.dropFirst("/tmp/".count)) }

    /// Plays ticks at full speed, stored on the server, and ends in order when all of them are in candles.
    private func play(_ files: [String: String], ticks: Int) async throws {
        try server.makeSchema(schema)
        pipeline.variables["CANDLEWICK_DATABASE"] = server.uri(schema: schema)
        pipeline.configure(
            """
            instruments: [\(files.keys.sorted().joined(separator: ", "))]
            stream: {login_spacing_seconds: 0}
            # Its stream is read once a second: some of it may be left when the stages end.
            second_opinion: off
            # More than a week is played.
            journal: {retention_days: 0}

            """)
        let arguments = files.sorted { $0.key < $1.key }.flatMap { ["--ticks", "\($0.key)=\($0.value)"] }
        try await pipeline.startAll(simulator: arguments + ["--speed", "max", "--exit-when-done"])
        let sums = "SELECT sum(tick_count) FROM candle GROUP BY timeframe"
        try await eventually("all ticks are in candles; \(pipeline.logs)", within: .seconds(240)) {
            try server.lines(sums, schema: schema) == ["\(ticks)", "\(ticks)"]
        }
        let codes = try await pipeline.stop()
        #expect(codes.values.allSatisfy { $0 == 0 }, "\(codes) \(pipeline.logs)")
    }

    private static let prices = ["bid", "ask", "mid"].flatMap { side in
        ["open", "high", "low", "close"].map { "\(side)_\($0)" }
    }

    /// Every column but the times of storing, by table; each row as one text.
    private static let queries: [String] = {
        func texts(_ columns: [String]) -> String {
            columns.map { "coalesce(CAST(\($0) AS TEXT), '-')" }.joined(separator: " || ' ' || ")
        }
        let key = ["i.name", "c.timeframe", "c.open_time"]
        let candle =
            prices + [
                "tick_count", "inverted_ticks", "first_tick_time", "last_tick_time", "blind_ms", "lost", "complete",
                "flags",
                "source", "rank", "revision", "input_position", "publish_time",
            ]
        let opinion =
            ["verdict", "native_tick_count", "tick_count"] + prices.prefix(8).flatMap { ["native_\($0)", $0] }
        let tables = [("candle", candle), ("outranked_candle", candle), ("second_opinion", opinion)]
        return tables.map { table, columns in
            "SELECT \(texts(key + columns)) FROM \(table) c JOIN instrument i ON i.id = c.instrument_id ORDER BY 1"
        } + [
            "SELECT \(texts(["position", "event", "detail", "until", "time", "receive_time", "pair"])) FROM feed_event "
                + "ORDER BY 1",
            "SELECT \(texts(["stream", "position"])) FROM stream_position ORDER BY 1",
        ]
    }()

    /// Stores the same journals once more, in a file, and compares the rows.
    private func expectRowsOfSQLite() async throws {
        let writer = try pipeline.launch("store-writer", with: ["CANDLEWICK_DATABASE": pipeline.database])
        _ = try await writer.ready()
        let positions = try #require(Self.queries.last)
        let last = try server.lines(positions, schema: schema)
        try await eventually("all of it is in the file", within: .seconds(120)) {
            try pipeline.rows(positions).map { $0[0] as String } == last
        }
        writer.terminate()
        #expect(try await writer.ended() == 0)
        for query in Self.queries {
            let own = try server.lines(query, schema: schema).sorted()
            let file = try pipeline.rows(query).map { $0[0] as String }.sorted()
            #expect(own.count == file.count, "\(query)")
            #expect(zip(own, file).first { $0 != $1 } == nil, "PostgreSQL, then SQLite: \(query)")
        }
    }

    @Test func `the commands work on the server, and its rows are those of SQLite`() async throws {
        try await play(["EUR_USD": "\(Golden.folder)/payrolls/EUR_USD.csv.gz"], ticks: 16_320)
        let verified = try await pipeline.result("candlewick", ["verify"])
        #expect(verified.code == 0, "\(verified)")
        for command in ["gaps", "coverage", "maintain stats", "maintain vacuum", "maintain analyse", "export"] {
            let words = command.split(separator: " ").map(String.init)
            let (code, output, errors) = try await pipeline.result("candlewick", words)
            #expect(code == 0 && !output.isEmpty, "\(command): \(errors)")
        }
        let backup = try await pipeline.result("candlewick", ["maintain", "backup", pipeline.folder.path + "/copy.db"])
        #expect(backup.code == 64 && backup.errors.contains("pg_dump"), "\(backup)")
        try await expectRowsOfSQLite()
    }

    @Test(.enabled(if: sharedData != nil))
    func `nine days of real ticks leave the rows of SQLite`() async throws {
        let data = try #require(sharedData)
        let files = ["EUR_USD": "EURUSD", "NZD_USD": "NZDUSD"].mapValues {
            "\(data)/ticks/oanda_\($0)_20140501_20140509.csv.gz"
        }
        try await play(files, ticks: 595_827)
        #expect(try await pipeline.result("candlewick", ["verify"], within: .seconds(120)).code == 0)
        try await expectRowsOfSQLite()
    }

    @Test func `a server that is not there is worth another try, a password in the URI is not`() async throws {
        pipeline.variables["CANDLEWICK_DATABASE"] = "postgresql:///c?host=\(pipeline.folder.path)"
        let writer = try await pipeline.result("store-writer")
        #expect(writer.code == 75 && writer.errors.contains(pipeline.folder.path), "\(writer)")
        let status = try await pipeline.result("candlewick", ["status"])
        #expect(status.code == 69 && status.output.contains("ingest-stream"), "\(status)")
        #expect(
            status.output.contains("cannot be opened") && !status.output.contains("no candle is stored"), "\(status)")
        for program in ["store-writer", "candlewick"] {
            let refused = try await pipeline.result(
                program, program == "candlewick" ? ["doctor"] : [],
                with: ["CANDLEWICK_DATABASE": "postgresql://me:hunter2@localhost/c"])
            #expect(refused.code == 78 && !(refused.output + refused.errors).contains("hunter2"), "\(refused)")
        }
    }
}
