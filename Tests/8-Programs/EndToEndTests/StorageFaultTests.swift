import Foundation
import GRDB
import Testing
import TestKit

/// Disks that are full or take nothing, and a database that is locked or damaged: a clear sentence, a clean start
/// afterwards, and no wrong candle. Source: docs/operations.md, "When something goes wrong".
@Suite(.serialized, .timeLimit(.minutes(2)))
struct StorageFaultTests {
    /// A running pipeline, a part of whose state is on a small disk.
    private func onSmallDisk(
        _ content: SmallDisk.Content, _ body: (Pipeline, SmallDisk) async throws -> Void
    ) async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD]\nstream:\n  login_spacing_seconds: 0\n")
        try await SmallDisk.use(for: pipeline, content) { disk in
            let files = SteadyFeed.arguments(seconds: 43_200, in: pipeline.folder)
            try await pipeline.startAll(simulator: files + ["--speed", "300"])
            try await Payrolls.begun(pipeline, candles: 2)
            try await body(pipeline, disk)
            try await pipeline.expectCleanEnd()
        }
    }

    /// The stage ends with this code, saying all of this in one line.
    private func expectEnd(_ pipeline: Pipeline, _ stage: String, code: Int32, _ texts: String...) async throws {
        let program = try #require(pipeline.programs[stage])
        #expect(try await program.ended(within: .seconds(90)) == code)
        try await eventually("its output is read", within: .seconds(5)) { program.isRead }
        let lines = program.standardError.split(separator: "\n")
        #expect(lines.contains { line in texts.allSatisfy { line.contains($0) } }, "\(lines.suffix(3))")
    }

    /// The stage works again: only a feed that was not heard leaves a hole, and all other candles are complete.
    private func expectRecovery(_ pipeline: Pipeline, _ content: SmallDisk.Content) async throws {
        if content == .ticks { return try await SteadyFeed.expectOneHole(pipeline) }
        let before = try pipeline.count("SELECT MAX(timestamp) FROM candles")
        let later = "SELECT COUNT(*) FROM candles WHERE timestamp > \(before)"
        try await eventually("candles go on coming; \(pipeline.logs)", within: .seconds(20)) {
            try pipeline.count(later) > 4
        }
        let times = try pipeline.rows("SELECT timestamp FROM candles WHERE timeframe = '5'").map { $0[0] as Int }
        #expect(times == Array(stride(from: times[0], through: times.last!, by: 300)), "candles are missing")
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles WHERE volume <> timeframe * 60") == 0)
        #expect(try pipeline.holes().count == 1)
        try pipeline.expectBlindnessTold()
    }

    @Test(.enabled(if: SmallDisk.isAvailable, "needs root to mount a disk"), arguments: SmallDisk.Content.allCases)
    func `a full disk ends its writer with a sentence, and with room again it goes on`(
        content: SmallDisk.Content
    ) async throws {
        try await onSmallDisk(content) { pipeline, disk in
            try disk.fill()
            let reason = content == .database ? "database or disk is full" : "No space left on device"
            // Without room a new start ends as the first one did.
            for attempt in 1...2 {
                if attempt == 2 { try await pipeline.start(content.stage, ready: false) }
                try await expectEnd(pipeline, content.stage, code: 74, pipeline.state, reason)
            }
            try disk.clear()
            try await pipeline.start(content.stage)
            try await expectRecovery(pipeline, content)
        }
    }

    @Test(.enabled(if: SmallDisk.isAvailable, "needs root to mount a disk"), arguments: SmallDisk.Content.allCases)
    func `a disk that takes nothing is reported at the start`(content: SmallDisk.Content) async throws {
        try await onSmallDisk(content) { pipeline, disk in
            let stages = ["store-writer", "aggregator", "ingest-stream"]
            // The consumers have a file of it open too.
            for stage in stages { pipeline.programs[stage]?.kill() }
            for stage in stages { _ = try await pipeline.programs[stage]?.ended() }
            try disk.remount("ro")
            try await pipeline.start(content.stage, ready: false)
            try await expectEnd(pipeline, content.stage, code: 74, pipeline.state, "Read-only file system")
            try disk.remount("rw")
            for stage in stages { try await pipeline.start(stage) }
            try await expectRecovery(pipeline, .ticks)
        }
    }

    @Test func `a misplaced segment stops no stage, is named with advice, and repair sets it aside`() async throws {
        let pipeline = Pipeline()
        pipeline.configure(
            "instruments: [EUR_USD]\nstream:\n  login_spacing_seconds: 0\njournal:\n  segment_records: 1024\n")
        let files = SteadyFeed.arguments(seconds: 43_200, in: pipeline.folder)
        try await pipeline.startAll(simulator: files + ["--speed", "300"])
        let folder = "\(pipeline.state)/journal/ticks"
        let segments = { folderNames(folder).filter { $0.hasSuffix(".journal") } }
        try await eventually("four segments of ticks", within: .seconds(60)) { segments().count >= 4 }

        for stage in ["ingest-stream", "aggregator"] {
            pipeline.programs[stage]?.terminate()
            #expect(try await pipeline.programs[stage]?.ended() == 0)
        }
        // One renamed to a place that the journal will come to, and a copy in the middle of another one.
        let (place, copy) = ("\(folder)/00000000000000070000.journal", "\(folder)/00000000000000000500.journal")
        #expect(rename("\(folder)/\(segments()[1])", place) == 0)
        TemporaryFolder.overwrite(copy, fileBytes("\(folder)/\(segments()[0])"))
        try await pipeline.start("aggregator")
        let before = try pipeline.count("SELECT MAX(timestamp) FROM candles")
        let check = try await pipeline.result("candlewick", ["journal", "check", "ticks"])
        #expect(check.code == 65 && check.output.contains("\nticks: \(copy) is misplaced"), "\(check.output)")
        #expect(check.output.contains("and run: mv \(place) \(folder)/00000000000000001025.journal\n"))
        // It reads on beside them.
        #expect(pipeline.programs["aggregator"]?.isRunning == true)

        let mended = try await pipeline.result("candlewick", ["journal", "repair", "ticks"])
        #expect(
            mended.output == """
                ticks: misplaced segment set aside: \(copy).misplaced
                ticks: misplaced segment set aside: \(place).misplaced

                """, "\(mended.output)")
        #expect(try await pipeline.result("candlewick", ["journal", "check", "ticks"]).code == 0)
        try await pipeline.start("ingest-stream")
        let later = "SELECT COUNT(*) FROM candles WHERE timestamp > \(before)"
        try await eventually("candles go on coming; \(pipeline.logs)", within: .seconds(30)) {
            try pipeline.count(later) > 4
        }
        // Before the start, and the stop of ingest-stream. The segment that was renamed had been folded before: the
        // checkpoint has it.
        #expect(try pipeline.holes().count == 2)
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles WHERE volume <> timeframe * 60") == 0)
        try await pipeline.expectCleanEnd()
    }

    private func damage(_ path: String, from start: Int) -> [UInt8] {
        var bytes = fileBytes(path)
        for place in bytes.indices.dropFirst(start) { bytes[place] = UInt8(truncatingIfNeeded: place &* 31) }
        TemporaryFolder.overwrite(path, bytes)
        return bytes
    }

    @Test func `a database that another program holds ends store-writer with 75, and nothing is missing`() async throws
    {
        let pipeline = try await SteadyFeed.begin(["--speed", "300"])
        do {
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let holder = try DatabaseQueue(path: pipeline.database, configuration: configuration)
            try await holder.writeWithoutTransaction { try $0.execute(sql: "BEGIN EXCLUSIVE") }
            try await expectEnd(pipeline, "store-writer", code: 75, pipeline.database, "database is locked")
            try await holder.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        }
        try await pipeline.start("store-writer")
        try await expectRecovery(pipeline, .database)
        try await pipeline.expectCleanEnd()
    }

    @Test func `a damaged database is refused and left as it is; moved away, the journal gives it again`() async throws
    {
        let pipeline = try await SteadyFeed.begin(["--speed", "300"])
        try await eventually("twenty candles", within: .seconds(30)) {
            try pipeline.count("SELECT COUNT(*) FROM candles") > 20
        }
        _ = try await pipeline.stop()
        let query = "SELECT * FROM candles_full ORDER BY pair, timeframe, timestamp"
        // When a row was written is not in the journal.
        let rows = { try pipeline.rows(query).map { $0.filter { $0.0 != "created_at" }.map { "\($0)" } } }
        let former = try rows()

        // Header and schema stay; the write-ahead log would put the rest right.
        let bytes = damage(pipeline.database, from: 4_096)
        _ = damage(pipeline.database + "-wal", from: 32)
        try await pipeline.start("store-writer", ready: false)
        try await expectEnd(pipeline, "store-writer", code: 65, pipeline.database, "malformed")
        #expect(fileBytes(pipeline.database) == bytes)

        for name in folderNames(pipeline.state) where name.hasPrefix("candlewick.db") {
            #expect(rename("\(pipeline.state)/\(name)", "\(pipeline.folder.path)/\(name).damaged") == 0)
        }
        try await pipeline.start("store-writer")
        try await eventually("all rows are there again", within: .seconds(20)) { try rows() == former }
        #expect(try await pipeline.stop()["store-writer"] == 0)
    }
}
