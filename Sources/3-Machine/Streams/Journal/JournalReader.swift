internal import Glibc
public import Wire

/// Reads a stream's journal from a position on, while it is being written.
///
/// - Note: One thread only. Reads what is there and returns; polling is the caller's.
public final class JournalReader {
    public let folder: String
    /// The size of each record, in bytes.
    public let recordSize: Int
    /// The position that is read next.
    public private(set) var nextPosition: UInt64
    /// Positions that the journal does not have: skipped by the writer, dropped by age, or damaged.
    public private(set) var missingPositions: UInt64 = 0

    /// The most records handed out at once, unless a reader is made with fewer.
    public static let batchRecords = 4_096
    let batch: Int

    private let buffer: UnsafeMutableRawBufferPointer
    private var segment: Segment?
    private var descriptor: Int32 = -1

    /// - Parameter position: where to begin; what is older than the oldest segment is `missingPositions`.
    ///   `nil`: with the oldest record that is there.
    /// - Parameter batch: the most records handed out at once.
    public init(
        folder: String, recordSize: Int, from position: UInt64? = 1, batch: Int = JournalReader.batchRecords
    ) throws {
        self.folder = folder
        self.recordSize = recordSize
        self.batch = batch
        let oldest = try position ?? Segment.inPlace(in: folder, recordSize: recordSize).first?.firstPosition
        nextPosition = max(1, oldest ?? 1)
        buffer = .allocate(byteCount: batch * recordSize, alignment: 64)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        buffer.deallocate()
    }

    /// Goes on from a later position: what lies between was had elsewhere.
    public func skip(to position: UInt64) { nextPosition = max(nextPosition, position) }

    /// Hands out the records that are there, in order, at most a batch, as their bytes.
    /// - Returns: how many; 0 at the journal's present end.
    public func readBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
        while true {
            guard try descriptor >= 0 || openSegment() else { return 0 }
            let count = try fillBuffer()
            if count > 0 {
                nextPosition += UInt64(count)
                try body(UnsafeRawBufferPointer(rebasing: buffer[..<(count * recordSize)]))
                return count
            }
            if try stepOverDamage() { continue }
            guard try moveToNextSegment() else { return 0 }
        }
    }

    /// Fills the buffer with valid records from the next position on.
    private func fillBuffer() throws -> Int {
        guard let segment, let slot = segment.slot(of: nextPosition) else { return 0 }
        let offset = Segment.offset(slot: slot, recordSize: recordSize)
        let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        guard count >= 0 else { throw JournalError(.read, segment.path, errno: errno) }
        var valid = 0
        while (valid + 1) * recordSize <= count {
            let start = valid * recordSize
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<(start + recordSize)])
            guard RecordBytes.isValid(bytes), RecordBytes.position(bytes) == nextPosition + UInt64(valid) else { break }
            valid += 1
        }
        return valid
    }

    /// Goes on behind records that are not valid where a valid one follows in the segment: bytes are appended
    /// in order, so those before it were whole once. Without one they are a tail that may still grow.
    private func stepOverDamage() throws -> Bool {
        guard let segment, let next = segment.slot(of: nextPosition),
            let slot = try segment.firstValidSlot(from: next + 1, descriptor, recordSize: recordSize)
        else { return false }
        // What a writer was just appending may be whole by now.
        if try fillBuffer() > 0 { return true }
        let position = segment.firstPosition + UInt64(slot)
        missingPositions += position - nextPosition
        nextPosition = position
        return true
    }

    /// Opens the segment that holds the next position, or the one after it.
    private func openSegment() throws -> Bool {
        let segments = try Segment.inPlace(in: folder, recordSize: recordSize)
        let earlier = segments.prefix { $0.firstPosition <= nextPosition }
        // An empty file may have a name from the midst of another one.
        for segment in earlier.reversed() where try reachesNext(segment) { return try useFirst(of: [segment]) }
        return try useFirst(of: segments[max(0, earlier.count - 1)...])
    }

    /// Whether a segment follows the one that was read last: a batch ends with its segment.
    public func hasMore() throws -> Bool {
        guard let segment else { return false }
        return try Segment.all(in: folder).contains { $0.firstPosition > segment.firstPosition }
    }

    /// Whether a segment holds a record from the next position on.
    private func reachesNext(_ segment: Segment) throws -> Bool {
        guard let slot = segment.slot(of: nextPosition), let file = try segment.openForReading(recordSize: recordSize)
        else { return false }
        defer { close(file) }
        return try segment.firstValidSlot(from: slot, file, recordSize: recordSize) != nil
    }

    /// Goes on where a later segment exists; what the present one lacks before it is missing for good.
    private func moveToNextSegment() throws -> Bool {
        guard let current = segment else { return false }
        let later = try Segment.all(in: folder).drop { $0.firstPosition <= current.firstPosition }
        return try useFirst(of: later)
    }

    /// Uses the first segment that can be read: one without a whole header is being made, or was torn by a crash, and
    /// one with another's header is misplaced.
    private func useFirst(of segments: ArraySlice<Segment>) throws -> Bool {
        for chosen in segments {
            if let opened = try chosen.openForReading(recordSize: recordSize) {
                try use(chosen, opened)
                return true
            }
        }
        return false
    }

    private func use(_ chosen: Segment, _ opened: Int32) throws {
        // The writer may have added records to the old segment between our last read and its roll.
        if descriptor >= 0, chosen.firstPosition > nextPosition, try fillBuffer() > 0 {
            close(opened)
            return
        }
        if descriptor >= 0 { close(descriptor) }
        descriptor = opened
        segment = chosen
        if chosen.firstPosition > nextPosition {
            missingPositions += chosen.firstPosition - nextPosition
            nextPosition = chosen.firstPosition
        }
    }
}

@available(*, unavailable)
extension JournalReader: Sendable {}

/// The end of a journal, newest record first: what a writer must know of its own past.
public enum JournalTail {
    /// Whether there is a journal: a folder with a segment.
    public static func exists(folder: String) throws -> Bool { try !Segment.all(in: folder).isEmpty }

    /// The oldest position that the journal still has room for; `nil` without a journal.
    public static func oldestPosition(recordSize: Int, folder: String) throws -> UInt64? {
        try Segment.inPlace(in: folder, recordSize: recordSize).first?.firstPosition
    }

    /// The record of a position.
    /// - Returns: `nil` if the journal does not hold it, or not whole.
    public static func record<Record: StreamEnvelope>(
        _ type: Record.Type, at position: UInt64, folder: String
    ) throws -> Record? {
        let reader = try JournalReader(folder: folder, recordSize: type.byteCount, from: position, batch: 1)
        var found: Record?
        try reader.read(type) { found = $0 }
        return found?.position == position ? found : nil
    }

    /// The last position that the journal gave or skipped; 0 for none.
    public static func lastPosition<Record: StreamEnvelope>(_ type: Record.Type, folder: String) throws -> UInt64 {
        var last: UInt64 = 0
        try readBackward(type, folder: folder) { record in
            last = record.position
            return false
        }
        let newest = try Segment.inPlace(in: folder, recordSize: type.byteCount).last?.firstPosition ?? 1
        return max(last, newest - 1)
    }

    /// The last position that the journal of a stream gave or skipped; 0 for none.
    public static func lastPosition(of stream: Stream, folder: String) throws -> UInt64 {
        stream == .ticks
            ? try lastPosition(TickEnvelope.self, folder: folder)
            : try lastPosition(CandleEnvelope.self, folder: folder)
    }

    /// Hands out records from the newest on, until `body` returns false or the journal ends.
    public static func readBackward<Record: StreamEnvelope>(
        _ type: Record.Type, folder: String, _ body: (Record) throws -> Bool
    ) throws {
        for segment in try Segment.all(in: folder).reversed() {
            guard let file = try segment.openForReading(recordSize: Record.byteCount) else { continue }
            defer { close(file) }
            let size = Int(lseek(file, 0, SEEK_END))
            var remaining = max(0, size - Segment.headerSize) / Record.byteCount
            while remaining > 0 {
                let count = min(remaining, 1_024)
                remaining -= count
                var bytes = [UInt8](repeating: 0, count: count * Record.byteCount)
                let offset = Segment.headerSize + remaining * Record.byteCount
                guard pread(file, &bytes, bytes.count, off_t(offset)) == bytes.count else {
                    throw JournalError(.read, segment.path, errno: errno)
                }
                for index in (0..<count).reversed() {
                    let start = index * Record.byteCount
                    let record = bytes[start..<(start + Record.byteCount)].withUnsafeBytes { Record(bytes: $0) }
                    // A record that is not valid is a torn tail, which the writer cuts; one of another place was copied.
                    let position = segment.firstPosition &+ UInt64(remaining + index)
                    guard let record, record.position == position else { continue }
                    guard try body(record) else { return }
                }
            }
        }
    }
}
