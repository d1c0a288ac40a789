@testable import Archive
import Glibc
import Host
import MarketData
import TestKit
import Testing
import Wire

/// Readers of an archive of which a part is damaged.
@Suite(.timeLimit(.minutes(1))) struct DamagedArchiveTests {
    private let world: ArchiveWorld
    private let pair = ArchiveWorld.pairs[1]

    init() throws { world = try ArchiveWorld() }

    private var narrowed: ArchivedStream.Narrowing { .init(pairs: [pair]) }

    private func positions(_ records: [UInt8]) -> [UInt64] {
        records.withUnsafeBytes { bytes in
            stride(from: 16, to: bytes.count, by: 64).map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self) }
        }
    }

    /// Of the pair's ticks, and of the records that are no ticks.
    private func wanted(_ records: [UInt8]) -> [UInt64] {
        records.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 64).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: TickEnvelope.self)
            }
        }.filter { $0.kind != .tick || $0.pair == pair }.map(\.position)
    }

    /// Damages a file of the pair.
    /// - Returns: its path in the archive.
    private func damage(batch: Int) throws -> String {
        let file = try ArchiveManifest(.ticks, world.paths).batches[batch].files.first { $0.pair == "GBP_JPY" }!
        flip("\(world.paths.archive)/\(file.path)", at: 100)
        return file.path
    }

    @Test(arguments: [0, 1]) func `a narrowed stream turns to the journal, if that has the position`(
        batch: Int
    ) throws {
        try world.append(0..<180)
        _ = try world.archiver().run()
        try world.append(180..<430)
        _ = try world.archiver().run()
        #expect(try ArchiveManifest(.ticks, world.paths).batches.count == 2)
        let all = wanted(try world.journaled().records)
        let path = try damage(batch: batch)
        let whole = try world.read(ArchivedStream(.ticks, world.paths, narrowing: narrowed))
        #expect(positions(whole.records) == all && whole.missing == 0)
        world.dropSegments(1)
        let from51 = try world.read(ArchivedStream(.ticks, world.paths, from: 51, narrowing: narrowed))
        #expect(positions(from51.records) == all.filter { $0 > 50 } && from51.missing == 0)
        world.dropSegments(20)
        let failure = #expect(throws: Failure.self) {
            try world.read(ArchivedStream(.ticks, world.paths, narrowing: narrowed))
        }
        #expect(failure?.code == .badData && failure?.description.contains(path) == true)
    }

    @Test(arguments: [false, true]) func `what is damaged in the journal too is missing`(isNarrowed: Bool) throws {
        try world.append(0..<330)
        // Position 58.
        flip("\(world.paths.journal(.ticks))/\(world.segments()[1])", at: 64 + 64 * 7 + 30)
        let journaled = try world.journaled()
        #expect(journaled.missing == 1)
        _ = try world.archiver().run()
        _ = try damage(batch: 0)
        let stream = try ArchivedStream(.ticks, world.paths, narrowing: isNarrowed ? narrowed : nil)
        let read = try world.read(stream)
        let expected = isNarrowed ? wanted(journaled.records) : positions(journaled.records)
        #expect(positions(read.records) == expected && read.missing == 1)
    }

    @Test func `a failure of the one who takes the records is no damage of the archive`() throws {
        try world.append(0..<330)
        _ = try world.archiver().run()
        let stream = try ArchivedStream(.ticks, world.paths, narrowing: narrowed)
        var turns = 0
        let failure = #expect(throws: Failure.self) {
            _ = try stream.readBytes { _ in
                turns += 1
                throw Failure(.badData, "of the taker")
            }
        }
        #expect(failure?.description.contains("of the taker") == true && turns == 1)
    }

    @Test func `a torn line of the manifest is read once, not at each turn`() throws {
        try world.append(0..<120)
        _ = try world.archiver().run()
        let stream = try ArchivedStream(.ticks, world.paths)
        #expect(positions(try world.read(stream).records) == Array(1...120))
        let manifest = ArchiveManifest.path(.ticks, world.paths)
        try Files.append(Array("{\"files\":".utf8), to: manifest)
        #expect(try stream.readBytes({ _ in }) == 0)
        // It would be named if the manifest were read again.
        flip(manifest, at: 40)
        #expect(try stream.readBytes({ _ in }) == 0)
        flip(manifest, at: 40)
        try world.append(120..<330)
        _ = try world.archiver().run()
        world.dropSegments(6)
        let rest = try world.read(stream)
        #expect(positions(rest.records) == Array(121...330) && rest.missing == 0)
    }
}
