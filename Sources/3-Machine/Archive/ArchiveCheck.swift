public import Host
public import Wire

/// The condition of an archive: every file by size and checksum, and every segment made again.
public struct ArchiveCheck: Sendable, Encodable {
    /// One file that is not as it was written.
    public struct Damage: Hashable, Sendable, Encodable {
        public let path: String
        /// What is wrong, in a clause.
        public let reason: String
        /// What the file holds.
        public let content: String
    }

    public private(set) var batches = 0
    public private(set) var files = 0
    public private(set) var records = 0
    public private(set) var bytes = 0
    public private(set) var damage: [Damage] = []
    /// Files in the folders of the archive that no manifest names, while no run is at work.
    public private(set) var unnamed: [String] = []

    /// Reads all of it.
    /// - Parameter stream: `nil`: all that are archived.
    /// - Throws: `Failure` (74).
    public init(_ paths: Paths, stream: Stream? = nil) throws {
        for stream in stream.map({ [$0] }) ?? Stream.journaled {
            do {
                let manifest = try ArchiveManifest(stream, paths)
                if manifest.end == .open {
                    damage.append(
                        Damage(
                            path: manifest.path, reason: "the end of its last line is wrong",
                            content: "nothing else: candlewick archive run writes it again"))
                }
                for batch in manifest.batches { try check(batch, stream, paths) }
            } catch let failure as Failure where failure.code == .badData {
                let path = ArchiveManifest.path(stream, paths)
                damage.append(
                    Damage(path: path, reason: "\(failure)", content: "the list of archived \(stream.rawValue)"))
            }
        }
        if stream == nil, damage.isEmpty { unnamed = try ArchiveCheck.unnamed(paths) }
    }

    private mutating func check(_ batch: ArchiveBatch, _ stream: Stream, _ paths: Paths) throws {
        batches += 1
        records += batch.records
        bytes += batch.bytes
        files += batch.paths.count
        let before = damage.count
        for file in batch.files {
            try check(file.path, file.bytes, file.crc32c, paths) { ArchiveCheck.content(of: file, stream) }
        }
        if let stretches = batch.damage {
            try check(stretches.path, stretches.bytes, stretches.crc32c, paths) {
                "damaged parts of segments from position \(batch.firstPosition) to \(batch.lastPosition)"
            }
        }
        guard damage.count == before else { return }
        do {
            try rebuild(batch, stream, paths)
        } catch let failure as Failure where failure.code == .badData {
            // Wrong content under a right checksum.
            damage.append(
                Damage(
                    path: ArchiveManifest.path(stream, paths), reason: "\(failure)",
                    content: "\(stream.rawValue) from position \(batch.firstPosition) to \(batch.lastPosition)"))
        }
    }

    private mutating func check(
        _ path: String, _ bytes: Int, _ crc32c: String, _ paths: Paths, _ content: () -> String
    ) throws {
        do {
            guard let file = try ReadFile("\(paths.archive)/\(path)") else { throw ArchiveDamage("it is missing") }
            try file.expect(bytes: bytes, crc32c: crc32c)
        } catch let problem as ArchiveDamage {
            damage.append(Damage(path: "\(paths.archive)/\(path)", reason: problem.description, content: content()))
        }
    }

    private static func content(of file: ArchiveBatch.File, _ stream: Stream) -> String {
        let what = file.pair.map { "\($0) of \(file.date)" } ?? "\(stream.rawValue) of \(file.date)"
        return "\(file.rows) records: \(what), positions \(file.firstPosition) to \(file.lastPosition)"
    }

    private mutating func rebuild(_ batch: ArchiveBatch, _ stream: Stream, _ paths: Paths) throws {
        let rebuilder = try SegmentRebuilder(batch, stream, in: paths.archive)
        for segment in batch.segments where try !rebuilder.rebuild(segment, { _ in }) {
            damage.append(
                Damage(
                    path: ArchiveManifest.path(stream, paths), reason: "its files do not give the segment again",
                    content: "\(stream.rawValue) from position \(segment.firstPosition) on, \(segment.slots) records"))
        }
    }

    /// The files are listed first and the manifests read last: a run that begins and ends meanwhile names its files.
    private static func unnamed(_ paths: Paths) throws -> [String] {
        let folders = Stream.journaled.map(\.rawValue) + ["feed", "damage"]
        let files = try folders.flatMap { folder in
            try Files.all(below: "\(paths.archive)/\(folder)").map { "\(folder)/\($0)" }
        }
        guard FileLock.owner("\(paths.archive)/run.lock") == nil else { return [] }
        let named = try Set(Stream.journaled.flatMap { try ArchiveManifest($0, paths).batches.flatMap(\.paths) })
        return files.filter { !named.contains($0) }
    }
}
