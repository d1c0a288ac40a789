public import Host
public import Streams
public import Wire

/// A stream from its oldest record on, out of the archive, then out of the journal, without a seam: every position once, in
/// order.
///
/// - Note: One thread only.
public final class ArchivedStream: JournalSource {
    private let journal: JournalReader

    /// - Parameter position: the first that is wanted; `nil`: the oldest that archive or journal has.
    /// - Throws: `JournalError`.
    public init(_ stream: Stream, _ paths: Paths, from position: UInt64? = nil) throws {
        journal = try JournalReader(folder: paths.journal(stream), recordSize: stream.recordSize, from: position)
    }

    public var name: String { journal.name }
    public var recordSize: Int { journal.recordSize }
    public var nextPosition: UInt64 { journal.nextPosition }
    public var missingPositions: UInt64 { journal.missingPositions }
    public var batchRecords: Int { journal.batchRecords }

    public func skip(to position: UInt64) { journal.skip(to: position) }

    /// Hands out the records that are there, in order, at most a batch, as their bytes.
    /// - Returns: how many; 0 at the journal's present end.
    public func readBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
        try journal.readBytes(body)
    }

    public func readBatch(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int? { try readBytes(body) }

    /// Hands out the records that are there, in order, at most a batch.
    /// - Returns: how many; 0 at the journal's present end.
    @discardableResult
    public func read<Record: StreamEnvelope>(_ type: Record.Type, _ body: (Record) throws -> Void) throws -> Int {
        try journal.read(type, body)
    }

    /// Whether archive or journal holds anything of a stream.
    public static func exists(_ stream: Stream, _ paths: Paths) throws -> Bool {
        try JournalTail.exists(folder: paths.journal(stream))
    }
}

@available(*, unavailable)
extension ArchivedStream: Sendable {}
