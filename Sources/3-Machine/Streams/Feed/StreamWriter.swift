public import Host
public import Logging
public import Wire

/// Writes a stream: appends to its journal, then publishes the same bytes. What a subscriber has seen, it
/// can find in the journal.
///
/// - Note: Data thread only.
public final class StreamWriter {
    @usableFromInline let journal: JournalWriter
    private let publisher: Publisher

    /// Opens the journal of `stream` and binds its endpoint.
    /// - Parameters:
    ///   - consumer: who must have taken what age drops, from the first record on, whether it ever ran or not.
    ///   - slowReaders: what becomes of readers that do not keep up.
    /// - Throws: `Failure` (75) if another process writes it; `JournalError`, `BusError`.
    public init(
        stream: Stream, paths: Paths, settings: JournalSettings, context: BusContext,
        logger: Logger, heldFor consumer: Consumer? = nil, slowReaders: Publisher.SlowReaders = .lose
    ) throws {
        journal = try JournalWriter(
            folder: paths.journal(stream), recordSize: stream.recordSize, settings: settings, logger: logger)
        if let consumer, journal.lastPosition == 0 {
            try ConsumerMark(folder: paths.journal(stream), consumer: consumer).note(0)
        }
        publisher = try Publisher(
            context: context, endpoint: try paths.endpoint(stream), slowReaders: slowReaders)
    }

    public var endpoint: String { publisher.endpoint }

    /// The position of the last appended record; 0 before the first.
    @inlinable public var lastPosition: UInt64 { journal.lastPosition }

    /// The positions that were skipped at opening, after an unclean stop of the machine.
    public var skipped: Range<UInt64>? { journal.skipped }

    /// Appends one record to the present burst.
    @inlinable
    @discardableResult
    public func append(_ record: some StreamRecord) throws -> UInt64 {
        if journal.needsFlush { try commit() }
        return journal.append(record)
    }

    /// Appends a record of another journal as it is; see `JournalWriter.append(sealed:)`.
    public func append(sealed record: UnsafeRawBufferPointer) throws {
        if journal.needsFlush || RecordBytes.position(record) != lastPosition + 1 { try commit() }
        try journal.append(sealed: record)
    }

    /// Waits for a subscriber. Only if the publisher waits for slow readers.
    /// - Returns: false if a stop was asked for.
    public func waitForReader(until stop: StopSignal) -> Bool { publisher.waitForReader(until: stop) }

    /// Ends the burst: one write to the journal, then each record goes out on the bus.
    /// - Parameter durably: it is on the disk before it goes out.
    public func commit(durably: Bool = false) throws {
        try journal.flush(durably: durably) { publisher.send(records: $0, recordSize: journal.recordSize) }
    }

    /// Commits, forces everything to the disk, and notes an orderly end.
    public func close() throws {
        try commit()
        try journal.close()
    }
}

@available(*, unavailable)
extension StreamWriter: Sendable {}
