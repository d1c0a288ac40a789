internal import Glibc
internal import Host
public import Logging
internal import Wire

/// The condition of a journal, segment by segment, and the hands to mend it.
public struct JournalCheck: Sendable {
    public struct SegmentCondition: Sendable {
        public let path: String
        public let firstPosition: UInt64
        /// Records that are whole.
        public let records: Int
        /// Records that are not, with whole ones behind them. Readers step over them.
        public let damagedRecords: Int
        /// Bytes behind the last whole record.
        public let tailBytes: Int
        public let isHeaderDamaged: Bool
        /// Positions between the end of the segment before and this one: a recorded skip, or lost records.
        public let jump: UInt64

        /// Why the file does not belong under its name, and what to do; `nil` if it does.
        public let misplacement: String?

        let recordSize: Int

        /// Less than a record at the end is what a writer is just appending, or was when it was killed.
        public var isDamaged: Bool {
            isHeaderDamaged || damagedRecords > 0 || tailBytes >= recordSize || misplacement != nil
        }
    }

    public let segments: [SegmentCondition]
    /// Positions behind the journal's end that were given, by the mark beside its folder: their records are lost.
    public let lostAtEnd: UInt64
    /// Whether the mark is there and cannot be read.
    public let isMarkDamaged: Bool

    public var isDamaged: Bool { lostAtEnd > 0 || isMarkDamaged || segments.contains(where: \.isDamaged) }

    /// Reads every record of a journal; needs no lock, and may run beside the writer.
    /// - Throws: `JournalError`, also if a later version wrote a segment.
    public init(folder: String, recordSize: Int) throws {
        var conditions: [SegmentCondition] = []
        var next: UInt64?
        // Before the records: a writer raises it after these.
        let mark = try HighWaterMark.content(of: folder)
        let all = try Segment.all(in: folder)
        let newest = try Segment.inPlace(in: folder, recordSize: recordSize).last
        // Beside a writer one may be dropped by age.
        for segment in all where access(segment.path, F_OK) == 0 {
            if let header = try segment.misplacement(recordSize: recordSize) {
                conditions.append(SegmentCondition(segment, misplacedWith: header, recordSize: recordSize))
                continue
            }
            let condition = try SegmentCondition(
                segment, isNewest: segment == newest, recordSize: recordSize, next: next)
            next = max(next ?? 0, segment.firstPosition + UInt64(condition.records + condition.damagedRecords))
            conditions.append(condition)
        }
        segments = conditions
        isMarkDamaged = mark == .unreadable
        let last = (next ?? 1) - 1
        if case .position(let position) = mark { lostAtEnd = position - min(position, last) } else { lostAtEnd = 0 }
    }

    /// Does at once what a writer does at its start, and rewrites damaged headers: nothing that is whole is lost,
    /// and what is cut off or set aside is kept beside the segment.
    /// - Returns: what was done, a sentence each; none where nothing was to be done.
    /// - Throws: `Failure` (75) while a writer is at work, (77) where the folder is another user's: files that are
    ///   made here would shut the writer out; `JournalError`.
    public static func repair(
        folder: String, recordSize: Int, settings: JournalSettings, logger: Logger
    ) throws -> [String] {
        let check = try JournalCheck(folder: folder, recordSize: recordSize)
        guard !check.segments.isEmpty || check.lostAtEnd > 0 else { return [] }
        try expectOwner(of: folder, "repair it")
        // Dropping by age is the writers', by their configuration.
        var settings = settings
        (settings.retentionDays, settings.retentionMegabytes) = (0, 0)
        var done = check.segments
            .filter { $0.isHeaderDamaged && $0.records > 0 }.map { "header rewritten: \($0.path)" }
        // Holds the writer's lock from here to the end, sets aside what is misplaced, and mends the last segment.
        let writer = try JournalWriter(folder: folder, recordSize: recordSize, settings: settings, logger: logger)
        done += writer.misplaced.map { "misplaced segment set aside: \($0)" }
        // The writer may have taken some away.
        let segments = try Segment.inPlace(in: folder, recordSize: recordSize)
        for segment in segments.dropLast() { _ = try segment.repairHeader(recordSize: recordSize) }
        if writer.cutBytes > 0, let last = writer.found.last {
            done.append("\(writer.cutBytes) bytes of a torn tail cut off \(last.path)")
        }
        if let skipped = writer.skipped {
            done.append(
                "positions \(skipped.lowerBound) to \(skipped.upperBound - 1) skipped: no position is used twice")
        }
        if check.isMarkDamaged { done.append("mark of the highest position renewed: \(folder).highest") }
        try writer.close()
        return done
    }

}

extension JournalCheck.SegmentCondition {
    /// Nothing of it counts.
    fileprivate init(_ segment: Segment, misplacedWith header: Misplacement, recordSize: Int) {
        (path, firstPosition, self.recordSize) = (segment.path, segment.firstPosition, recordSize)
        (records, damagedRecords, tailBytes, jump, isHeaderDamaged) = (0, 0, 0, 0, false)
        misplacement = segment.advice(header, recordSize: recordSize)
    }

    fileprivate init(_ segment: Segment, isNewest: Bool, recordSize: Int, next: UInt64?) throws(JournalError) {
        path = segment.path
        firstPosition = segment.firstPosition
        jump = next.map { segment.firstPosition > $0 ? segment.firstPosition - $0 : 0 } ?? 0
        misplacement = nil
        self.recordSize = recordSize
        // The newest one without a whole header is being made, or was when the writer was killed.
        guard let file = try segment.openForReading(recordSize: recordSize) else {
            (records, damagedRecords, tailBytes, isHeaderDamaged) = (0, 0, 0, !isNewest)
            return
        }
        defer { close(file) }
        // Of now: beside a writer more comes while it is read.
        let size = Int(lseek(file, 0, SEEK_END))
        var header = [UInt8](repeating: 0, count: Segment.headerSize)
        isHeaderDamaged = pread(file, &header, header.count, 0) != header.count || !Segment.isHeaderWhole(header)
        let end = try SegmentEnd(of: segment, file, recordSize: recordSize)
        (records, damagedRecords) = (end.whole, end.damaged)
        tailBytes = max(0, size - end.offset)
    }
}

extension Segment {
    /// What is wrong with a misplaced file, and what to do.
    fileprivate func advice(_ header: Misplacement, recordSize: Int) -> String {
        let content =
            header == .unknown
            ? "it is not a segment of a journal"
            : "its header says \(header.recordSize)-byte records from position \(header.firstPosition) on"
        let what =
            "\(path) is misplaced: \(content). Readers ignore it; `candlewick journal repair` sets it aside"
        guard header.recordSize == recordSize, (1..<Segment.positionMax).contains(header.firstPosition) else {
            return what
        }
        let folder = path.dropLast(20 + Segment.suffix.utf8.count + 1)
        let home = Segment(folder: String(folder), firstPosition: header.firstPosition).path
        guard access(home, F_OK) != 0 else { return what }
        return "\(what). If it was renamed, stop the stages and run: mv \(path) \(home)"
    }
}
