@testable import Archive
import Glibc
import Host
import MarketData
import Streams
import TestKit
import Testing
import Wire

@Suite struct ArchiverTests {
    let world: ArchiveWorld

    init() throws { world = try ArchiveWorld() }

    @Test func `segments come back byte for byte, ticks by day and pair`() throws {
        try world.append(0..<730)
        let run = try world.archiver().run()
        #expect(run.segments == 14 && run.records == 700 && run.batches == 1)
        #expect(try world.restored() == world.closed())
        let folders = Set(try world.files().filter { $0.hasSuffix(".parquet") }.map { parentFolder(of: $0) })
        #expect(
            folders == [
                "feed/date=2026-11-23", "feed/date=2026-11-24",
                "ticks/date=2026-11-23/pair=DE40", "ticks/date=2026-11-24/pair=DE40",
                "ticks/date=2026-11-23/pair=EUR_USD", "ticks/date=2026-11-24/pair=EUR_USD",
                "ticks/date=2026-11-23/pair=GBP_JPY", "ticks/date=2026-11-24/pair=GBP_JPY",
            ])
    }

    @Test func `an event without a time stands under the day when it came`() throws {
        let writer = try world.writer(.ticks, segmentRecords: 1)
        let zero = UTCNanos(rawValue: 0)
        let received = UTCNanos(seconds: UTCSeconds(rawValue: ArchiveWorld.start))
        for _ in 0..<2 {
            writer.append(TickEnvelope.feed(.blindBegan(since: zero), brokerTime: zero, receiveTime: received))
            try writer.flush()
        }
        try writer.close()
        _ = try world.archiver().run()
        let batch = try ArchiveManifest(.ticks, world.paths).batches[0]
        #expect(batch.files.map(\.date) == ["2026-11-23"] && batch.firstTime == 0 && batch.lastTime == 0)
        #expect(try world.restored() == world.closed())
    }

    @Test func `the streams of candles come back byte for byte`() throws {
        let writer = try world.writer(.candles, segmentRecords: 20)
        for number in 0..<110 {
            if writer.needsFlush { try writer.flush() }
            if number % 9 == 0 {
                writer.append(CandleEnvelope.feed(ArchiveWorld.tick(8 + 11 * number)))
            } else {
                writer.append(ArchiveWorld.candle(number))
            }
        }
        try writer.close()
        #expect(try world.archiver(.candles).run().records == 100)
        #expect(try world.restored(.candles) == world.closed(.candles))
    }

    @Test func `a second run has nothing to do, a later one goes on`() throws {
        try world.append(0..<120)
        #expect(try Archiver.run(world.paths).map(\.records) == [100])
        #expect(try Archiver.run(world.paths).map(\.records) == [0])
        try world.append(120..<260)
        #expect(try Archiver.run(world.paths).map(\.records) == [150])
        #expect(try world.restored() == world.closed())
        #expect(try ArchiveManifest(.ticks, world.paths).batches.map(\.firstPosition) == [1, 101])
    }

    /// As if the process ended at each of the moments in turn.
    @Test func `an end at any moment loses nothing and takes nothing twice`() throws {
        struct End: Error {}
        var moment = 0
        var hasEnded = true
        while hasEnded {
            moment += 1
            let world = try ArchiveWorld()
            try world.append(0..<330)
            let kept = world.closed()
            var left = moment
            hasEnded = false
            do {
                _ = try world.archiver {
                    left -= 1
                    if left == 0 { throw End() }
                }.run()
            } catch is End { hasEnded = true }
            // What is archived may be gone by now.
            let mark = String(
                decoding: fileBytes("\(world.paths.journal(.ticks))/archiver.taken").prefix(20), as: UTF8.self)
            world.dropSegments(kept.count { UInt64($0.key.prefix(20))! + 49 <= UInt64(mark)! })
            _ = try world.archiver().run()
            #expect(try world.restored() == kept, "moment \(moment)")
            let files = try ArchiveManifest(.ticks, world.paths).batches.flatMap(\.paths)
            #expect(try Set(world.files()) == Set(files + ["manifest/ticks.jsonl"]), "moment \(moment)")
        }
        #expect(moment > 20, "\(moment) moments")
    }

    @Test func `retention waits from the first run on, then for what is committed`() throws {
        struct End: Error {}
        try world.append(0..<120)
        world.dropSegments(1)
        let mark = "\(world.paths.journal(.ticks))/archiver.taken"
        #expect(throws: End.self) { try world.archiver { throw End() }.run() }
        #expect(String(decoding: fileBytes(mark), as: UTF8.self) == "00000000000000000050\n")
        _ = try world.archiver().run()
        #expect(String(decoding: fileBytes(mark), as: UTF8.self) == "00000000000000000100\n")
    }

    @Test func `a torn line of the manifest is cut and its batch made again`() throws {
        try world.append(0..<120)
        _ = try world.archiver().run()
        try world.append(120..<220)
        _ = try world.archiver().run()
        let path = try ArchiveManifest(.ticks, world.paths).path
        let whole = fileBytes(path)
        for cut in [2, 40, 300] {
            // The files of the second batch are where a run that ended in its commit left them.
            let second = try ArchiveManifest(.ticks, world.paths).batches[1]
            let staging = "\(world.paths.archive)/.staging/ticks-\(positionDigits(second.firstPosition))"
            try makeFolder(staging)
            try Files.append(ArchiveManifest.line(second), to: "\(staging)/batch.json")
            TemporaryFolder.overwrite(path, Array(whole.dropLast(cut)))
            try ConsumerMark(folder: world.paths.journal(.ticks), consumer: .archiver).note(100)
            #expect(try ArchiveManifest(.ticks, world.paths).batches.count == 1)
            _ = try world.archiver().run()
            #expect(fileBytes(path) == whole)
            #expect(try world.restored() == world.closed())
        }
    }

    @Test func `a last line without its end counts and is ended`() throws {
        try world.append(0..<120)
        _ = try world.archiver().run()
        let path = try ArchiveManifest(.ticks, world.paths).path
        let whole = fileBytes(path)
        for content in [Array(whole.dropLast()), whole.dropLast() + [UInt8(ascii: "K")]] {
            TemporaryFolder.overwrite(path, content)
            #expect(try world.archiver().run().batches == 0)
            #expect(fileBytes(path) == whole)
        }
    }

    @Test func `a manifest that lost lines stops the archiver`() throws {
        try world.append(0..<120)
        _ = try world.archiver().run()
        let path = try ArchiveManifest(.ticks, world.paths).path
        let first = fileBytes(path)
        try world.append(120..<220)
        _ = try world.archiver().run()
        TemporaryFolder.overwrite(path, first)
        let failure = #expect(throws: Failure.self) { try world.archiver().run() }
        #expect(
            failure?.code == .badData
                && failure?.description.contains("ends at position 100, but 200 was archived") == true)
    }

    @Test func `a damaged line of the manifest stops the archiver`() throws {
        try world.append(0..<120)
        _ = try world.archiver().run()
        try world.append(120..<220)
        let path = try ArchiveManifest(.ticks, world.paths).path
        flip(path, at: 30)
        let failure = #expect(throws: Failure.self) { try world.archiver().run() }
        #expect(failure?.code == .badData && failure?.description.contains("\(path) is damaged in line 1") == true)
        #expect(world.closed().count == 4)
    }

    @Test func `a file that another put there is not overwritten`() throws {
        try world.append(0..<120)
        _ = try world.archiver().run()
        let path = try world.files().first { $0.hasSuffix(".parquet") }!
        let content = fileBytes("\(world.paths.archive)/\(path)")
        // The manifest is lost, and the files are all that is left.
        unlink("\(world.paths.archive)/manifest/ticks.jsonl")
        for _ in 0..<2 {
            let failure = #expect(throws: Failure.self) { try world.archiver().run() }
            #expect(failure?.code == .badData && failure?.description.contains("no manifest names it") == true)
        }
        #expect(fileBytes("\(world.paths.archive)/\(path)") == content)
    }

    @Test func `a second archiver is refused`() throws {
        try world.append(0..<120)
        try makeFolder(world.paths.archive)
        let lock = try FileLock(path: "\(world.paths.archive)/run.lock")
        let failure = #expect(throws: Failure.self) { try Archiver.run(world.paths) }
        #expect(failure?.code == .temporary)
        withExtendedLifetime(lock) {}
    }

    @Test func `a journal that began anew does not go into the old archive`() throws {
        try world.append(0..<220)
        _ = try world.archiver().run()
        for name in folderNames(world.paths.journal(.ticks)) { unlink("\(world.paths.journal(.ticks))/\(name)") }
        unlink("\(world.paths.journal(.ticks)).highest")
        try world.append(0..<120)
        let failure = #expect(throws: Failure.self) { try world.archiver().run() }
        #expect(failure?.code == .badData && failure?.description.contains("do not belong together") == true)
        #expect(try ConsumerMark.position(of: .archiver, in: world.paths.journal(.ticks)) == 0)
    }

    @Test func `a segment that comes back behind the archiver is not dropped`() throws {
        try world.append(0..<220)
        _ = try world.archiver().run()
        let journal = world.paths.journal(.ticks)
        let header = ClosedSegment.header(firstPosition: 31, recordSize: TickEnvelope.byteCount)
        let file = try NewFile(path: "\(journal)/\(ClosedSegment.name(firstPosition: 31))")
        try file.write(header)
        try file.publish()
        let failure = #expect(throws: Failure.self) { try world.archiver().run() }
        #expect(failure?.code == .badData && failure?.description.contains("which does not have it") == true)
        #expect(try ConsumerMark.position(of: .archiver, in: journal) == 30)
    }

    @Test func `a segment whose successor is not begun may still grow`() throws {
        try world.append(0..<120)
        let journal = world.paths.journal(.ticks)
        let closed = try ClosedSegment.all(in: journal, recordSize: TickEnvelope.byteCount)
        let file = try NewFile(path: "\(journal)/\(ClosedSegment.name(firstPosition: 121))")
        try file.write([0, 0])
        try file.publish()
        #expect(try ClosedSegment.all(in: journal, recordSize: TickEnvelope.byteCount) == closed)
        #expect(closed.count == 2)
    }

    @Test func `a stream is due when its oldest closed segment is a day old`() throws {
        try world.append(0..<120)
        let begin = UTCNanos(seconds: UTCSeconds(rawValue: ArchiveWorld.start))
        #expect(try world.archiver().run(dueAt: begin + .seconds(86_000)).records == 0)
        #expect(try world.archiver().run(dueAt: begin + .seconds(86_500)).records == 100)
    }
}
