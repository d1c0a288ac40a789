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
    /// Bytes that were cut off a torn tail at opening.
    public private(set) var cutBytes = 0
    /// The segment that they were cut off.
    private(set) var cutPath = ""
    /// Records of the last segment that were damaged at opening, with whole ones behind them: they stay, readers
    /// step over them.
    public private(set) var damagedRecords = 0
    /// The present paths of files that were set aside at opening, because they do not belong under the names of
    /// segments that they had.
    public private(set) var misplaced: [String] = []
    /// The positions that were skipped at opening, for the stream's own record of it.
    public private(set) var skipped: Range<UInt64>?

    @usableFromInline let buffer: UnsafeMutableRawBufferPointer
    @usableFromInline var buffered = 0
    @usableFromInline var lastOfSegment: UInt64 = 0
    private let segmentRecords: UInt64
    private let lock: FileLock
    private let syncer: JournalSyncer
    private var segment: Segment
    private var mark: HighWaterMark?
    /// Whether there was no segment at opening and nothing was appended since.
    private var isFresh = true
    /// Why nothing can be written any more: writing the same bytes again could repeat or misalign records.
    private var broken: (any Error)?
    private var descriptor: Int32 = -1
    private let bootID: String
    /// The first position of the segment whose name is on the disk; 0 for none yet.
    private var syncedSegment: UInt64 = 0
    /// The time of the segment's first record that has one, ns; 0 before it.
    private var segmentTime: Int64 = 0

    /// How many positions are skipped: more than any writer appends between two syncs.
    private static var skipCount: UInt64 { 1 << 32 }
    /// A segment spans at most a day of the stream's time, so that age can drop it.
    private static var segmentNanos: Int64 { 86_400_000_000_000 }
    /// The burst that is written at once, in bytes.
    private static var bufferSize: Int { 256 * 1024 }

    /// Opens the journal, makes its folder, cuts a torn tail, drops what is too old.
    /// - Parameters:
    ///   - bootID: names the machine's run; `nil`: the present one. A test says another.
    ///   - clock: the host's; what is too old is not told by the stream alone.
    /// - Throws: `Failure` (75) where another process writes it; `JournalError`.
    public init(
        folder: String, recordSize: Int, settings: JournalSettings, logger: Logger, bootID: String? = nil,
        clock: Clock = .system
    ) throws {
        try makeFolder(folder)
        self.folder = folder
        self.recordSize = recordSize
        segmentRecords = UInt64(settings.segmentRecords)
        lock = try FileLock(path: "\(folder)/writer.lock")
        self.bootID = try bootID ?? JournalWriter.currentBootID()
        let retention = Retention(settings)
        syncer = JournalSyncer(milliseconds: settings.syncMilliseconds) {
            retention.apply(
                folder: folder, recordSize: recordSize, host: clock.now().rawValue, logger: logger)
        }
        segment = Segment(folder: folder, firstPosition: 1)
        buffer = .allocate(byteCount: Self.bufferSize / recordSize * recordSize, alignment: 64)
        try recover(logger: logger)
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
        try syncFolder()
        syncedSegment = segment.firstPosition
    }

    /// Begins the next segment where the present one has its records, or its day.
    private func rollWhereFull() throws {
        let time = RecordBytes.time(UnsafeRawBufferPointer(rebasing: buffer[(buffered - recordSize)..<buffered]))
        if segmentTime <= 0 { segmentTime = time }
        if lastPosition == lastOfSegment || segmentTime > 0 && time &- segmentTime >= Self.segmentNanos {
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

    private func recover(logger: Logger) throws {
        try setMisplacedAside(logger)
        let end = try openLastSegment(logger)
        if cutBytes > 0 {
            logger.warning(
                "Torn tail cut off the journal", metadata: ["segment": "\(segment.path)", "bytes": "\(cutBytes)"])
        }
        if damagedRecords > 0 {
            logger.error(
                "Damaged records in the journal",
                metadata: ["segment": "\(segment.path)", "count": "\(damagedRecords)"])
        }
        let skipEnd = endOfSkip(known: try highestKnown(logger))
        if skipEnd > lastPosition {
            let former = segment
            let skipped = try skipPositions(upTo: skipEnd)
            if cutBytes >= recordSize { try cut(former, at: end) }
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

    /// One of them might have the name of a segment that is to be made.
    private func setMisplacedAside(_ logger: Logger) throws(JournalError) {
        for segment in try Segment.all(in: folder) where try segment.misplacement(recordSize: recordSize) != nil {
            try setAside(segment, logger)
        }
    }

    private func setAside(_ segment: Segment, _ logger: Logger) throws(JournalError) {
        let target = try segment.setAside()
        misplaced.append(target)
        logger.error(
            "Misplaced segment set aside: if it was renamed, stop the stages and restore its name",
            metadata: ["segment": "\(segment.path)", "file": "\(target)"])
    }

    /// The highest position that was given, as far as the mark beside the folder and the consumers' marks tell.
    private func highestKnown(_ logger: Logger) throws(JournalError) -> UInt64 {
        let taken = try ConsumerMark.all(in: folder).map(\.position)
        var known = taken.filter { $0 < Segment.positionMax }.max() ?? 0
        switch try HighWaterMark.content(of: folder) {
        case .position(let position): known = max(known, position)
        case .absent: break
        case .unreadable:
            logger.warning(
                "The journal's highest position cannot be read: using that of journal and consumers",
                metadata: ["file": "\(HighWaterMark.path(of: folder))", "position": "\(max(known, lastPosition))"])
        }
        return known
    }

    /// The last position that must not be given; `lastPosition` when nothing may be missing.
    private func endOfSkip(known: UInt64) -> UInt64 {
        let note = lock.formerNote.split(separator: " ")
        let isSameBoot = note.last.map(String.init) == bootID
        // Without a note and without a record it is the first start of all.
        let hasPast = lastPosition > 0 || !note.isEmpty
        let machineStopped = hasPast && note.first != "clean" && !isSameBoot
        let end = machineStopped || cutBytes >= recordSize ? lastPosition + Self.skipCount : lastPosition
        guard known > lastPosition else { return end }
        // Of another boot the mark itself may be as old as its last sync.
        return max(end, isSameBoot ? known : known + Self.skipCount)
    }

    /// - Returns: where its last whole record ends, in bytes; 0 where the journal has no segment yet.
    private func openLastSegment(_ logger: Logger) throws -> Int {
        var segments = try Segment.all(in: folder)
        try makeDurable(segments.suffix(2))
        while let last = segments.popLast() {
            if let end = try validEnd(of: last) {
                if end.offset == Segment.headerSize, try isWithin(segments, last) {
                    try setAside(last, logger)
                    continue
                }
                isFresh = false
                use(last)
                appended = end.position
                segmentTime = end.firstTime
                damagedRecords = end.damaged
                _ = try last.repairHeader(recordSize: recordSize)
                cutPath = last.path
                try openForAppending(behind: end.offset)
                return end.offset
            }
            // Killed while making the segment: no record was in it.
            unlink(last.path)
        }
        return 0
    }

    /// Whether a file without a record has its name from the midst of the last segment with records: no writer made it.
    private func isWithin(_ former: [Segment], _ empty: Segment) throws(JournalError) -> Bool {
        for segment in former.reversed() {
            if let end = try validEnd(of: segment), end.offset > Segment.headerSize {
                return end.position >= empty.firstPosition
            }
        }
        return false
    }

    /// Positions that may have been given and lost are not given again.
    private func skipPositions(upTo end: UInt64) throws -> Range<UInt64> {
        let skipped = (lastPosition + 1)..<(end + 1)
        self.skipped = skipped
        appended = skipped.upperBound - 1
        try startSegment(at: skipped.upperBound)
        // The name is the record of the skip: were it lost, the next skip would lead to the same positions.
        guard fdatasync(descriptor) == 0 else { throw JournalError(.sync, segment.path, errno: errno) }
        try syncFolder()
        return skipped
    }

    /// What a process left unsynced when it was killed is built upon from now on: a power cut must not take it back.
    private func makeDurable(_ segments: some Sequence<Segment>) throws(JournalError) {
        for segment in segments {
            let file = open(segment.path, O_RDONLY | O_CLOEXEC)
            defer { if file >= 0 { Glibc.close(file) } }
            guard file >= 0, fdatasync(file) == 0 else { throw JournalError(.sync, segment.path, errno: errno) }
        }
        try syncFolder()
    }

    private func syncFolder() throws(JournalError) {
        let file = open(folder, O_RDONLY | O_CLOEXEC)
        defer { if file >= 0 { Glibc.close(file) } }
        guard file >= 0, fsync(file) == 0 else { throw JournalError(.sync, folder, errno: errno) }
    }

    /// The end of a segment: behind its last record that is whole.
    private struct ValidEnd {
        var position: UInt64
        var offset: Int
        /// Records before it that are not whole.
        var damaged = 0
        var firstTime: Int64 = 0
    }

    /// - Returns: `nil` where not even the header is written.
    private func validEnd(of segment: Segment) throws(JournalError) -> ValidEnd? {
        guard let file = try segment.openForReading(recordSize: recordSize) else { return nil }
        defer { Glibc.close(file) }
        var end = ValidEnd(position: segment.firstPosition - 1, offset: Segment.headerSize)
        var whole = 0
        try segment.eachSlot(from: 0, file, recordSize: recordSize) { slot, isValid, record in
            guard isValid else { return true }
            if end.firstTime <= 0 { end.firstTime = RecordBytes.time(record) }
            whole += 1
            end.damaged = slot + 1 - whole
            end.position = segment.firstPosition + UInt64(slot)
            end.offset = Segment.offset(slot: slot + 1, recordSize: recordSize)
            return true
        }
        return end
    }

    /// Cuts off less than a record at once. A longer tail may hold positions that were given: it stays until these
    /// are skipped for good.
    private func openForAppending(behind end: Int) throws(JournalError) {
        descriptor = open(segment.path, O_RDWR | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw JournalError(.open, segment.path, errno: errno) }
        cutBytes = max(0, Int(lseek(descriptor, 0, SEEK_END)) - end)
        if cutBytes >= recordSize {
            try keepCutBytes(from: end)
        } else if cutBytes > 0 {
            try cut(segment, at: end)
        }
        syncer.watch(descriptor, folder: folder)
    }

    private func cut(_ segment: Segment, at end: Int) throws(JournalError) {
        guard truncate(segment.path, off_t(end)) == 0 else { throw JournalError(.cut, segment.path, errno: errno) }
    }

    /// Keeps a cut tail of whole records beside the segment: damage in the middle may hide good records.
    private func keepCutBytes(from offset: Int) throws(JournalError) {
        let path = "\(segment.path).cut-\(offset)"
        let copy = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard copy >= 0 else { throw JournalError(.cut, path, errno: errno) }
        defer { Glibc.close(copy) }
        var at = offset
        while case let read = pread(descriptor, buffer.baseAddress, buffer.count, off_t(at)), read > 0 {
            guard write(copy, buffer.baseAddress, read) == read else { throw JournalError(.cut, path, errno: errno) }
            at += read
        }
    }

    private static func currentBootID() throws -> String {
        let file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw JournalError(.open, "/proc/sys/kernel/random/boot_id", errno: errno) }
        defer { Glibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).filter { !$0.isWhitespace }
    }
}

@available(*, unavailable)
extension JournalWriter: Sendable {}
