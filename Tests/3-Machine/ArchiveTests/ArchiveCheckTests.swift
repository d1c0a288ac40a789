@testable import Archive
import Glibc
import Host
import MarketData
import TestKit
import Testing
import Wire

@Suite struct ArchiveCheckTests {
    let world: ArchiveWorld

    init() throws { world = try ArchiveWorld() }

    @Test func `a sound archive has no finding`() throws {
        try world.append(0..<330)
        _ = try Archiver.run(world.paths)
        let check = try ArchiveCheck(world.paths)
        #expect(check.damage.isEmpty && check.unnamed.isEmpty && check.records == 300 && check.batches == 1)
        #expect(try check.files == world.files().count { $0.hasSuffix(".parquet") })
    }

    @Test func `a flipped bit is named with what the file holds, and nothing is deleted on its account`() throws {
        try world.append(0..<330)
        flip("\(world.paths.journal(.ticks))/\(world.segments()[1])", at: 640)
        _ = try Archiver.run(world.paths)
        try world.append(330..<530)
        let files = try world.files()
        for path in files where path.hasSuffix(".parquet") || path.hasSuffix(".bytes") || path.hasSuffix(".jsonl") {
            let place = "\(world.paths.archive)/\(path)"
            let size = fileBytes(place).count
            for offset in [0, size / 3, size - 1] {
                flip(place, at: offset)
                let check = try ArchiveCheck(world.paths)
                #expect(check.damage.count == 1 && check.damage.first?.path == place, "\(path) at \(offset)")
                flip(place, at: offset)
            }
            flip(place, at: size / 2)
            #expect(throws: Failure.self) { try world.restored() }
            // A run goes on behind it; only the manifest stops it.
            if !path.hasSuffix(".jsonl") { _ = try Archiver.run(world.paths) }
            #expect(Set(files).isSubset(of: try world.files()))
            flip(place, at: size / 2)
        }
        #expect(try ArchiveCheck(world.paths).damage.isEmpty)
    }

    @Test func `the finding says pair, day and positions`() throws {
        try world.append(0..<330)
        _ = try Archiver.run(world.paths)
        let path = try world.files("/ticks").first { $0.contains("2026-11-24/pair=GBP_JPY") }!
        let file = try ArchiveManifest(.ticks, world.paths).batches[0].files.first { $0.path == path }!
        unlink("\(world.paths.archive)/\(path)")
        let damage = try ArchiveCheck(world.paths).damage
        #expect(damage.map(\.reason) == ["it is missing"])
        #expect(
            damage.first?.content
                == "\(file.rows) records: GBP_JPY of 2026-11-24, positions \(file.firstPosition) to \(file.lastPosition)"
        )
    }

    @Test func `wrong content under a right checksum is a finding, and the other batches are checked`() throws {
        try world.append(0..<180)
        _ = try Archiver.run(world.paths)
        try world.append(180..<430)
        _ = try Archiver.run(world.paths)
        let manifest = try ArchiveManifest(.ticks, world.paths)
        let file = manifest.batches[0].files[0]
        let content = Array("this is no Parquet file".utf8)
        TemporaryFolder.overwrite("\(world.paths.archive)/\(file.path)", content)
        let lines = try manifest.batches.flatMap { try ArchiveManifest.line($0.replacing(file, by: content)) }
        TemporaryFolder.overwrite(manifest.path, lines)
        let later = manifest.batches[1].files[0].path
        unlink("\(world.paths.archive)/\(later)")
        let check = try ArchiveCheck(world.paths)
        #expect(check.batches == 2 && check.damage.count == 2)
        #expect(check.damage.first?.path == manifest.path && check.damage.first?.reason.contains(file.path) == true)
        #expect(check.damage.last?.path == "\(world.paths.archive)/\(later)")
    }

    @Test func `files that no manifest names are listed`() throws {
        try world.append(0..<120)
        _ = try Archiver.run(world.paths)
        let path = "ticks/date=2026-11-23/pair=DE40/part-00000000000000000007.parquet"
        TemporaryFolder.overwrite("\(world.paths.archive)/\(path)", [1])
        let check = try ArchiveCheck(world.paths)
        #expect(check.damage.isEmpty && check.unnamed == [path])
    }

    @Test func `a restore overwrites nothing and makes no damaged segment`() throws {
        try world.append(0..<330)
        _ = try Archiver.run(world.paths)
        let target = TemporaryFolder()
        let range: ClosedRange<UInt64> = 60...140
        #expect(try ArchiveRestore.restore(.ticks, world.paths, positions: range, into: target.path).count == 2)
        let failure = #expect(throws: Failure.self) {
            try ArchiveRestore.restore(.ticks, world.paths, positions: range, into: target.path)
        }
        #expect(failure?.code == .usage)
        #expect(folderNames(target.path) == Array(world.segments()[1...2]))
        let absent = #expect(throws: Failure.self) {
            try ArchiveRestore.restore(.ticks, world.paths, positions: 5_000...6_000, into: target.path)
        }
        #expect(absent?.code == .unavailable)
        let path = try world.files("/feed").last!
        flip("\(world.paths.archive)/\(path)", at: 40)
        let other = TemporaryFolder()
        #expect(throws: Failure.self) {
            try ArchiveRestore.restore(.ticks, world.paths, positions: 1...300, into: other.path)
        }
        for name in folderNames(other.path) {
            #expect(fileBytes("\(other.path)/\(name)") == fileBytes("\(world.paths.journal(.ticks))/\(name)"))
        }
    }
}

extension ArchiveBatch {
    /// With other content of a file, under its right size and checksum.
    fileprivate func replacing(_ file: File, by content: [UInt8]) -> ArchiveBatch {
        let other = File(
            path: file.path, rows: file.rows, firstPosition: file.firstPosition, lastPosition: file.lastPosition,
            firstTime: file.firstTime, lastTime: file.lastTime, bytes: content.count,
            crc32c: hexadecimal(content.withUnsafeBytes { checksum(of: $0) }))
        return ArchiveBatch(
            format: format, stream: stream, firstPosition: firstPosition, lastPosition: lastPosition, records: records,
            firstTime: firstTime, lastTime: lastTime, segments: segments,
            files: files.map { $0 == file ? other : $0 }, damage: damage)
    }
}
