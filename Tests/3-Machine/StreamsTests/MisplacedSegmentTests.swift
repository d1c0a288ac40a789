import Glibc
import Host
import Streams
import Testing
import TestKit
import Wire

/// Files under a segment's name whose header says that they belong elsewhere: renamed, copied, or of another stream.
@Suite struct MisplacedSegmentTests {
    let folder = TemporaryFolder()
    var path: String { folder.path + "/ticks" }

    /// Three segments, of which the last has 952 records: positions 1 to 3,000.
    private func begin() throws {
        let writer = try openWriter(path)
        try writer.appendTicks(3_000)
        try writer.close()
    }

    private func segment(_ position: UInt64) -> String {
        let digits = String(position)
        return "\(path)/\(String(repeating: "0", count: 20 - digits.count))\(digits).journal"
    }

    private func copy(_ source: String, to target: String) { TemporaryFolder.overwrite(target, fileBytes(source)) }

    /// A segment of 192-byte records.
    private func writeForeign(to target: String) throws {
        let other = folder.path + "/candles"
        var settings = JournalSettings()
        settings.segmentRecords = 1_024
        let writer = try JournalWriter(folder: other, recordSize: 192, settings: settings, logger: quietLogger())
        try writer.close()
        copy("\(other)/00000000000000000001.journal", to: target)
    }

    private func repair() throws -> [String] {
        try JournalCheck.repair(
            folder: path, recordSize: 64, settings: JournalSettings(), logger: quietLogger())
    }

    @Test func `a copy of a segment under another name hides nothing of the segments around it`() throws {
        try begin()
        for position: UInt64 in [500, 1_500, 2_999, 70_000] { copy(segment(1), to: segment(position)) }
        #expect(try readPositions(path) == Array(1...3_000))
        for start: UInt64 in [499, 500, 501, 1_024, 1_025, 1_600, 3_000] {
            #expect(try readPositions(path, from: start) == Array(start...3_000))
        }
        #expect(try JournalTail.lastPosition(TickEnvelope.self, folder: path) == 3_000)
    }

    @Test func `a segment that was renamed is a gap, which a reader counts`() throws {
        try begin()
        #expect(rename(segment(1_025), segment(9_999)) == 0)
        let reader = try JournalReader(folder: path, recordSize: 64)
        var seen: [UInt64] = []
        while try reader.read(TickEnvelope.self, { seen.append($0.position) }) > 0 {}
        #expect(seen == Array(1...1_024) + Array(2_049...3_000) && reader.missingPositions == 1_024)
        #expect(try JournalTail.lastPosition(TickEnvelope.self, folder: path) == 3_000)
    }

    @Test func `a reader that wants the oldest record begins behind a misplaced one`() throws {
        try begin()
        #expect(rename(segment(1), segment(7)) == 0)
        #expect(try readPositions(path, from: nil) == Array(1_025...3_000))
    }

    @Test func `a segment of another stream is passed over by readers`() throws {
        try begin()
        try writeForeign(to: segment(1))
        #expect(try readPositions(path) == Array(1_025...3_000))
        try writeForeign(to: segment(5_000))
        var seen = 0
        try JournalTail.readBackward(TickEnvelope.self, folder: path) { _ in
            seen += 1
            return true
        }
        #expect(seen == 1_976)
    }

    @Test func `a writer sets a misplaced last segment aside and goes on where the journal ends`() throws {
        try begin()
        copy(segment(1), to: segment(9_999))
        let bytes = fileBytes(segment(9_999))
        let writer = try openWriter(path)
        #expect(writer.lastPosition == 3_000 && writer.skipped == nil && writer.cutBytes == 0)
        try writer.appendTicks(1)
        #expect(try readPositions(path) == Array(1...3_001))
        #expect(fileBytes(segment(9_999) + ".misplaced") == bytes)
        #expect(access(segment(9_999), F_OK) != 0)
    }

    @Test func `where the last segment itself was renamed its positions are skipped, and none is given twice`() throws {
        try begin()
        #expect(rename(segment(2_049), segment(2_050)) == 0)
        let writer = try openWriter(path)
        #expect(writer.skipped == 2_049..<3_001)
        try writer.appendTicks(1)
        #expect(try readPositions(path) == Array(1...2_048) + [3_001])
    }

    @Test(arguments: [[], [UInt8](repeating: 7, count: 64), [UInt8](repeating: 7, count: 64 + 3 * 64 + 5)])
    func `an empty file in the midst of the last segment does not give its positions again`(content: [UInt8]) throws {
        try begin()
        TemporaryFolder.overwrite(segment(2_500), content)
        #expect(unlink(path + ".highest") == 0)
        #expect(try readPositions(path, from: 2_600) == Array(2_600...3_000))
        let writer = try openWriter(path)
        #expect(writer.lastPosition == 3_000)
        try writer.appendTicks(1)
        #expect(try readPositions(path) == Array(1...3_001))
    }

    @Test func `a repair does not look for the files that it took away`() throws {
        try begin()
        for position: UInt64 in [2_500, 3_500] { TemporaryFolder.overwrite(segment(position), [1, 2, 3]) }
        _ = try repair()
        #expect(try readPositions(path) == Array(1...3_000))
        #expect(access(segment(2_500), F_OK) != 0 && access(segment(3_500), F_OK) != 0)
    }

    @Test func `a second misplaced file of the same name does not replace the first`() throws {
        try begin()
        for content: UInt64 in [1, 1_025] {
            copy(segment(content), to: segment(9_999))
            try openWriter(path).close()
        }
        #expect(fileBytes(segment(9_999) + ".misplaced") == fileBytes(segment(1)))
        #expect(fileBytes(segment(9_999) + ".misplaced-2") == fileBytes(segment(1_025)))
    }

    @Test(arguments: [0, 1 << 62, UInt64.max])
    func `a name that no position can have stops no reader`(position: UInt64) throws {
        try begin()
        copy(segment(1), to: segment(position))
        #expect(try readPositions(path) == Array(1...3_000))
        #expect(try JournalTail.lastPosition(TickEnvelope.self, folder: path) == 3_000)
        #expect(try JournalCheck(folder: path, recordSize: 64).isDamaged)
        try openWriter(path).appendTicks(1)
        #expect(try readPositions(path) == Array(1...3_001))
        #expect(fileBytes(segment(position) + ".misplaced") == fileBytes(segment(1)))
    }

    @Test func `age drops no misplaced file`() throws {
        var settings = JournalSettings()
        (settings.syncMilliseconds, settings.segmentRecords, settings.retentionDays) = (1, 1_024, 7)
        let host = Clock(now: { Make.nanos(1_790_000_000) }, monotonic: { 0 })
        let writer = try JournalWriter(
            folder: path, recordSize: 64, settings: settings, logger: quietLogger(), clock: host)
        for position in 1...2_048 {
            if writer.needsFlush { try writer.flush() }
            writer.append(Make.tick(1_790_000_000 + Double(position), "1.1", "1.2"))
            if position == 1_500 { copy(segment(1), to: segment(600)) }
        }
        try writer.close()
        #expect(fileBytes(segment(600)) == fileBytes(segment(1)))
        #expect(folderNames(path).filter { $0.hasSuffix(".journal") }.count == 4)
    }

    @Test func `a check names a misplaced segment and what to do, and repair sets it aside`() throws {
        try begin()
        #expect(rename(segment(1_025), segment(9_999)) == 0)
        let check = try JournalCheck(folder: path, recordSize: 64)
        #expect(check.isDamaged && check.lostAtEnd == 0)
        #expect(check.segments.map(\.jump) == [0, 1_024, 0])
        #expect(check.segments.map(\.isDamaged) == [false, false, true])
        #expect(
            check.segments[2].misplacement == """
                \(segment(9_999)) is misplaced: its header says 64-byte records from position 1025 on. Readers ignore it; \
                `candlewick journal repair` sets it aside. If it was renamed, stop the stages and run: \
                mv \(segment(9_999)) \(segment(1_025))
                """)
        #expect(try repair() == ["misplaced segment set aside: \(segment(9_999)).misplaced"])
        #expect(try !JournalCheck(folder: path, recordSize: 64).isDamaged)
        #expect(try repair() == [])
    }

    @Test func `a copy is not said to belong where another segment is`() throws {
        try begin()
        copy(segment(1), to: segment(500))
        try writeForeign(to: segment(600))
        let told = try JournalCheck(folder: path, recordSize: 64).segments.compactMap(\.misplacement)
        #expect(
            told == [
                """
                \(segment(500)) is misplaced: its header says 64-byte records from position 1 on. Readers ignore it; \
                `candlewick journal repair` sets it aside
                """,
                """
                \(segment(600)) is misplaced: its header says 192-byte records from position 1 on. Readers ignore it; \
                `candlewick journal repair` sets it aside
                """,
            ])
    }

    @Test func `a journal of a later version is refused, and nothing of it is touched`() throws {
        try begin()
        let header = laterHeader(of: segment(2_049))
        TemporaryFolder.overwrite(segment(2_049), header + fileBytes(segment(2_049)).dropFirst(64))
        let error = #expect(throws: JournalError.self) { try openWriter(path) }
        #expect(error?.exitCode == .badData && error?.description.contains("its version is 2") == true)
        #expect(throws: JournalError.self) { try readPositions(path, from: 2_500) }
        #expect(throws: JournalError.self) { try repair() }
        #expect(access(segment(2_049), F_OK) == 0)
    }

    /// A segment's header, as version 2 would write it.
    private func laterHeader(of segment: String) -> [UInt8] {
        var header = Array(fileBytes(segment).prefix(60))
        header[8] = 2
        let sum = header.withUnsafeBytes { checksum(of: $0) }
        return header + withUnsafeBytes(of: sum) { Array($0) }
    }
}
