import Foundation
import Glibc
import Host
@testable import Streams
import Testing
import TestKit
import Wire

/// A journal that was shortened on the same boot gives no position a second time.
@Suite struct HighWaterMarkTests {
    let folder = TemporaryFolder()
    var path: String { folder.path + "/ticks" }
    private var mark: String { path + ".highest" }

    /// Opens the writer, appends, and lets it go without an orderly end, as kill -9 does.
    private func write(_ count: Int, bootID: String? = nil) throws -> JournalWriter {
        let writer = try openWriter(path, bootID: bootID)
        try writer.appendTicks(count)
        return writer
    }

    /// Takes the newest records away, whole segments among them.
    private func shorten(to last: Int) {
        for name in folderNames(path) where name.hasSuffix(".journal") {
            let first = Int(name.prefix(20))!
            let file = "\(path)/\(name)"
            if first > last {
                unlink(file)
            } else {
                truncate(file, min(off_t(fileBytes(file).count), off_t(64 + (last - first + 1) * 64)))
            }
        }
    }

    @Test(arguments: [1_999, 1_500, 1_024, 1_000, 0], [false, true])
    func `records that are lost at the end are skipped, and none of their positions is given again`(
        last: Int, endsInOrder: Bool
    ) throws {
        do {
            let writer = try write(2_000)
            if endsInOrder { try writer.close() }
        }
        shorten(to: last)
        let check = try JournalCheck(folder: path, recordSize: 64)
        #expect(check.isDamaged && check.lostAtEnd == UInt64(2_000 - last))
        let writer = try openWriter(path)
        #expect(writer.skipped == UInt64(last) + 1..<2_001)
        try writer.appendTicks(3)
        #expect(try readPositions(path) == Array(1...2_003).filter { $0 <= UInt64(last) || $0 > 2_000 })
        #expect(try JournalCheck(folder: path, recordSize: 64).lostAtEnd == 0)
    }

    @Test func `a mark is as new as the journal, kill after kill, and a sound journal skips nothing`() throws {
        for round in 1...5 {
            let writer = try write(100)
            #expect(writer.skipped == nil)
            #expect(try HighWaterMark.content(of: path) == .position(UInt64(round * 100)))
        }
        shorten(to: 450)
        #expect(try openWriter(path).skipped == 451..<501)
        // Killed before the first record behind the skip, and shortened again.
        shorten(to: 440)
        let writer = try openWriter(path)
        #expect(writer.skipped == 441..<501)
        try writer.appendTicks(1)
        #expect(try readPositions(path).suffix(2) == [440, 501])
    }

    @Test func `a whole folder out of an older copy, or none at all, takes no position back`() throws {
        try write(100).close()
        let copy = folder.path + "/copy"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        try write(200).close()
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: copy, toPath: path)
        #expect(try write(1).skipped == 101..<301)
        try FileManager.default.removeItem(atPath: path)
        // Without a note the mark may be of another boot, and as old as its last sync.
        #expect(try openWriter(path).skipped == 1..<(302 + 1 << 32))
    }

    @Test func `what a consumer has taken is not given again, when the mark is missing too`() throws {
        try write(100).close()
        try ConsumerMark(folder: path, consumer: .aggregator).note(90)
        shorten(to: 50)
        unlink(mark)
        #expect(try write(1).skipped == 51..<91)
        #expect(try HighWaterMark.content(of: path) == .position(91))
    }

    @Test func `a mark that is missing or cannot be read is made of the journal`() throws {
        try write(100).close()
        for damage in [[UInt8](), Array(repeating: 0, count: 64), Array(repeating: 0xFF, count: 64)] {
            TemporaryFolder.overwrite(mark, damage)
            #expect(try JournalCheck(folder: path, recordSize: 64).isMarkDamaged)
            let writer = try openWriter(path)
            #expect(writer.skipped == nil && writer.lastPosition == 100)
            #expect(try HighWaterMark.content(of: path) == .position(100))
        }
        unlink(mark)
        #expect(try JournalCheck(folder: path, recordSize: 64).isDamaged == false)
        #expect(try openWriter(path).skipped == nil)
        #expect(try HighWaterMark.content(of: path) == .position(100))
    }

    @Test(arguments: 16..<48)
    func `one torn copy is made good by the other`(offset: Int) throws {
        try write(100).close()
        var bytes = fileBytes(mark)
        #expect(bytes.count == HighWaterMark.byteCount)
        bytes[offset] ^= 0x80
        TemporaryFolder.overwrite(mark, bytes)
        #expect(try HighWaterMark.content(of: path) == .position(100))
        shorten(to: 10)
        #expect(try openWriter(path).skipped == 11..<101)
    }

    @Test func `after another boot the skip begins behind the mark`() throws {
        _ = try write(100, bootID: "first")
        shorten(to: 40)
        let writer = try openWriter(path, bootID: "second")
        #expect(writer.skipped?.lowerBound == 41 && writer.skipped?.upperBound == 101 + 1 << 32)
    }

    @Test func `a mark that cannot be made ends the start with its name`() throws {
        #expect(mkdir(mark, 0o700) == 0)
        let error = #expect(throws: JournalError.self) { try openWriter(path) }
        #expect(error?.description.contains(".highest") == true)
    }

    @Test func `a copy of another journal begins where that one does, whatever was copied before`() throws {
        for first in [UInt64(500), 7] {
            let writer = try openWriter(path)
            var tick = Make.tick(1, "1.1", "1.2")
            tick.seal(position: first)
            try withUnsafeBytes(of: tick) { try writer.append(sealed: $0) }
            try writer.close()
            #expect(try readPositions(path, from: nil) == [first])
            try FileManager.default.removeItem(atPath: path)
        }
    }
}
