internal import Host
internal import Streams
internal import Wire

/// A batch on its way into the archive: `archive/.staging/<stream>-<first position>/`, with the paths that its files will
/// have, and `batch.json`, its line of the manifest, as soon as it is written.
struct Staging {
    private let stream: Stream
    private let paths: Paths
    private let firstPosition: UInt64
    private let folder: String
    private let passed: () throws -> Void

    private static let intent = "batch.json"

    private static func folder(_ paths: Paths) -> String { "\(paths.archive)/.staging" }

    init(_ stream: Stream, _ paths: Paths, firstPosition: UInt64, passed: @escaping () throws -> Void) {
        (self.stream, self.paths, self.firstPosition, self.passed) = (stream, paths, firstPosition, passed)
        folder = "\(Staging.folder(paths))/\(stream.rawValue)-\(positionDigits(firstPosition))"
    }

    /// Takes back what a run left that ended before its commit, and removes its folder. Files that the manifest names stay,
    /// and so do those that no run of ours put there.
    static func removeLeftovers(of stream: Stream, _ paths: Paths, committed manifest: ArchiveManifest) throws {
        let staging = Staging.folder(paths)
        for name in try Files.names(in: staging) where name.hasPrefix("\(stream.rawValue)-") {
            let folder = "\(staging)/\(name)"
            if let batch = try batch(in: folder), manifest.batches.last?.firstPosition ?? 0 < batch.firstPosition {
                // What is still in the folder was not moved yet.
                for path in batch.paths where !Files.exists("\(folder)/\(path)") {
                    let target = "\(paths.archive)/\(path)"
                    try Files.remove(target)
                    try Files.sync(parentFolder(of: target))
                }
            }
            try Files.removeFolder(folder)
        }
    }

    private static func batch(in folder: String) throws -> ArchiveBatch? {
        guard let file = try ReadFile("\(folder)/\(intent)") else { return nil }
        let line = try file.bytes(0..<file.byteCount)
        // Torn: nothing was moved yet.
        guard line.last == UInt8(ascii: "\n") else { return nil }
        return try? ArchiveManifest.batch(line.dropLast())
    }

    /// Writes the files of the batch, and what it will be.
    /// - Parameter last: the last position that the archive has.
    func write(_ segments: [ClosedSegment], after last: UInt64) throws -> ArchiveBatch {
        try makeFolder(folder)
        let parts = PartWriters(stream, in: folder)
        let damage = DamageWriter(path: DamageWriter.path(stream, firstPosition: firstPosition), in: folder)
        var taken = last
        var written: [ArchiveBatch.Segment] = []
        for segment in segments {
            let first = segment.firstPosition
            let found = try SegmentScan(segment: segment).read(after: taken) { part, bytes, offset in
                switch part {
                case .record:
                    try parts.append(bytes)
                    taken = RecordBytes.position(bytes)
                case .bytes: try damage.append(bytes, segment: first, offset: offset)
                }
            }
            written.append(found)
            try passed()
        }
        let files = try parts.finish()
        let batch = ArchiveBatch(
            format: RecordLayout.format, stream: stream.rawValue, firstPosition: firstPosition, lastPosition: taken,
            records: files.reduce(0) { $0 + $1.rows }, firstTime: files.map(\.firstTime).filter { $0 > 0 }.min() ?? 0,
            lastTime: files.map(\.lastTime).max() ?? 0, segments: written, files: files, damage: try damage.finish())
        for path in batch.paths { try Files.sync("\(folder)/\(path)") }
        try passed()
        try Files.append(try ArchiveManifest.line(batch), to: "\(folder)/\(Staging.intent)", durably: true)
        try Files.sync(folder)
        try Files.sync(Staging.folder(paths))
        return batch
    }

    /// Reads the files back, as a restore does.
    /// - Throws: `Failure` (65) if they do not give the segments again, byte for byte.
    func compare(_ batch: ArchiveBatch, with segments: [ClosedSegment]) throws {
        try passed()
        let rebuilder = try SegmentRebuilder(batch, stream, in: folder)
        for (archived, segment) in zip(batch.segments, segments) {
            guard let file = try ReadFile(segment.path) else {
                throw Failure(.temporary, "\(segment.path) was dropped while it was being archived: run it again")
            }
            var offset = 0
            var isEqual = file.byteCount == archived.bytes
            let isWhole = try rebuilder.rebuild(archived) { part in
                isEqual = try isEqual && file.bytes(offset..<(offset + part.count)).elementsEqual(part)
                offset += part.count
            }
            guard isEqual, isWhole else {
                throw Failure(.badData, "\(segment.path) was archived and read back, and differs: it stays as it is")
            }
        }
    }

    /// Moves the files to their places.
    func place(_ batch: ArchiveBatch) throws {
        var folders: Set<String> = [paths.archive]
        for path in batch.paths {
            try passed()
            let target = "\(paths.archive)/\(path)"
            guard !Files.exists(target) else {
                throw Failure(
                    .badData, "\(target) is there, and no manifest names it: move it elsewhere, then run again")
            }
            var folder = parentFolder(of: target)
            try makeFolder(folder)
            while folders.insert(folder).inserted { folder = parentFolder(of: folder) }
            try Files.rename("\(self.folder)/\(path)", to: target)
        }
        try passed()
        for folder in folders.sorted(by: >) { try Files.sync(folder) }
        try passed()
    }

    func remove() throws { try Files.removeFolder(folder) }
}
