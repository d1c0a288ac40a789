import Glibc
import Host
import Logging
import Streams
import Testing
import TestKit
import Wire

func openWriter(_ folder: String, segmentRecords: Int = 1_024, bootID: String? = nil) throws -> JournalWriter {
    var settings = JournalSettings()
    settings.segmentRecords = segmentRecords
    settings.syncMilliseconds = 1
    settings.bootID = bootID
    // Times here are positions: a skip of positions would be a leap of a century, and drop what is before it.
    settings.retentionDays = 0
    return try JournalWriter(
        folder: folder, recordSize: TickEnvelope.byteCount, settings: settings, logger: quietLogger())
}

extension JournalWriter {
    func appendTicks(_ count: Int) throws {
        for _ in 0..<count {
            if needsFlush { try flush() }
            append(Make.tick(Double(lastPosition + 1), "1.1", "1.2"))
        }
        try flush()
    }
}

func readPositions(_ folder: String, from position: UInt64? = 1) throws -> [UInt64] {
    var positions: [UInt64] = []
    let reader = try JournalReader(folder: folder, recordSize: TickEnvelope.byteCount, from: position)
    while try reader.read(TickEnvelope.self, { positions.append($0.position) }) > 0 {}
    return positions
}

@Suite struct JournalTests {
    let folder = TemporaryFolder()
    var path: String { folder.path + "/ticks" }

    @Test func `what was appended is read back in order, over many segments`() throws {
        let writer = try openWriter(path)
        try writer.appendTicks(5_000)
        #expect(try readPositions(path) == Array(1...5_000))
        #expect(try readPositions(path, from: 3_333) == Array(3_333...5_000))
        #expect(folderNames(path).filter { $0.hasSuffix(".journal") }.count == 5)
    }

    @Test func `a reader follows a writer`() throws {
        let writer = try openWriter(path)
        let reader = try JournalReader(folder: path, recordSize: 64)
        var seen: [UInt64] = []
        for _ in 0..<50 {
            try writer.appendTicks(77)
            while try reader.read(TickEnvelope.self, { seen.append($0.position) }) > 0 {}
        }
        #expect(seen == Array(1...3_850) && reader.missingPositions == 0)
    }

    @Test(arguments: [11, 1 << 62, UInt64.max])
    func `a reader that wants what is far beyond the end reads nothing`(position: UInt64) throws {
        try openWriter(path).appendTicks(10)
        #expect(try readPositions(path, from: position) == [])
    }

    @Test func `a reader that is there before the journal waits for it`() throws {
        let reader = try JournalReader(folder: path, recordSize: 64)
        #expect(try reader.readBytes { _ in } == 0)
        try openWriter(path).appendTicks(3)
        var bytes = 0
        #expect(try reader.readBytes { bytes += $0.count } == 3)
        #expect(bytes == 192)
    }

    @Test func `positions go on after a restart`() throws {
        try openWriter(path).appendTicks(10)
        let again = try openWriter(path)
        #expect(again.lastPosition == 10 && again.cutBytes == 0 && again.skipped == nil)
        try again.appendTicks(5)
        #expect(try readPositions(path) == Array(1...15))
    }

    @Test func `a second writer is refused, and the error names the first`() throws {
        let first = try openWriter(path)
        let failure = #expect(throws: Failure.self) { try openWriter(path) }
        #expect(failure?.code == .temporary && failure?.description.contains(" holds /") == true)
        try first.close()
    }

    @Test(arguments: [1, 63, 64, 65, 100])
    func `a torn tail is cut, and no position is given twice`(torn: Int) throws {
        try openWriter(path).appendTicks(10)
        let file = path + "/" + folderNames(path).first { $0.hasSuffix(".journal") }!
        let whole = fileBytes(file)
        let garbage = [UInt8](repeating: 0xAB, count: torn)
        TemporaryFolder.overwrite(file, whole + garbage)
        let writer = try openWriter(path)
        #expect(writer.cutBytes == torn)
        // Less than a record was never published; a whole one may have been.
        #expect((writer.skipped == nil) == (torn < 64))
        let resumed = writer.lastPosition + 1
        try writer.appendTicks(2)
        #expect(try readPositions(path) == Array(1...10) + [resumed, resumed + 1])
    }

    @Test func `a flipped bit costs its record alone, for readers and for the next writer`() throws {
        try openWriter(path).appendTicks(10)
        try damage(record: 6)
        let reader = try JournalReader(folder: path, recordSize: 64)
        var seen: [UInt64] = []
        while try reader.read(TickEnvelope.self, { seen.append($0.position) }) > 0 {}
        #expect(seen == [1, 2, 3, 4, 5, 7, 8, 9, 10] && reader.missingPositions == 1)
        let writer = try openWriter(path)
        #expect(writer.cutBytes == 0 && writer.damagedRecords == 1 && writer.skipped == nil)
        try writer.appendTicks(1)
        #expect(try readPositions(path) == seen + [11])
    }

    @Test func `damage over many records is stepped over in one go, also while the journal grows`() throws {
        let writer = try openWriter(path, segmentRecords: 100_000)
        try writer.appendTicks(20_000)
        let file = segments[0]
        var bytes = fileBytes(file)
        for slot in 4_000..<15_000 { bytes[64 + slot * 64 + 30] ^= 0xFF }
        TemporaryFolder.overwrite(file, bytes)
        let reader = try JournalReader(folder: path, recordSize: 64)
        var seen: [UInt64] = []
        while try reader.read(TickEnvelope.self, { seen.append($0.position) }) > 0 {}
        #expect(seen == Array(1...4_000) + Array(15_001...20_000) && reader.missingPositions == 11_000)
        try writer.appendTicks(1)
        #expect(try reader.read(TickEnvelope.self) { seen.append($0.position) } == 1 && seen.last == 20_001)
    }

    @Test func `a damaged last record is a tail that is cut, kept beside, and its position is not given again`() throws
    {
        try openWriter(path).appendTicks(10)
        try damage(record: 10)
        #expect(try readPositions(path) == Array(1...9))
        let writer = try openWriter(path)
        #expect(writer.cutBytes == 64 && writer.skipped?.lowerBound == 10)
        #expect(folderNames(path).contains { $0.contains(".cut-") })
    }

    @Test func `a skip that could not be made is made at the next start`() throws {
        do {
            let writer = try openWriter(path)
            try writer.appendTicks(10)
            try writer.close()
        }
        let segment = "\(path)/00000000000000000001.journal"
        var bytes = fileBytes(segment)
        bytes[64 + 9 * 64 + 20] ^= 1
        TemporaryFolder.overwrite(segment, bytes)
        // Something stands in the way of the new segment.
        let obstacle = "\(path)/00000000004294967306.journal"
        #expect(mkdir(obstacle, 0o700) == 0)
        #expect(throws: JournalError.self) { try openWriter(path) }
        #expect(rmdir(obstacle) == 0)
        let writer = try openWriter(path)
        #expect(writer.skipped?.lowerBound == 10)
        try writer.appendTicks(1)
        #expect(try readPositions(path) == Array(1...9) + [10 + 1 << 32])
    }

    @Test func `a writer that could not begin a segment writes nothing more`() throws {
        let writer = try openWriter(path, segmentRecords: 10)
        let obstacle = folder.write([], to: "ticks/00000000000000000011.journal")
        #expect(throws: JournalError.self) { try writer.appendTicks(10) }
        #expect(unlink(obstacle) == 0)
        #expect(throws: JournalError.self) { try writer.flush() }
        #expect(try readPositions(path) == Array(1...10))
    }

    @Test func `a damaged header hides nothing, and the next writer mends it`() throws {
        try openWriter(path).appendTicks(1_500)
        for file in segments {
            var bytes = fileBytes(file)
            bytes[9] ^= 0x40
            TemporaryFolder.overwrite(file, bytes)
        }
        #expect(try readPositions(path) == Array(1...1_500))
        try openWriter(path).appendTicks(1)
        #expect(try JournalCheck(folder: path, recordSize: 64).segments.map(\.isHeaderDamaged) == [true, false])
        #expect(try readPositions(path) == Array(1...1_501))
    }

    @Test func `an older segment that lost its end, or all, does not stop a reader`() throws {
        try openWriter(path).appendTicks(4_000)
        TemporaryFolder.overwrite(segments[0], Array(fileBytes(segments[0]).prefix(64 + 64 * 10 + 7)))
        TemporaryFolder.overwrite(segments[2], [1, 2, 3])
        let reader = try JournalReader(folder: path, recordSize: 64)
        var seen: [UInt64] = []
        while try reader.read(TickEnvelope.self, { seen.append($0.position) }) > 0 {}
        #expect(seen == Array(1...10) + Array(1_025...2_048) + Array(3_073...4_000))
        #expect(reader.missingPositions == 1_014 + 1_024)
    }

    private var segments: [String] { folderNames(path).filter { $0.hasSuffix(".journal") }.map { "\(path)/\($0)" } }

    /// Flips a bit in a record of the first segment.
    private func damage(record position: Int) throws {
        var bytes = fileBytes(segments[0])
        bytes[64 + (position - 1) * 64 + 40] ^= 1
        TemporaryFolder.overwrite(segments[0], bytes)
    }

    @Test func `after a power cut positions are skipped, and a reader counts them`() throws {
        try openWriter(path).appendTicks(10)
        let writer = try openWriter(path, bootID: "another-boot")
        let skipped = try #require(writer.skipped)
        #expect(skipped.lowerBound == 11)
        try writer.appendTicks(1)
        let reader = try JournalReader(folder: path, recordSize: 64)
        var seen: [UInt64] = []
        while try reader.read(TickEnvelope.self, { seen.append($0.position) }) > 0 {}
        #expect(seen == Array(1...10) + [skipped.upperBound])
        #expect(reader.missingPositions == UInt64(skipped.count))
    }

    @Test func `an orderly end is noted for the next start`() throws {
        let writer = try openWriter(path)
        try writer.appendTicks(10)
        try writer.close()
        let note = String(decoding: fileBytes(path + "/writer.lock"), as: UTF8.self)
        #expect(note.contains("clean"))
    }

    @Test func `a segment whose header was never written is made anew`() throws {
        try openWriter(path).appendTicks(10)
        TemporaryFolder.overwrite(path + "/00000000000000000011.journal", [1, 2, 3])
        let writer = try openWriter(path)
        #expect(writer.lastPosition == 10)
        try writer.appendTicks(1)
        #expect(try readPositions(path) == Array(1...11))
    }

    @Test func `the tail is read backward over segments`() throws {
        try openWriter(path).appendTicks(3_000)
        var seen: [UInt64] = []
        try JournalTail.readBackward(TickEnvelope.self, folder: path) { record in
            seen.append(record.position)
            return seen.count < 2_500
        }
        #expect(seen == Array((501...3_000).reversed()))
    }
}
