import Archive
import Glibc
import SQLiteStore
import Host
@testable import Inspection
import Logging
import MarketData
import Reports
import Settings
import Store
import Streams
import Testing
import TestKit
import Wire

/// What is said of one interval, from journals and a database on the disk.
@Suite struct ExplanationTests {
    let folder = TemporaryFolder()
    /// 2026-05-12 08:00 UTC, a Tuesday.
    private static let start: UTCSeconds = 1_778_572_800
    private static let series = Series(Make.eurUSD, .fiveMinutes)

    private func paths() throws -> Paths { try Paths(runtime: folder.path, state: folder.path) }

    /// Adds to a stream's journal.
    private func journal<Record: StreamEnvelope>(_ records: [Record], _ stream: Wire.Stream) throws {
        var settings = JournalSettings()
        (settings.retentionDays, settings.segmentRecords) = (0, 20)
        let writer = try JournalWriter(
            folder: try paths().journal(stream), recordSize: Record.byteCount, settings: settings,
            logger: quietLogger())
        for record in records {
            if writer.needsFlush { try writer.flush() }
            writer.append(record)
        }
        try writer.close()
    }

    /// Adds to the database, one transaction each time.
    private func store(_ records: [CandleEnvelope], _ stream: Wire.Stream = .candles, enforces: Bool = false) throws {
        let store = try SQLiteWriter(path: try paths().database, enforcesOpinions: enforces)
        _ = try store.write(records, collector: .main, stream: stream, position: 1, now: UTCNanos(seconds: 5))
        try store.close()
    }

    private func explanation(
        _ series: Series = Self.series, at start: UTCSeconds = Self.start, showsTicks: Bool = false
    ) throws -> Explanation {
        try Explanation(
            paths: try paths(), collectors: Collectors(own: Configuration()), series: series, at: start + 10,
            showsTicks: showsTicks)
    }

    private func event(_ event: FeedEvent, _ position: UInt64) -> CandleEnvelope {
        var record = Make.feed(event, at: Double(Self.start.rawValue))
        record.position = position
        return .feed(record)
    }

    private func wider(_ source: CandleSource) -> CandleRecord {
        var candle = Make.candle(Self.start, source: source)
        candle.bid.high = Price("1.3")!
        return candle
    }

    // MARK: Each source

    @Test func `of a candle of ticks, its ticks and its revisions`() throws {
        let revisions = (1...2).map { Make.candle(Self.start, revision: $0, flags: $0 == 2 ? .late : []).envelope }
        let seconds = Double(Self.start.rawValue)
        try journal(
            [
                Make.clock(seconds), Make.tick(seconds + 1, "1.1", "1.2"),
                Make.tick(seconds + 2, "1.1", "1.2", flags: .duplicate), Make.tick(seconds + 300, "1.1", "1.2"),
                Make.tick(seconds + 3, "1.1", "1.2", pair: Pair("USD_JPY")!),
            ], .ticks)
        try journal(revisions + [Make.candle(Self.start + 300).envelope], .candles)
        try store(revisions)
        let explanation = try explanation(showsTicks: true)
        #expect(
            explanation.decision
                == "Kept: streamed, rank 5, revision 2; the only source; it replaced 1 earlier revision.")
        #expect(explanation.revisions.map(\.revision) == [1, 2] && explanation.stored?.flags == ["late"])
        #expect(explanation.ticks.count == 2 && explanation.ticks.uncounted == 1)
        #expect(explanation.ticks.lines.map(\.position) == [2, 3])
        let text = explanation.text(.plain)
        #expect(text.contains("ticks  2, 1 of them not counted, positions 2 to 3\n"), "\(text)")
    }

    @Test func `of a bought candle, the request and the partial one that it outranks`() throws {
        var partial = Make.candle(Self.start, flags: .partial)
        partial.blindMilliseconds = 1_500
        let request = HistoryRequest(
            series: Self.series, first: Self.start - 300, last: Self.start + 300, points: 3,
            sent: UTCNanos(seconds: Self.start + 4_000))
        let reply = HistoryReply(
            request: 7, outcome: .answered, points: 3, allowance: nil, received: UTCNanos(seconds: Self.start + 4_001))
        var bought = [RequestRecord(request).envelope, ReplyRecord(reply, to: request).envelope]
        for index in bought.indices {
            (bought[index].inputStream, bought[index].inputPosition) = (.history, UInt64(7 + index))
        }
        try store([partial.envelope] + bought + [Make.candle(Self.start, source: .bought).envelope])
        let explanation = try explanation()
        #expect(explanation.decision == "Kept: bought, rank 4, revision 1; it outranks streamed (rank 1).")
        #expect(explanation.outranked.map(\.flags) == [["partial"]])
        #expect(explanation.outranked.map(\.blindMilliseconds) == [1_500])
        #expect(explanation.requests.map(\.outcome) == ["answered"] && explanation.requests.map(\.points) == [3])
        #expect(try self.explanation(at: Self.start + 600).requests.isEmpty, "the request did not reach so far")
        #expect(explanation.text(.plain).contains("ticks  none in archive or journal"))
    }

    @Test func `of a derived candle, the imported one that it outranks`() throws {
        let series = Series(Make.eurUSD, .fifteenMinutes)
        try store([CandleSource.imported, .derived].map { Make.candle(Self.start, minutes: 15, source: $0).envelope })
        #expect(
            try explanation(series).decision
                == "Kept: derived, rank 3, revision 1; it outranks imported (rank 2).")
        #expect(try explanation().stored == nil, "of another timeframe")
    }

    @Test func `of a partial candle, the events that touch it`() throws {
        let moments = [-400, -2, 100, 400].map { UTCNanos(seconds: Self.start + $0) }
        try store([
            Make.candle(Self.start, flags: .partial).envelope, event(.blindBegan(since: moments[2]), 1),
            event(.blindEnded(from: moments[2], until: moments[3]), 2),
        ])
        let explanation = try explanation()
        #expect(explanation.decision == "Kept: streamed, rank 1, revision 1; the only source.")
        #expect(
            explanation.events.map(\.event).contains("blind began") && explanation.events.allSatisfy { $0.pair == nil })
        #expect(explanation.text(.plain).contains("blind began"))
        #expect(!explanation.wasSeen)
    }

    @Test func `a disputed candle stays, and says so`() throws {
        try store([Make.candle(Self.start).envelope])
        try store([wider(.native).envelope], .native)
        let explanation = try explanation()
        #expect(explanation.stored?.flags == ["disputed"])
        #expect(explanation.decision == "Kept: streamed, rank 5, revision 1; the only source.")
    }

    @Test func `a dispute that is enforced makes room for what is bought`() throws {
        try store([Make.candle(Self.start).envelope], enforces: true)
        try store([wider(.native).envelope], .native, enforces: true)
        #expect(try explanation().stored?.flags == ["partial", "disputed"])
        try store([wider(.bought).envelope], enforces: true)
        #expect(
            try explanation().decision == "Kept: bought, rank 4, revision 1; it outranks streamed (rank 1).")
    }

    // MARK: Archive

    @Test func `ticks and revisions come out of the archive, and only the files of pair and time are read`() throws {
        let revisions = (1...2).map { Make.candle(Self.start, revision: $0).envelope }
        let seconds = Double(Self.start.rawValue)
        let others = [Make.eurUSD, Pair("USD_JPY")!].flatMap { pair in
            (1...3).map { Make.tick(seconds + Double($0) * 86_400, "1.1", "1.2", pair: pair) }
        }
        let filler = (0..<40).map { Make.clock(seconds + 300_000 + Double($0)) }
        try journal(
            [Make.tick(seconds + 1, "1.1", "1.2"), Make.tick(seconds + 2, "1.1", "1.2")] + others + filler, .ticks)
        try journal(revisions + (1...40).map { Make.candle(Self.start + 86_400 * $0).envelope }, .candles)
        try store(revisions)
        let before = try explanation(showsTicks: true)
        let paths = try paths()
        _ = try Archiver.run(paths)
        for stream in [Wire.Stream.ticks, .candles] { TemporaryFolder.dropClosedSegments(of: paths.journal(stream)) }
        // A file that is read although it is not needed would be missed.
        for file in try ArchiveManifest(.ticks, paths).batches.flatMap(\.files)
        where file.pair != nil && (file.pair != "EUR_USD" || file.date != "2026-05-12") {
            #expect(unlink("\(paths.archive)/\(file.path)") == 0)
        }
        for file in try ArchiveManifest(.candles, paths).batches.flatMap(\.files) where file.date != "2026-05-12" {
            #expect(unlink("\(paths.archive)/\(file.path)") == 0)
        }
        let explanation = try explanation(showsTicks: true)
        #expect(explanation.ticks.lines.map(\.position) == [1, 2] && explanation.revisions.map(\.revision) == [1, 2])
        #expect(explanation.text(.plain) == before.text(.plain))
    }

    // MARK: No candle

    @Test func `why there is no candle`() throws {
        let zero = UTCNanos(rawValue: 0)
        try store([
            event(.blindBegan(since: zero), 1),
            event(.blindEnded(from: zero, until: UTCNanos(seconds: Self.start + 600)), 2),
            Make.candle(Self.start + 3_000).envelope,
            EmptyRecord(Self.series, start: UTCNanos(seconds: Self.start)).envelope,
        ])
        // 2026-05-16 12:00 UTC, a Saturday.
        #expect(try explanation(at: 1_778_932_800).decision == "No candle: the market was closed.")
        #expect(
            try explanation().decision == "No candle: the broker has no usable one.")
        #expect(
            try explanation(at: Self.start + 300).decision
                == "No candle: the interval was neither streamed nor bought.")
        #expect(
            try explanation(at: Self.start + 900).decision
                == "No candle: the market was quiet. The pair was seen and had no tick.")
        try journal([Make.tick(Double(Self.start.rawValue) + 901, "1.1", "1.2")], .ticks)
        #expect(
            try explanation(at: Self.start + 900).decision
                == "No candle is stored yet, but ticks exist: the interval may not be over, or a stage is behind."
        )
    }
}
