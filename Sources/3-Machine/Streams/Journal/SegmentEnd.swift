internal import Glibc
internal import Wire

/// The end of a segment: behind its last record that is whole.
struct SegmentEnd {
    /// Of that record; one less than the segment's first if it has none, and 0 without a segment.
    private(set) var position: UInt64 = 0
    /// In the file, bytes.
    private(set) var offset = Segment.headerSize
    /// Records that are whole.
    private(set) var whole = 0
    /// Records before the end that are not whole.
    private(set) var damaged = 0
    /// The time of the first record that has one, ns; 0 without.
    private(set) var firstTime: Int64 = 0

    /// Of no segment.
    init() {}

    /// - Returns: `nil` if not even the header is written.
    init?(of segment: Segment, recordSize: Int) throws(JournalError) {
        guard let file = try segment.openForReading(recordSize: recordSize) else { return nil }
        defer { close(file) }
        try self.init(of: segment, file, recordSize: recordSize)
    }

    init(of segment: Segment, _ file: Int32, recordSize: Int) throws(JournalError) {
        var end = SegmentEnd()
        end.position = segment.firstPosition - 1
        try segment.eachSlot(from: 0, file, recordSize: recordSize) { slot, isValid, record in
            guard isValid else { return true }
            if end.firstTime <= 0 { end.firstTime = RecordBytes.time(record) }
            end.whole += 1
            end.damaged = slot + 1 - end.whole
            end.position = segment.firstPosition + UInt64(slot)
            end.offset = Segment.offset(slot: slot + 1, recordSize: recordSize)
            return true
        }
        self = end
    }
}
