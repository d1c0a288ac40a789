@testable import Archive
import Glibc
import Host
import MarketData
import TestKit
import Testing
import Wire

/// A batch that is not in the order of time.
@Suite struct LaterRowGroupTests {
    private let folder = TemporaryFolder()
    private let days = 200
    /// Of a row group.
    private let rows = 20

    private func record(at position: Int) -> [UInt8] {
        let time = UTCNanos(rawValue: Int64(position) * UTCNanos.perSecond)
        var tick = TickEnvelope.tick(
            ArchiveWorld.pairs[0], brokerTime: time, receiveTime: time + .milliseconds(3),
            bid: Price(rawValue: 1_100_000_000 + Int64(position % 13) * 10_000), ask: Price(rawValue: 1_100_200_000),
            flags: [])
        tick.seal(position: UInt64(position))
        return tick.bytes
    }

    /// Two series, one behind the other, each over all days: the file of a day has a row group of either.
    private func write() throws -> ArchiveBatch {
        let seriesRecords = days * rows
        let files = try (0..<days).map { day in
            let place = PartPlace(.ticks, pair: ArchiveWorld.pairs[0], day: Int64(20_000 + day))
            let first = day * rows + 1
            let path = place.path(firstPosition: UInt64(first))
            try makeFolder(parentFolder(of: "\(folder.path)/\(path)"))
            let part = PartWriter(place.layout, path: path, in: folder.path)
            for begin in [first, first + seriesRecords] {
                for position in begin..<(begin + rows) { record(at: position).withUnsafeBytes { part.append($0) } }
                try part.flush()
            }
            return try part.finish()
        }
        return ArchiveBatch(
            format: RecordLayout.format, stream: "ticks", firstPosition: 1, lastPosition: UInt64(2 * seriesRecords),
            records: 2 * seriesRecords, firstTime: 0, lastTime: 0, segments: [], files: files, damage: nil)
    }

    /// Those of the folder.
    private func openFiles() -> Int {
        folderNames("/proc/self/fd").count { name in
            var target = [CChar](repeating: 0, count: 4_096)
            let count = readlink("/proc/self/fd/\(name)", &target, target.count)
            let path = String(decoding: target.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
            return path.hasPrefix(folder.path)
        }
    }

    @Test func `records that come much later are neither kept in memory nor is their file open`() throws {
        let batch = try write()
        for begin in [1, UInt64(days * rows / 2 + 7)] {
            let reader = BatchReader(batch, .ticks, in: folder.path, from: begin)
            var next = begin
            while next <= batch.lastPosition {
                let window = next..<min(next + 90, batch.lastPosition + 1)
                var presence = [Bool](repeating: false, count: window.count)
                var slots = [UInt8](repeating: 0, count: window.count * 64)
                try slots.withUnsafeMutableBytes { try reader.fill(window, $0, &presence) }
                #expect(slots == window.flatMap { record(at: Int($0)) }, "\(window)")
                #expect(presence.allSatisfy { $0 })
                #expect(reader.current.reduce(0) { $0 + $1.records.count } <= rows * 64)
                #expect(openFiles() == 0)
                next = window.upperBound
            }
        }
    }

    @Test func `runs of it are whole, from any position on`() throws {
        let batch = try write()
        for begin in [1, 3_999, 4_000, 4_001, 7_999] as [UInt64] {
            let runs = BatchRuns(batch, .ticks, in: folder.path, from: begin, nil, records: 128)
            var records: [UInt8] = []
            while let run = try runs.next() { records += run }
            #expect(records == (begin...batch.lastPosition).flatMap { record(at: Int($0)) }, "from \(begin)")
        }
    }
}
