internal import Glibc
internal import Logging

/// What a writer finds in its journal's folder at opening, brought in order: what is misplaced is set aside, what was
/// left unsynced is made durable, a torn tail is cut off, and the last segment with a record says where to go on.
/// Source: docs/formats.md § 3.
struct JournalRecovery {
    /// The segment to append to; `nil` if the journal has none.
    private(set) var last: Segment?
    /// Where its last whole record ends.
    private(set) var end = SegmentEnd()
    /// Bytes behind it. Less than a record is cut off by now; of a longer tail there is a copy beside the segment, and
    /// it stays until its positions are skipped for good.
    private(set) var cutBytes = 0
    /// The present paths of what was set aside.
    private(set) var misplaced: [String] = []
    private let folder: String
    private let recordSize: Int
    private let logger: Logger

    /// How many positions are skipped: more than any writer appends between two syncs.
    private static var skipCount: UInt64 { 1 << 32 }

    /// - Precondition: the caller holds the writer's lock.
    /// - Throws: `JournalError`.
    init(folder: String, recordSize: Int, logger: Logger) throws(JournalError) {
        (self.folder, self.recordSize, self.logger) = (folder, recordSize, logger)
        try setMisplacedAside()
        try findLast()
        guard let last else { return }
        _ = try last.repairHeader(recordSize: recordSize)
        try measureTail(of: last)
        if cutBytes > 0 {
            logger.warning(
                "Torn tail cut off the journal", metadata: ["segment": "\(last.path)", "bytes": "\(cutBytes)"])
        }
        if end.damaged > 0 {
            logger.error(
                "Damaged records in the journal", metadata: ["segment": "\(last.path)", "count": "\(end.damaged)"])
        }
    }

    // MARK: Segments

    /// One of them might have the name of a segment that is to be made.
    private mutating func setMisplacedAside() throws(JournalError) {
        for segment in try Segment.all(in: folder) where try segment.misplacement(recordSize: recordSize) != nil {
            try setAside(segment)
        }
    }

    private mutating func setAside(_ segment: Segment) throws(JournalError) {
        let target = try segment.setAside()
        misplaced.append(target)
        logger.error(
            "Misplaced segment set aside: if it was renamed, stop the stages and restore its name",
            metadata: ["segment": "\(segment.path)", "file": "\(target)"])
    }

    private mutating func findLast() throws(JournalError) {
        var segments = try Segment.all(in: folder)
        try makeDurable(segments.suffix(2))
        while let segment = segments.popLast() {
            guard let end = try SegmentEnd(of: segment, recordSize: recordSize) else {
                // Killed while making the segment: no record was in it.
                unlink(segment.path)
                continue
            }
            if end.offset == Segment.headerSize, try isWithin(segments, segment) {
                try setAside(segment)
                continue
            }
            (last, self.end) = (segment, end)
            return
        }
    }

    /// What a process left unsynced when it was killed is built upon from now on: a power cut must not take it back.
    private func makeDurable(_ segments: some Sequence<Segment>) throws(JournalError) {
        for segment in segments {
            let file = open(segment.path, O_RDONLY | O_CLOEXEC)
            defer { if file >= 0 { close(file) } }
            guard file >= 0, fdatasync(file) == 0 else { throw JournalError(.sync, segment.path, errno: errno) }
        }
        try syncFolder(folder)
    }

    /// Whether a file without a record has its name from the midst of the last segment with records: no writer made it.
    private func isWithin(_ former: [Segment], _ empty: Segment) throws(JournalError) -> Bool {
        for segment in former.reversed() {
            if let end = try SegmentEnd(of: segment, recordSize: recordSize), end.offset > Segment.headerSize {
                return end.position >= empty.firstPosition
            }
        }
        return false
    }

    // MARK: The torn tail

    private mutating func measureTail(of segment: Segment) throws(JournalError) {
        let file = open(segment.path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw JournalError(.open, segment.path, errno: errno) }
        defer { close(file) }
        cutBytes = max(0, Int(lseek(file, 0, SEEK_END)) - end.offset)
        if cutBytes >= recordSize {
            try keepTail(of: segment, file)
        } else if cutBytes > 0 {
            try cutTail()
        }
    }

    /// Keeps a tail of whole records beside the segment: damage in the middle may hide good records.
    private func keepTail(of segment: Segment, _ file: Int32) throws(JournalError) {
        let path = "\(segment.path).cut-\(end.offset)"
        let copy = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard copy >= 0 else { throw JournalError(.cut, path, errno: errno) }
        defer { close(copy) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var offset = end.offset
        while case let count = pread(file, &bytes, bytes.count, off_t(offset)), count > 0 {
            guard write(copy, bytes, count) == count else { throw JournalError(.cut, path, errno: errno) }
            offset += count
        }
    }

    /// Cuts off what stands behind the last whole record.
    func cutTail() throws(JournalError) {
        guard let last else { return }
        guard truncate(last.path, off_t(end.offset)) == 0 else { throw JournalError(.cut, last.path, errno: errno) }
    }

    // MARK: Positions

    /// The last position that must not be given; that of the last record if nothing may be missing.
    /// - Parameters:
    ///   - formerNote: what the last writer left in the lock: whether it came to its end, and in which run of the machine.
    ///   - bootID: names the machine's present run.
    func endOfSkip(formerNote: String, bootID: String) throws(JournalError) -> UInt64 {
        let known = try highestKnown()
        let note = formerNote.split(separator: " ")
        let isSameBoot = note.last.map(String.init) == bootID
        // Without a note and without a record it is the first start of all.
        let hasPast = end.position > 0 || !note.isEmpty
        let machineStopped = hasPast && note.first != "clean" && !isSameBoot
        let skipEnd = machineStopped || cutBytes >= recordSize ? end.position + Self.skipCount : end.position
        guard known > end.position else { return skipEnd }
        // Of another boot the mark itself may be as old as its last sync.
        return max(skipEnd, isSameBoot ? known : known + Self.skipCount)
    }

    /// The highest position that was given, as far as the mark beside the folder and the consumers' marks
    /// show.
    private func highestKnown() throws(JournalError) -> UInt64 {
        let taken = try ConsumerMark.all(in: folder).map(\.position)
        var known = taken.filter { $0 < Segment.positionMax }.max() ?? 0
        switch try HighWaterMark.content(of: folder) {
        case .position(let position): known = max(known, position)
        case .absent: break
        case .unreadable:
            logger.warning(
                "The journal's highest position cannot be read: using that of journal and consumers",
                metadata: ["file": "\(HighWaterMark.path(of: folder))", "position": "\(max(known, end.position))"])
        }
        return known
    }

    /// Names the machine's present run.
    static func presentBootID() throws(JournalError) -> String {
        let path = "/proc/sys/kernel/random/boot_id"
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw JournalError(.open, path, errno: errno) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).filter { !$0.isWhitespace }
    }
}

/// Makes the names in a folder durable.
func syncFolder(_ folder: String) throws(JournalError) {
    let file = open(folder, O_RDONLY | O_CLOEXEC)
    defer { if file >= 0 { close(file) } }
    guard file >= 0, fsync(file) == 0 else { throw JournalError(.sync, folder, errno: errno) }
}
