@testable import Archive
import Glibc
import Host
import MarketData
import Streams
import TestKit
import Testing
import Wire

@Suite struct ArchivedStreamTests {
    let world: ArchiveWorld

    init() throws { world = try ArchiveWorld() }

    private func positions(_ records: [UInt8]) -> [UInt64] {
        records.withUnsafeBytes { bytes in
            stride(from: 16, to: bytes.count, by: 64).map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self) }
        }
    }

    @Test func `archive and journal are one stream, whatever the journal still has`() throws {
        try world.append(0..<330)
        let whole = try world.journaled().records
        _ = try world.archiver().run()
        for _ in 0...6 {
            #expect(try world.read(ArchivedStream(.ticks, world.paths)).records == whole)
            for position in [1, 2, 50, 51, 299, 300, 301, 330, 331] as [UInt64] {
                let read = try world.read(ArchivedStream(.ticks, world.paths, from: position))
                #expect(
                    read.records == Array(whole[(Int(position - 1) * 64)...]) && read.missing == 0, "from \(position)")
            }
            world.dropSegments(1)
        }
        #expect(world.segments().isEmpty)
        #expect(try world.read(ArchivedStream(.ticks, world.paths)).records == Array(whole[..<(300 * 64)]))
        #expect(try ArchivedStream.exists(.ticks, world.paths) && !ArchivedStream.exists(.candles, world.paths))
    }

    @Test func `segments may be archived and dropped while they are read`() throws {
        try world.append(0..<430)
        let whole = try world.journaled().records
        for reads in 0..<9 {
            let world = try ArchiveWorld()
            try world.append(0..<430)
            let stream = try ArchivedStream(.ticks, world.paths)
            var records: [UInt8] = []
            for _ in 0..<reads { _ = try stream.readBytes { records += $0 } }
            _ = try world.archiver().run()
            world.dropSegments(8)
            while try stream.readBytes({ records += $0 }) > 0 {}
            #expect(records == whole && stream.missingPositions == 0, "after \(reads) reads")
        }
    }

    @Test func `what neither has is missing, once`() throws {
        try world.append(0..<430)
        world.dropSegments(2)
        _ = try world.archiver().run()
        let from1 = try world.read(ArchivedStream(.ticks, world.paths, from: 1))
        #expect(from1.missing == 100 && positions(from1.records) == Array(101...430))
        // Dropped by size before it was archived.
        try world.append(430..<630)
        world.dropSegments(8)
        _ = try world.archiver().run()
        world.dropSegments(20)
        let stream = try ArchivedStream(.ticks, world.paths)
        #expect(stream.nextPosition == 101)
        let read = try world.read(stream)
        #expect(positions(read.records) == Array(101...400) + Array(501...600) && read.missing == 100)
    }

    @Test func `a new record comes after the journal's end`() throws {
        try world.append(0..<120)
        _ = try world.archiver().run()
        world.dropSegments(2)
        let stream = try ArchivedStream(.ticks, world.paths)
        #expect(positions(try world.read(stream).records) == Array(1...120))
        #expect(stream.nextPosition == 121)
        try world.append(120..<121)
        #expect(positions(try world.read(stream).records) == [121])
        stream.skip(to: 200)
        #expect(stream.nextPosition == 200)
    }

    @Test func `skipping leads from the archive into the journal`() throws {
        try world.append(0..<330)
        _ = try world.archiver().run()
        world.dropSegments(4)
        for (read, position) in [(false, 30), (false, 280), (true, 310)] as [(Bool, UInt64)] {
            let stream = try ArchivedStream(.ticks, world.paths)
            if read { _ = try stream.readBytes { _ in } }
            stream.skip(to: position)
            #expect(positions(try world.read(stream).records) == Array(position...330))
        }
    }

    @Test(arguments: [0, 3, 6]) func `a narrowed stream has the ticks of its pairs and times, and all else`(
        dropped: Int
    ) throws {
        try world.append(0..<330)
        let all = try world.journaled().records.withUnsafeBytes { Array($0.bindMemory(to: TickEnvelope.self)) }
        _ = try world.archiver().run()
        world.dropSegments(dropped)
        let begin = UTCNanos(seconds: UTCSeconds(rawValue: ArchiveWorld.start))
        for pairs in [nil, Set([ArchiveWorld.pairs[0]]), Set(ArchiveWorld.pairs[1...]), []] {
            for times in [nil, begin..<(begin + .seconds(900)), (begin + .seconds(3_000))..<(begin + .seconds(5_000))] {
                let narrowing = ArchivedStream.Narrowing(pairs: pairs, times: times)
                let stream = try ArchivedStream(.ticks, world.paths, from: 21, narrowing: narrowing)
                let wanted = all.filter {
                    $0.position > 20
                        && ($0.kind != .tick
                            || pairs?.contains($0.pair) ?? true && times?.contains($0.brokerTime) ?? true)
                }
                let read = try world.read(stream)
                #expect(positions(read.records) == wanted.map(\.position) && read.missing == 0)
            }
        }
    }

    @Test func `a narrowed stream opens no file of another pair, and no batch of another time`() throws {
        try world.append(0..<330)
        _ = try world.archiver().run()
        world.dropSegments(6)
        for path in try world.files("/ticks") where !path.contains("DE40") { unlink("\(world.paths.archive)/\(path)") }
        let narrowing = ArchivedStream.Narrowing(pairs: [Pair("DE40")!])
        #expect(try !world.read(ArchivedStream(.ticks, world.paths, narrowing: narrowing)).records.isEmpty)
        let later = UTCNanos(seconds: UTCSeconds(rawValue: ArchiveWorld.start + 86_400 * 3))
        for path in try world.files("/feed") { unlink("\(world.paths.archive)/\(path)") }
        let times = ArchivedStream.Narrowing(times: later..<(later + .seconds(60)))
        let read = try world.read(ArchivedStream(.ticks, world.paths, narrowing: times))
        #expect(positions(read.records).allSatisfy { $0 > 300 } && read.missing == 0)
    }

    @Test func `the position of a moment lies before its records`() throws {
        try world.append(0..<230)
        let all = try world.journaled().records.withUnsafeBytes { Array($0.bindMemory(to: TickEnvelope.self)) }
        for dropped in [0, 2] {
            for number in [0, 60, 149, 229] {
                let time = all[number].brokerTime
                let position = try #require(try ArchivedStream.position(of: .ticks, world.paths, at: time))
                #expect(
                    position <= UInt64(number + 1) && position + 200 > UInt64(number),
                    "\(number), \(dropped) dropped")
            }
            _ = try world.archiver().run()
            world.dropSegments(dropped)
            try world.append(230..<231)
        }
    }

    @Test func `a damaged file is named, and the journal is used as long as it is there`() throws {
        try world.append(0..<330)
        let whole = try world.journaled().records
        _ = try world.archiver().run()
        let path = try world.files("/ticks").first { $0.contains("GBP_JPY") }!
        flip("\(world.paths.archive)/\(path)", at: 100)
        #expect(try world.read(ArchivedStream(.ticks, world.paths)).records == whole)
        world.dropSegments(6)
        let failure = #expect(throws: Failure.self) { try world.read(ArchivedStream(.ticks, world.paths)) }
        #expect(failure?.code == .badData && failure?.description.contains(path) == true)
        unlink("\(world.paths.archive)/\(path)")
        let missing = #expect(throws: Failure.self) { try world.read(ArchivedStream(.ticks, world.paths)) }
        #expect(missing?.description.contains("\(path) is damaged: it is missing") == true)
    }
}
