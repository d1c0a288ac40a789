public import Host
public import MarketData
internal import Streams
public import Wire

extension ArchivedStream {
    /// A position at or before every record of a time or a later one, by the records' own time, and no further back than
    /// the batch or segment that holds such a record; `nil`: there is neither archive nor journal.
    public static func position(_ stream: Stream, _ paths: Paths, reaching time: UTCNanos) throws -> UInt64? {
        try JournalTail.position(reaching: time, recordSize: stream.recordSize, folder: paths.journal(stream))
    }
}
