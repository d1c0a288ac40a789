public import Host
public import MarketData
internal import Streams
internal import Wire

/// Moves the closed segments of a stream into the archive, batch by batch.
///
/// A batch is written into a folder of its own, read back and compared with the segments byte for byte, moved to its
/// places, and committed by a line of the manifest. Whenever the process ends before that line is on the disk, the next run
/// takes the batch back and makes it again. Only then retention may drop the segments. Source: docs/archive.md.
///
/// - Note: One thread only; one process a collector, by a lock.
public final class Archiver {
    /// What one run moved.
    public struct Run: Hashable, Sendable, Encodable {
        public let stream: String
        public fileprivate(set) var batches = 0
        public fileprivate(set) var segments = 0
        public fileprivate(set) var records = 0
        /// Of the segments, and of the files that hold them now.
        public fileprivate(set) var journalBytes = 0
        public fileprivate(set) var bytes = 0
        public fileprivate(set) var files = 0
    }

    private let stream: Stream
    private let paths: Paths
    private let mark: ConsumerMark
    private let passed: () throws -> Void

    /// More records than a busy day has.
    private static var recordsMax: Int { 1 << 25 }
    private static var spanMax: Int64 { 86_400 * UTCNanos.perSecond }

    /// - Parameter passed: called at each moment at which the process may end.
    init(_ stream: Stream, _ paths: Paths, passed: @escaping () throws -> Void = {}) {
        (self.stream, self.paths, self.passed) = (stream, paths, passed)
        mark = ConsumerMark(folder: paths.journal(stream), consumer: .archiver)
    }

    /// Archives all streams of a collector; one that fails stops no other.
    /// - Parameter now: leaves streams alone whose oldest segment is younger than a day, so that files hold whole days;
    ///   `nil`: takes every closed segment.
    /// - Returns: what was moved, of each stream that has a journal.
    /// - Throws: `Failure` (75) if another process is at it, (77) if the journals are another user's, (65) if manifest or
    ///   journal do not belong together or are damaged, (74); `JournalError`.
    public static func run(_ paths: Paths, dueAt now: UTCNanos? = nil) throws -> [Run] {
        let streams = try Stream.journaled.filter { try JournalTail.exists(folder: paths.journal($0)) }
        guard !streams.isEmpty else { return [] }
        try expectOwner(of: paths.collectorState, "archive it")
        try makeFolder(paths.archive)
        try Files.sync(parentFolder(of: paths.archive))
        let lock = try FileLock(path: "\(paths.archive)/run.lock")
        return try withExtendedLifetime(lock) {
            try streams.mapTryingAll { try Archiver($0, paths).run(dueAt: now) }
        }
    }

    func run(dueAt now: UTCNanos? = nil) throws -> Run {
        var run = Run(stream: stream.rawValue)
        let manifest = try prepare()
        var last = manifest.batches.last
        let archived = last?.segments.last?.firstPosition ?? 0
        var waiting = try ClosedSegment.all(in: paths.journal(stream), recordSize: stream.recordSize)
            .filter { $0.firstPosition > archived }
        if let now, let oldest = waiting.first, try !isDue(oldest, now) { return run }
        while !waiting.isEmpty {
            let segments = Array(waiting.prefix(try batchSize(waiting)))
            waiting.removeFirst(segments.count)
            let batch = try archive(segments, after: last?.lastPosition ?? 0)
            run.add(batch)
            last = batch
        }
        return run
    }

    /// What must hold before a batch is begun.
    private func prepare() throws -> ArchiveManifest {
        let manifest = try ArchiveManifest(stream, paths)
        try expectAllLines(manifest)
        try expectSameJournal(manifest)
        try manifest.sync()
        let oldest = try JournalTail.oldestPosition(recordSize: stream.recordSize, folder: paths.journal(stream))
        let position = manifest.batches.isEmpty ? (oldest ?? 1) - 1 : manifest.lastPosition
        // From the first run on retention waits.
        try mark.note(position)
        try passed()
        try manifest.mend()
        try passed()
        try Staging.removeLeftovers(of: stream, paths, committed: manifest)
        return manifest
    }

    /// What lies before the archive's end and is not in it is never taken: until someone decides, retention waits.
    private func expectSameJournal(_ manifest: ArchiveManifest) throws {
        guard let end = manifest.batches.last?.segments.last?.firstPosition else { return }
        let last = try JournalTail.lastPosition(of: stream, folder: paths.journal(stream))
        let named = Set(manifest.batches.flatMap(\.segments).map(\.firstPosition))
        let unknown = try ClosedSegment.all(in: paths.journal(stream), recordSize: stream.recordSize)
            .first { $0.firstPosition <= end && !named.contains($0.firstPosition) }
        guard last < manifest.lastPosition || unknown != nil else { return }
        try mark.note(unknown.map { $0.firstPosition - 1 } ?? 0)
        let reason =
            unknown.map { "\($0.path) lies before the end of the archive, which does not have it" }
                ?? """
                the journal in \(paths.journal(stream)) ends at position \(last), but its archive at \(manifest.lastPosition): \
                they do not belong together
                """
        throw Failure(
            .badData,
            """
            \(reason). Nothing is archived, and retention waits. If the journal began anew, rename \(paths.archive); \
            otherwise move the segments elsewhere that the archive does not have
            """)
    }

    /// The mark is moved after the manifest alone: if it is ahead, lines were lost.
    private func expectAllLines(_ manifest: ArchiveManifest) throws {
        let taken = try ConsumerMark.position(of: .archiver, in: paths.journal(stream)) ?? 0
        guard manifest.batches.isEmpty || taken <= manifest.lastPosition else {
            throw Failure(
                .badData,
                """
                \(manifest.path) ends at position \(manifest.lastPosition), but \(taken) was archived: bring back the lines \
                that it lacks, or remove \(paths.journal(stream))/archiver.taken to archive again what the journal still has
                """)
        }
    }

    /// A segment of a stream whose time is wrong is due too.
    private func isDue(_ segment: ClosedSegment, _ now: UTCNanos) throws -> Bool {
        guard let time = try segment.firstTime() else { return true }
        return now.rawValue.subtractingReportingOverflow(time).partialValue.magnitude >= UInt64(Self.spanMax)
    }

    /// How many segments a batch takes: those of a day, but no more records than `recordsMax`.
    private func batchSize(_ waiting: [ClosedSegment]) throws -> Int {
        let begin = try waiting[0].firstTime()
        var records = 0
        for (index, segment) in waiting.enumerated() {
            records += Int(DiskUsage.size(ofFile: segment.path)) / stream.recordSize
            guard index > 0 else { continue }
            if records > Self.recordsMax { return index }
            if let begin, let time = try segment.firstTime(), time &- begin >= Self.spanMax { return index }
        }
        return waiting.count
    }

    private func archive(_ segments: [ClosedSegment], after last: UInt64) throws -> ArchiveBatch {
        try expectRoom(for: segments)
        let staging = Staging(stream, paths, firstPosition: segments[0].firstPosition, passed: passed)
        let batch: ArchiveBatch
        do {
            batch = try staging.write(segments, after: last)
            try staging.compare(batch, with: segments)
        } catch let failure as Failure {
            // A disk that is full shall not stay full.
            try? staging.remove()
            throw failure
        }
        try staging.place(batch)
        try commit(batch)
        try passed()
        try mark.note(batch.lastPosition)
        try passed()
        try staging.remove()
        return batch
    }

    /// The stages need the disk more than the archive does. Its files take an eighth of the segments, in the worst case a
    /// quarter.
    private func expectRoom(for segments: [ClosedSegment]) throws {
        let needed = segments.reduce(0) { $0 + DiskUsage.size(ofFile: $1.path) } / 4
        guard let free = DiskUsage.free(at: paths.archive), free < needed else { return }
        throw Failure(
            .io,
            """
            \(free >> 20) MiB are free on the disk of \(paths.archive), the next batch may need \(needed >> 20) MiB: \
            nothing is archived until there is room
            """)
    }

    private func commit(_ batch: ArchiveBatch) throws {
        let path = ArchiveManifest.path(stream, paths)
        try makeFolder(parentFolder(of: path))
        let isNew = !Files.exists(path)
        try Files.append(try ArchiveManifest.line(batch), to: path, durably: true)
        guard isNew else { return }
        try Files.sync(parentFolder(of: path))
        try Files.sync(paths.archive)
    }
}

extension Archiver.Run {
    fileprivate mutating func add(_ batch: ArchiveBatch) {
        batches += 1
        segments += batch.segments.count
        records += batch.records
        journalBytes += batch.segments.reduce(0) { $0 + $1.bytes }
        bytes += batch.bytes
        files += batch.paths.count
    }
}

@available(*, unavailable)
extension Archiver: Sendable {}
