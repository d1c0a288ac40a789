@testable import Archive
import Glibc
import Host
import MarketData
import Streams
import TestKit
import Testing
import Wire

/// Whatever the bytes of a segment are, they come back.
@Suite struct DamagedSegmentTests {
    let world: ArchiveWorld

    init() throws { world = try ArchiveWorld() }

    private func expectAllBack(damaged: Int? = nil) throws {
        let journaled = try world.journaled()
        let kept = world.closed()
        _ = try world.archiver().run()
        #expect(try world.restored() == kept)
        // Each alone too.
        for (name, bytes) in kept {
            let first = UInt64(name.prefix(20))!
            #expect(try world.restored(from: first, until: first)[name] == bytes, "\(name)")
        }
        if let damaged {
            #expect(try ArchiveManifest(.ticks, world.paths).batches.reduce(0) { $0 + $1.damagedRecords } == damaged)
        }
        world.dropSegments(kept.count)
        let archived = try world.read(ArchivedStream(.ticks, world.paths))
        #expect(archived.records == journaled.records && archived.missing == journaled.missing)
        #expect(try ArchiveCheck(world.paths).damage.isEmpty)
    }

    private func segment(_ index: Int) -> String { "\(world.paths.journal(.ticks))/\(world.segments()[index])" }

    @Test func `damaged records, headers and tails`() throws {
        try world.append(0..<330)
        for slot in [0, 1, 7, 8, 9, 49] { flip(segment(1), at: 64 + 64 * slot + 30) }
        flip(segment(2), at: 3)
        overwrite(segment(3), at: 0, [UInt8](repeating: 0, count: 64))
        // Less than a record, and more.
        overwrite(segment(4), at: 64 + 50 * 64, Array(0..<37))
        overwrite(segment(5), at: 64 + 50 * 64, Array(0..<165))
        try expectAllBack(damaged: 8)
    }

    @Test func `segments that are empty or shorter than a header`() throws {
        try world.append(0..<230)
        truncate(segment(1), 64)
        truncate(segment(2), 20)
        truncate(segment(3), 0)
        try expectAllBack()
    }

    @Test func `nothing but damage`() throws {
        try world.append(0..<120)
        for index in 0...1 { overwrite(segment(index), at: 64, [UInt8](repeating: 0, count: 50 * 64)) }
        try expectAllBack(damaged: 100)
    }

    @Test func `records of positions that another segment holds`() throws {
        try world.append(0..<220)
        let bytes = fileBytes(segment(1))
        // A segment from the midst of the second one, with its records.
        let header = ClosedSegment.header(firstPosition: 81, recordSize: 64)
        TemporaryFolder.overwrite(
            "\(world.paths.journal(.ticks))/\(ClosedSegment.name(firstPosition: 81))", header + bytes[(64 + 30 * 64)...]
        )
        try expectAllBack()
    }

    @Test func `skipped positions`() throws {
        try world.append(0..<70)
        var settings = world.settings()
        for boot in ["a", "b"] {
            settings.bootID = boot
            let writer = try JournalWriter(
                folder: world.paths.journal(.ticks), recordSize: 64, settings: settings, logger: quietLogger())
            for number in 0..<60 {
                if writer.needsFlush { try writer.flush() }
                writer.append(ArchiveWorld.tick(number))
            }
            // Not closed: the next one skips.
            try writer.flush()
        }
        #expect(world.segments().contains { UInt64($0.prefix(20))! > 1 << 32 })
        try expectAllBack(damaged: 0)
    }

    @Test func `names, kinds and times that make no path`() throws {
        let writer = try world.writer(.ticks, segmentRecords: 10)
        for number in 0..<40 {
            if writer.needsFlush { try writer.flush() }
            var bytes = ArchiveWorld.tick(number * 11).bytes
            switch number % 8 {
            case 0: bytes.replaceSubrange(4..<16, with: Array("../../etc/pw".utf8))
            case 1: bytes.replaceSubrange(4..<16, with: Array("eur_usd\0\0\0X\0".utf8))
            case 2: bytes.replaceSubrange(0..<4, with: [0xFF, 0, 0x41, 0x80])
            case 3: bytes.replaceSubrange(24..<32, with: [UInt8](repeating: 0x80, count: 8))
            case 4: bytes.replaceSubrange(24..<32, with: [UInt8](repeating: 0x7F, count: 8))
            case 5: bytes.replaceSubrange(32..<60, with: [UInt8](repeating: 0xFE, count: 28))
            case 6: bytes.replaceSubrange(4..<16, with: [UInt8](repeating: 0, count: 12))
            default: break
            }
            writer.append(bytes.withUnsafeBytes { $0.loadUnaligned(as: TickEnvelope.self) })
        }
        try writer.close()
        try expectAllBack(damaged: 0)
        let folders = try world.files().map { String($0.split(separator: "/")[0]) }
        #expect(Set(folders) == ["feed", "ticks", "manifest"])
    }

    @Test func `more days than files may be open`() throws {
        let writer = try world.writer(.ticks, segmentRecords: 1_300)
        for number in 0..<1_301 {
            if writer.needsFlush { try writer.flush() }
            let time = UTCNanos(rawValue: Int64(number % 650) * 86_400 * UTCNanos.perSecond + Int64(number))
            writer.append(
                TickRecord(
                    ArchiveWorld.pairs[number / 650 % 2], brokerTime: time, receiveTime: time,
                    bid: Price(rawValue: 10), ask: Price(rawValue: 20)))
        }
        try writer.close()
        try expectAllBack(damaged: 0)
        #expect(try world.files("/ticks").count > 1_200)
    }
}
