public import Host
public import MarketData
public import Streams
public import Wire

/// A stream from its oldest record on, out of the journal as far as that reaches back, before that out of the archive,
/// without a seam: every position once, in order. Retention may drop segments meanwhile if they are archived.
///
/// - Note: One thread only.
public final class ArchivedStream: JournalSource {
    public let recordSize: Int
    /// The position that is read next.
    public private(set) var nextPosition: UInt64
    /// Positions that neither journal nor archive has.
    public private(set) var missingPositions: UInt64 = 0

    private let stream: Stream
    private let paths: Paths
    private let narrowing: Narrowing?
    private var manifest: ArchiveManifest
    /// In bytes, when it was last read, with what may follow its whole lines.
    private var manifestSize: Int
    private var source: Source?
    /// The first position of the batch that was last left for the journal because a file of it is damaged.
    private var damagedBatch: UInt64?
    private var kept: [UInt8] = []

    private enum Source {
        case journal(JournalReader)
        /// `missing`: positions of the batch that were counted when it was opened.
        case archive(BatchRuns, missing: UInt64)
    }

    /// - Parameters:
    ///   - position: the first that is wanted; `nil`: the oldest that archive or journal has.
    ///   - narrowing: positions that are left out because of it are not missing.
    /// - Throws: `JournalError`; `Failure` (65) if the manifest is damaged.
    public init(
        _ stream: Stream, _ paths: Paths, from position: UInt64? = nil, narrowing: Narrowing? = nil
    ) throws {
        (self.stream, self.paths, self.narrowing, recordSize) = (stream, paths, narrowing, stream.recordSize)
        manifestSize = try ArchivedStream.size(of: ArchiveManifest.path(stream, paths))
        manifest = try ArchiveManifest(stream, paths)
        let journal = try JournalTail.oldestPosition(recordSize: stream.recordSize, folder: paths.journal(stream))
        let oldest = [manifest.batches.first?.firstPosition, journal].compactMap { $0 }.min()
        nextPosition = max(1, position ?? oldest ?? 1)
    }

    public var name: String { paths.journal(stream) }
    public var batchRecords: Int { JournalReader.batchRecords }
    /// What comes out of the archive is not the end.
    public func hasMore() throws -> Bool {
        if case .journal(let reader) = source { try reader.hasMore() } else { source != nil }
    }

    public func skip(to position: UInt64) {
        guard position > nextPosition else { return }
        nextPosition = position
        if case .journal(let reader) = source { reader.skip(to: position) } else { source = nil }
    }

    /// Hands out the records that are there, in order, at most a batch, as their bytes.
    /// - Returns: how many; 0 at the journal's present end.
    /// - Throws: `JournalError`; `Failure` (65) that names the damaged file of the archive, if the journal does not have the
    ///   next position any more.
    public func readBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
        while true {
            switch try source ?? choose() {
            case .archive(let runs, let missing):
                let run: UnsafeRawBufferPointer?
                do {
                    run = try runs.next()
                } catch let failure as Failure where failure.code == .badData {
                    guard try isJournaled() else { throw failure }
                    damagedBatch = runs.batch.firstPosition
                    missingPositions -= missing
                    _ = try openJournal()
                    continue
                }
                if let run { return try handOut(run, to: body) }
                leave(runs.batch)
            case .journal(let reader):
                if let count = try read(reader, body) { return count }
            }
        }
    }

    public func readBatch(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int? { try readBytes(body) }

    /// The journal if it has the next position: it is faster. Of a narrowed stream the archive, where files can be left out.
    private func choose() throws -> Source {
        let oldest = try JournalTail.oldestPosition(recordSize: recordSize, folder: paths.journal(stream))
        while let batch = manifest.batch(reaching: nextPosition),
            narrowing != nil || (oldest ?? .max) > max(nextPosition, batch.firstPosition)
        {
            if narrowing?.wants(batch) ?? true { return open(batch) }
            nextPosition = batch.lastPosition + 1
        }
        return try openJournal()
    }

    /// Whether the journal reaches back to the next position.
    private func isJournaled() throws -> Bool {
        let oldest = try JournalTail.oldestPosition(recordSize: recordSize, folder: paths.journal(stream))
        return oldest.map { $0 <= nextPosition } ?? false
    }

    private func openJournal() throws -> Source {
        let reader = try JournalReader(folder: paths.journal(stream), recordSize: recordSize, from: nextPosition)
        source = .journal(reader)
        return .journal(reader)
    }

    private func open(_ batch: ArchiveBatch) -> Source {
        var missing: UInt64 = 0
        if narrowing != nil, nextPosition <= batch.firstPosition {
            missing = batch.missingPositions
            missingPositions += batch.firstPosition - nextPosition + missing
            nextPosition = batch.firstPosition
        }
        let runs = BatchRuns(
            batch, stream, in: paths.archive, from: nextPosition, narrowing, records: JournalReader.batchRecords)
        source = .archive(runs, missing: missing)
        return .archive(runs, missing: missing)
    }

    private func leave(_ batch: ArchiveBatch) {
        source = nil
        if narrowing == nil { missingPositions += batch.lastPosition + 1 - nextPosition }
        nextPosition = batch.lastPosition + 1
    }

    private func handOut(
        _ run: UnsafeRawBufferPointer, to body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        let count = run.count / recordSize
        if narrowing == nil { missingPositions += RecordBytes.position(run) - nextPosition }
        nextPosition = RecordBytes.position(UnsafeRawBufferPointer(rebasing: run.suffix(recordSize))) + 1
        try body(run)
        return count
    }

    /// - Returns: `nil` if it has to be read elsewhere, or none of it was wanted.
    private func read(_ reader: JournalReader, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int? {
        var archived: ArchiveBatch?
        var count = 0
        let found = try reader.readBytes { bytes in
            let first = RecordBytes.position(bytes)
            if first > nextPosition { archived = try batch(before: first) }
            if archived == nil { count = try takeJournaled(bytes, body) }
        }
        // The present end, or segments were dropped since the last call.
        if found == 0 { archived = try batch(before: max(reader.nextPosition, nextPosition + 1)) }
        if let archived {
            _ = open(archived)
            return nil
        }
        return count > 0 || found == 0 ? count : nil
    }

    private func takeJournaled(
        _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        guard let narrowing else { return try handOut(bytes, to: body) }
        missingPositions += RecordBytes.position(bytes) - nextPosition
        nextPosition = RecordBytes.position(bytes) + UInt64(bytes.count / recordSize)
        kept.removeAll(keepingCapacity: true)
        for start in stride(from: 0, to: bytes.count, by: recordSize) {
            let record = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + recordSize)])
            if narrowing.wants(record) { kept.append(contentsOf: record) }
        }
        if !kept.isEmpty { try kept.withUnsafeBytes(body) }
        return kept.count / recordSize
    }

    /// The archive's batch that has positions from the next one on, though the journal goes on at a later one.
    private func batch(before position: UInt64) throws -> ArchiveBatch? {
        if manifest.lastPosition < nextPosition { try readNewLines() }
        guard let batch = manifest.batch(reaching: nextPosition), batch.firstPosition < position else { return nil }
        // What the journal lacks within it is missing: the archive has been tried.
        if batch.firstPosition == damagedBatch, try isJournaled() { return nil }
        return batch
    }

    /// Reads the manifest anew if its size is another. A torn line may stand for long.
    private func readNewLines() throws {
        let size = try ArchivedStream.size(of: manifest.path)
        guard size != manifestSize else { return }
        manifest = try ArchiveManifest(stream, paths)
        manifestSize = size
    }

    private static func size(of path: String) throws -> Int { try ReadFile(path)?.byteCount ?? 0 }
}

extension ArchivedStream {
    /// Whether archive or journal holds anything of a stream.
    public static func exists(_ stream: Stream, _ paths: Paths) throws -> Bool {
        try JournalTail.exists(folder: paths.journal(stream)) || !ArchiveManifest(stream, paths).batches.isEmpty
    }

    /// A position before which no record, but for those out of order, is as late as a moment: where the batch or the segment
    /// begins that holds it.
    /// - Returns: `nil` without a record.
    public static func position(of stream: Stream, _ paths: Paths, at time: UTCNanos) throws -> UInt64? {
        let manifest = try ArchiveManifest(stream, paths)
        if let batch = manifest.batches.first(where: { $0.lastTime >= time.rawValue }) { return batch.firstPosition }
        let folder = paths.journal(stream)
        let later = try ClosedSegment.all(in: folder, recordSize: stream.recordSize)
            .filter { $0.firstPosition > manifest.lastPosition }
        let begun = try later.last { try $0.firstTime() ?? .max <= time.rawValue } ?? later.first
        if let begun { return begun.firstPosition }
        let oldest = try JournalTail.oldestPosition(recordSize: stream.recordSize, folder: folder)
        return manifest.batches.isEmpty ? oldest : manifest.lastPosition + 1
    }
}

@available(*, unavailable)
extension ArchivedStream: Sendable {}
