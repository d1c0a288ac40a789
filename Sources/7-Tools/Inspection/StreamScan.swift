internal import Host
internal import Streams
internal import Wire

/// A stream's journal from its oldest record to its present end.
struct StreamScan<Record: StreamEnvelope> {
    let stream: Stream
    private let reader: JournalReader

    /// - Throws: `JournalError`.
    init(_ type: Record.Type, _ stream: Stream, _ paths: Paths) throws {
        self.stream = stream
        reader = try JournalReader(folder: paths.journal(stream), recordSize: Record.byteCount, from: nil)
    }

    /// The oldest position that the journal may still hold.
    var oldest: UInt64 { reader.nextPosition }

    /// Hands out each record once, in order.
    /// - Parameter batchEnded: called after each some thousand records.
    func forEach(_ body: (Record) throws -> Void, batchEnded: () throws -> Void = {}) throws {
        while try reader.read(Record.self, body) > 0 { try batchEnded() }
    }
}
