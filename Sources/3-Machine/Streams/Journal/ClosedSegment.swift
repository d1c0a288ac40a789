internal import Glibc
internal import Wire

/// A segment to which no writer appends any more, as a file: for those who keep journals elsewhere.
public struct ClosedSegment: Hashable, Sendable {
    public let path: String
    public let firstPosition: UInt64
    public let recordSize: Int

    public static let headerSize = Segment.headerSize

    /// The segments of a journal but the newest, oldest first, without what is misplaced.
    /// - Throws: `JournalError`, also if a later version wrote one.
    public static func all(in folder: String, recordSize: Int) throws -> [ClosedSegment] {
        var segments = try Segment.inPlace(in: folder, recordSize: recordSize)
        // One without a whole header is being made, or was torn: then a writer may go on in the one before it.
        while let last = segments.last, try !isBegun(last, recordSize) { segments.removeLast() }
        return segments.dropLast().map {
            ClosedSegment(path: $0.path, firstPosition: $0.firstPosition, recordSize: recordSize)
        }
    }

    private static func isBegun(_ segment: Segment, _ recordSize: Int) throws -> Bool {
        guard let file = try segment.openForReading(recordSize: recordSize) else { return false }
        close(file)
        return true
    }

    /// The name of the segment's file.
    public static func name(firstPosition: UInt64) -> String {
        String(Segment(folder: "", firstPosition: firstPosition).path.dropFirst())
    }

    /// The bytes of a sound header.
    public static func header(firstPosition: UInt64, recordSize: Int) -> [UInt8] {
        Segment(folder: "", firstPosition: firstPosition).header(recordSize: recordSize)
    }

    /// Opens the file for reading; the caller closes it.
    /// - Throws: `JournalError`.
    public func open() throws -> Int32 {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw JournalError(.open, path, errno: errno) }
        return descriptor
    }

    /// The time of the first whole record that has one; `nil` if no record has, or if the segment has just been dropped.
    /// - Throws: `JournalError`.
    public func firstTime() throws -> Int64? {
        guard access(path, F_OK) == 0 else { return nil }
        let file = try open()
        defer { close(file) }
        var time: Int64?
        try Segment(folder: "", firstPosition: firstPosition)
            .eachSlot(from: 0, file, recordSize: recordSize) { _, isWhole, record in
                if isWhole, case let found = RecordBytes.time(record), found > 0 { time = found }
                return time == nil
            }
        return time
    }
}
