public import Wire

/// Where a `StreamReader` reads what it did not get live: the journal's files, or a relay that reads them.
public protocol JournalSource: AnyObject {
    /// For messages.
    var name: String { get }
    /// The size of each record, in bytes.
    var recordSize: Int { get }
    /// The position that is read next.
    var nextPosition: UInt64 { get }
    /// Positions that the journal does not have.
    var missingPositions: UInt64 { get }
    /// The most records handed out at once.
    var batchRecords: Int { get }

    /// Whether more follows although the last batch was not full.
    func hasMore() throws -> Bool

    /// Goes on from a later position: what lies between was had elsewhere.
    func skip(to position: UInt64)

    /// Hands out the records that are there, in order, at most `batchRecords`, as their bytes.
    /// - Returns: how many; 0 at the journal's present end; `nil` if the journal cannot be reached now.
    func readBatch(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int?
}

extension JournalSource {
    public func hasMore() throws -> Bool { false }

    /// Hands out the records that are there, in order, at most a batch.
    /// - Returns: how many; 0 at the journal's present end, or if it cannot be reached now.
    /// - Throws: as `readBatch`.
    @inlinable
    @discardableResult
    public func read<Record: StreamEnvelope>(_ type: Record.Type, _ body: (Record) throws -> Void) throws -> Int {
        precondition(Record.byteCount == recordSize)
        return try readBatch { try Record.forEach(in: $0, body) } ?? 0
    }
}

extension JournalReader: JournalSource {
    public var name: String { folder }
    public var batchRecords: Int { batch }

    public func readBatch(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int? { try readBytes(body) }
}
