internal import Glibc
public import Host
public import Logging
internal import MarketData
public import Wire

/// Appends records to a stream's journal: a folder of segments. One writer a folder, by a lock.
///
/// Records are gathered in memory and written by `flush()`, once per burst. What was flushed survives the
/// death of the process; a power cut may take the last `syncMilliseconds`. After an unclean stop of the
/// machine, or when the journal ends before what it gave, the next positions are skipped, so that none is ever given
/// twice.
///
/// - Note: Data thread only.
public final class JournalWriter {
    public let folder: String
    /// The size of each record, in bytes.
    public let recordSize: Int
    /// The position of the last appended record; 0 before the first.
    @inlinable public var lastPosition: UInt64 { appended }
    @usableFromInline var appended: UInt64 = 0
    /// The positions that were skipped at opening, for the stream's own record of it.
    public private(set) var skipped: Range<UInt64>?
    /// What there was at opening.
    let found: JournalRecovery

    @usableFromInline let buffer: UnsafeMutableRawBufferPointer
    @usableFromInline var buffered = 0
    @usableFromInline var lastOfSegment: UInt64 = 0
    private let segmentRecords: UInt64
    private let lock: FileLock
    private let syncer: JournalSyncer
    private var segment: Segment
    private var mark: HighWaterMark?
    /// Whether there was no segment at opening and nothing was appended since.
    private var isFresh: Bool
    /// Why nothing can be written any more: writing the same bytes again could repeat or misalign records.
    private var broken: (any Error)?
    private var descriptor: Int32 = -1
    private let bootID: String
    /// The first position of the segment whose name is on the disk; 0 for none yet.
    private var syncedSegment: UInt64 = 0
    /// The time of the segment's first record that has one, ns; 0 before it.
    private var segmentTime: Int64 = 0

    /// A segment spans at most so much of the stream's time, so that age can drop it.
    private let segmentNanos: Int64
    /// The burst that is written at once, in bytes.
    private static var bufferSize: Int { 256 * 1024 }

    /// Opens the journal, makes its folder, cuts a torn tail, drops what is too old.
    /// - Parameter clock: the host's: the stream's own time alone does not say what is too old.
    /// - Throws: `Failure` (75) where another process writes it; `JournalError`.
    public init(
        folder: String, recordSize: Int, settings: JournalSettings, logger: Logger, clock: Clock = .system
    ) throws {
        try makeFolder(folder)
        self.folder = folder
        self.recordSize = recordSize
        segmentRecords = UInt64(settings.segmentRecords)
        segmentNanos = settings.segmentsEndDaily ? 86_400_000_000_000 : .max
        lock = try FileLock(path: "\(folder)/writer.lock")
        self.bootID = try settings.bootID ?? JournalRecovery.presentBootID()
        let retention = Retention(settings)
        syncer = JournalSyncer(milliseconds: settings.syncMilliseconds) {
            retention.apply(
                folder: folder, recordSize: recordSize, host: clock.now().rawValue, logger: logger)
        }
        found = try JournalRecovery(folder: folder, recordSize: recordSize, logger: logger)
        segment = found.last ?? Segment(folder: folder, firstPosition: 1)
        isFresh = found.last == nil
        buffer = .allocate(byteCount: Self.bufferSize / recordSize * recordSize, alignment: 64)
        try begin(logger)
        try lock.write(note: "open \(self.bootID)")
    }

    /// Seals the record with the next position and keeps it for the next `flush()`.
    /// - Precondition: `needsFlush` is false, and the record has the journal's size.
    /// - Returns: the record's position.
    @inlinable
    @discardableResult
    public func append(_ record: some StreamRecord) -> UInt64 {
        precondition(!needsFlush && MemoryLayout.size(ofValue: record) == recordSize)
        let place = UnsafeMutableRawBufferPointer(rebasing: buffer[buffered..<(buffered &+ recordSize)])
        place.baseAddress!.storeBytes(of: record, as: type(of: record))
        appended &+= 1
        RecordBytes.seal(place, position: lastPosition)
        buffered &+= recordSize
        return lastPosition
    }

    /// Keeps a record of another journal as it is, for the next `flush()`. Where its position is not the next one, those
    /// between stay missing.
    /// - Precondition: it is sealed, and its position is above `lastPosition`; a journal without a record begins with
    ///   any, whatever was copied here before.
    /// - Throws: `JournalError`.
    public func append(sealed record: UnsafeRawBufferPointer) throws {
        let position = RecordBytes.position(record)
        precondition(record.count == recordSize && (position > lastPosition || isFresh))
        isFresh = false
        if position != lastPosition + 1 {
            try flush()
            try skip(to: position)
        } else if needsFlush {
            try flush()
        }
        UnsafeMutableRawBufferPointer(rebasing: buffer[buffered..<(buffered + recordSize)]).copyMemory(from: record)
        appended = position
        buffered += recordSize
    }

    /// Begins a segment at a later position; one that is empty makes place for it.
    private func skip(to position: UInt64) throws {
        let empty = lastPosition < segment.firstPosition ? segment.path : nil
        try startSegment(at: position)
        appended = position - 1
        if let empty { unlink(empty) }
    }

    /// Whether `flush()` must come before the next `append`: the buffer or the segment is full.
    @inlinable
    public var needsFlush: Bool { buffered == buffer.count || lastPosition == lastOfSegment }

    /// Writes the gathered records and hands their bytes out, in order: publish them after this.
    /// - Parameter durably: waits until they are on the disk, so that not even a power cut can take what was handed out.
    /// - Throws: `JournalError`; the writer is unusable afterwards.
    public func flush(durably: Bool = false, _ written: (UnsafeRawBufferPointer) -> Void = { _ in }) throws {
        if let broken { throw broken }
        guard buffered > 0 else { return }
        do {
            try writeFully(UnsafeRawBufferPointer(rebasing: buffer[..<buffered]))
            isFresh = false
            mark?.raise(to: lastPosition)
            if let code = syncer.noteWrite() { throw JournalError(.sync, segment.path, errno: code) }
            if durably { try sync() }
            written(UnsafeRawBufferPointer(rebasing: buffer[..<buffered]))
            try rollWhereFull()
            buffered = 0
        } catch {
            broken = error
            throw error
        }
    }

    /// The records of the present segment, and its name.
    private func sync() throws {
        if fdatasync(descriptor) != 0 { throw JournalError(.sync, segment.path, errno: errno) }
        guard syncedSegment != segment.firstPosition else { return }
        try syncFolder(folder)
        syncedSegment = segment.firstPosition
    }

    /// Begins the next segment where the present one has its records, or its day.
    private func rollWhereFull() throws {
        let time = RecordBytes.time(UnsafeRawBufferPointer(rebasing: buffer[(buffered - recordSize)..<buffered]))
        if segmentTime <= 0 { segmentTime = time }
        if lastPosition == lastOfSegment || segmentTime > 0 && time &- segmentTime >= segmentNanos {
            try startSegment(at: lastPosition + 1)
        }
    }

    /// Flushes, syncs and notes that nothing is missing.
    public func close() throws {
        try flush()
        if let code = syncer.finish() { throw JournalError(.sync, segment.path, errno: code) }
        try lock.write(note: "clean \(bootID)")
    }

    deinit {
        _ = syncer.finish()
        if descriptor >= 0 { Glibc.close(descriptor) }
        buffer.deallocate()
    }

    private func writeFully(_ bytes: UnsafeRawBufferPointer) throws(JournalError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let count = write(descriptor, part.baseAddress, part.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw JournalError(.append, segment.path, errno: errno) }
            rest = rest.dropFirst(count)
        }
    }

    private func startSegment(at position: UInt64) throws {
        if descriptor >= 0 { Glibc.close(descriptor) }
        use(Segment(folder: folder, firstPosition: position))
        descriptor = open(segment.path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw JournalError(.open, segment.path, errno: errno) }
        let header = segment.header(recordSize: recordSize)
        try header.withUnsafeBytes { try writeFully($0) }
        syncer.watch(descriptor, folder: folder)
    }

    private func use(_ segment: Segment) {
        self.segment = segment
        segmentTime = 0
        lastOfSegment = segment.firstPosition + segmentRecords - 1
    }

    // MARK: Opening

    /// Goes on behind the last record, and behind every position that may have been given.
    private func begin(_ logger: Logger) throws {
        if let last = found.last { try resume(last, found.end) }
        let skipEnd = try found.endOfSkip(formerNote: lock.formerNote, bootID: bootID)
        if skipEnd > lastPosition {
            let skipped = try skipPositions(upTo: skipEnd)
            if cutBytes >= recordSize { try found.cutTail() }
            logger.warning(
                "Positions skipped: they may have been used, and the journal does not hold them",
                metadata: ["first": "\(skipped.lowerBound)", "count": "\(skipped.count)"])
        } else if descriptor < 0 || lastPosition >= lastOfSegment {
            try startSegment(at: lastPosition + 1)
        }
        let mark = try HighWaterMark(folder: folder, position: lastPosition)
        syncer.watch(mark: mark.descriptor)
        self.mark = mark
    }

    private func resume(_ last: Segment, _ end: SegmentEnd) throws(JournalError) {
        use(last)
        appended = end.position
        segmentTime = end.firstTime
        descriptor = open(last.path, O_RDWR | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw JournalError(.open, last.path, errno: errno) }
        syncer.watch(descriptor, folder: folder)
    }

    /// Positions that may have been given and lost are not given again.
    private func skipPositions(upTo end: UInt64) throws -> Range<UInt64> {
        let skipped = (lastPosition + 1)..<(end + 1)
        self.skipped = skipped
        appended = skipped.upperBound - 1
        try startSegment(at: skipped.upperBound)
        // The name is the record of the skip: were it lost, the next skip would lead to the same positions.
        guard fdatasync(descriptor) == 0 else { throw JournalError(.sync, segment.path, errno: errno) }
        try syncFolder(folder)
        return skipped
    }
}

/// Makes the records of a journal durable from another thread than its writer's.
public struct JournalDurability: Sendable {
    fileprivate let syncer: JournalSyncer
    /// The journal's folder.
    public let folder: String

    /// Returns when all that was flushed before the call is on the disk.
    /// - Throws: `JournalError` if a sync has ever failed.
    public func wait() throws {
        if let code = syncer.syncNow() { throw JournalError(.sync, folder, errno: code) }
    }
}

extension JournalWriter {
    /// For another thread. Not after `close()`.
    public var durability: JournalDurability { JournalDurability(syncer: syncer, folder: folder) }
    /// Time that the last sync took, ns; 0 before the first.
    public var syncNanos: Int64 { syncer.lastDuration }
    /// Bytes that were cut off a torn tail at opening.
    public var cutBytes: Int { found.cutBytes }
    /// Records of the last segment that were damaged at opening, with whole ones behind them: they stay, readers
    /// step over them.
    public var damagedRecords: Int { found.end.damaged }
    /// The present paths of files that were set aside at opening, because they do not belong under the names of
    /// segments that they had.
    public var misplaced: [String] { found.misplaced }
}

@available(*, unavailable)
extension JournalWriter: Sendable {}
