public import Host
public import Logging
public import Wire

/// Writes a stream: appends to its journal, then publishes the same bytes. What a subscriber has seen, it
/// can find in the journal.
///
/// - Note: Data thread only.
public final class StreamWriter {
    @usableFromInline let journal: JournalWriter
    private let live: any LiveSink

    /// Opens the journal of `stream`, then publishes it on the bus.
    /// - Parameter consumer: whose mark holds back what age drops, from the first record on, even if it never ran.
    /// - Throws: `Failure` (75) if another process writes it; `JournalError`, `BusError`.
    public init(
        stream: Stream, paths: Paths, settings: JournalSettings, logger: Logger, heldFor consumer: Consumer? = nil,
        publish: () throws -> any LiveSink
    ) throws {
        journal = try JournalWriter(
            folder: paths.journal(stream), recordSize: stream.recordSize, settings: settings, logger: logger)
        if let consumer, journal.lastPosition == 0 {
            try ConsumerMark(folder: paths.journal(stream), consumer: consumer).note(0)
        }
        live = try publish()
    }

    /// The same on a bus. Throws as above, and as `Bus.publish`.
    public convenience init(
        stream: Stream, paths: Paths, settings: JournalSettings, bus: any Bus, logger: Logger,
        heldFor consumer: Consumer? = nil
    ) throws {
        try self.init(stream: stream, paths: paths, settings: settings, logger: logger, heldFor: consumer) {
            try bus.publish(stream)
        }
    }

    public var endpoint: String { live.endpoint }

    /// The position of the last appended record; 0 before the first.
    @inlinable public var lastPosition: UInt64 { journal.lastPosition }

    /// The positions that were skipped at opening, after an unclean stop of the machine.
    public var skipped: Range<UInt64>? { journal.skipped }

    /// Time that the journal's last sync took, ns; 0 before the first.
    public var syncNanos: Int64 { journal.syncNanos }

    /// For another thread that must know that what was committed is on the disk. Not after `close()`.
    public var durability: JournalDurability { journal.durability }

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

    /// Ends the burst: one write to the journal, then each record goes out on the bus.
    /// - Parameter durably: it is on the disk before it goes out.
    public func commit(durably: Bool = false) throws {
        try journal.flush(durably: durably) { live.send(records: $0, recordSize: journal.recordSize) }
    }

    /// Commits, forces everything to the disk, and notes an orderly end.
    public func close() throws {
        try commit()
        try journal.close()
    }
}

@available(*, unavailable)
extension StreamWriter: Sendable {}
