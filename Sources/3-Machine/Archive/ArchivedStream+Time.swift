public import Host
public import MarketData
internal import Streams
public import Wire

extension ArchivedStream {
    /// A position before which no record has a time or a later one, by the records' own time (offset 24): of the first
    /// batch or segment that can hold such a record. `nil`: there is neither archive nor journal.
    /// - Throws: `Failure` (65, 74), `JournalError`.
    public static func position(_ stream: Stream, _ paths: Paths, reaching time: UTCNanos) throws -> UInt64? {
        let folder = paths.journal(stream)
        // Other streams speak of old intervals at any time.
        guard stream == .ticks else {
            return try JournalTail.oldestPosition(recordSize: stream.recordSize, folder: folder)
        }
        return try JournalTail.position(reaching: time, recordSize: stream.recordSize, folder: folder)
    }
}
