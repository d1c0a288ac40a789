@testable import Archive
import Glibc
import Host
import MarketData
import Streams
import TestKit
import Testing
import Wire

@Suite struct NarrowingTests {
    let world: ArchiveWorld
    private let begin = UTCNanos(seconds: UTCSeconds(rawValue: ArchiveWorld.start))

    init() throws { world = try ArchiveWorld() }

    private func ticks(_ records: [UInt8]) -> [TickEnvelope] {
        records.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 64).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: TickEnvelope.self)
            }
        }
    }

    @Test(arguments: [0, 3, 6]) func `intervals of each pair give their ticks alone, and open no other file`(
        dropped: Int
    ) throws {
        try world.append(0..<330)
        let all = ticks(try world.journaled().records)
        _ = try Archiver.run(world.paths)
        world.dropSegments(dropped)
        let (eurUSD, gbpJPY) = (ArchiveWorld.pairs[0], ArchiveWorld.pairs[1])
        // The first one lies before midnight, the others behind it.
        let intervals = [
            eurUSD: [begin..<(begin + .seconds(600)), (begin + .seconds(4_000))..<(begin + .seconds(4_500))],
            gbpJPY: [(begin + .seconds(5_000))..<(begin + .seconds(5_200))],
        ]
        for file in try ArchiveManifest(.ticks, world.paths).batches.flatMap(\.files)
        where file.pair == "DE40" || file.pair == "GBP_JPY" && file.date == "2026-11-23" {
            unlink("\(world.paths.archive)/\(file.path)")
        }
        let wanted = all.filter { record in
            record.kind != .tick || intervals[record.pair]?.contains { $0.contains(record.brokerTime) } ?? false
        }
        #expect(wanted.contains { $0.pair == gbpJPY } && wanted.count { $0.kind == .tick } > 20)
        let stream = try ArchivedStream(.ticks, world.paths, narrowing: .init(intervals: intervals))
        let read = try world.read(stream)
        #expect(ticks(read.records).map(\.position) == wanted.map(\.position) && read.missing == 0)
    }

    @Test func `of candles, files without a wanted start are not opened`() throws {
        let writer = try world.writer(.candles)
        for number in 0..<330 {
            if writer.needsFlush { try writer.flush() }
            writer.append(ArchiveWorld.candle(number).envelope)
        }
        try writer.close()
        _ = try Archiver.run(world.paths)
        world.dropSegments(20, .candles)
        for file in try ArchiveManifest(.candles, world.paths).batches.flatMap(\.files) where file.date != "2026-11-24"
        {
            unlink("\(world.paths.archive)/\(file.path)")
        }
        let times = (begin + .seconds(7_200))..<(begin + .seconds(7_201))
        let stream = try ArchivedStream(.candles, world.paths, narrowing: .init(times: times))
        var starts: [UTCNanos] = []
        while try stream.read(CandleEnvelope.self, { starts.append($0.start) }) > 0 {}
        #expect(starts.contains(times.lowerBound) && starts.count < 330)
    }

    @Test func `what comes out of the archive is not the end, what comes out of the journal may be`() throws {
        try world.append(0..<330)
        _ = try Archiver.run(world.paths)
        world.dropSegments(6)
        let stream = try ArchivedStream(.ticks, world.paths)
        var ends: [Bool] = []
        while try stream.readBytes({ _ in }) > 0 { ends.append(try !stream.hasMore()) }
        #expect(ends.count > 1 && ends.dropLast().allSatisfy { !$0 } && ends.last == true)
    }
}
