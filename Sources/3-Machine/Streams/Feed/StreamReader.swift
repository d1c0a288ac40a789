public import Host
public import Logging
public import Wire

/// A stream without a gap: its journal from a position on, then live from the bus, with the journal
/// again wherever the bus lost something. Every position once, in order.
///
/// Subscribes first, replays, then drops what is not newer; one state machine for start, restart and gap.
/// Source: docs/architecture.md § Nothing is lost.
///
/// - Note: Data thread only.
public final class StreamReader {
    /// Counts of received and missing records.
    public struct Counters: Hashable, Sendable, Encodable {
        /// Records delivered out of the journal, and from the bus.
        public var replayed: UInt64 = 0
        public var live: UInt64 = 0
        /// Stretches that the bus lost and the journal had.
        public var gaps: UInt64 = 0
        /// Messages that were no valid record.
        public var damaged: UInt64 = 0
        /// Positions that neither bus nor journal has.
        public var missing: UInt64 = 0
    }

    public private(set) var counters = Counters()
    /// Whether the journal is read to its end and records come from the bus.
    public private(set) var isLive = false
    /// The position that is delivered next.
    public var nextPosition: UInt64 { merge.next }

    /// Where records come live: what `Bus.wait` waits for.
    public let live: any LiveSource
    private let mark: ConsumerMark?
    private let logger: Logger
    private let journal: any JournalSource
    private var merge: Merge
    /// A position that came live, so that the journal must have it.
    private var owed: UInt64 = 0

    /// The most live records delivered in one turn, so that a caller can flush in between.
    private static let turnLimit = 4_096
    @usableFromInline let recordSize: Int

    /// - Parameters:
    ///   - stream: its bus and its journal are those of `paths`.
    ///   - position: the first position that is wanted; `nil`: the oldest that the journal still has.
    ///   - consumer: under which name `noteTaken` holds the journal's retention back.
    public convenience init(
        stream: Stream, paths: Paths, from position: UInt64?, consumer: Consumer, bus: any Bus, logger: Logger
    ) throws {
        let folder = paths.journal(stream)
        try self.init(
            live: try bus.subscribe(stream, of: paths.collector), journalFolder: folder,
            recordSize: stream.recordSize, from: position, logger: logger,
            mark: ConsumerMark(folder: folder, consumer: consumer))
    }

    /// - Parameter journalFolder: the journal of the publisher behind `live`.
    public convenience init(
        live: any LiveSource, journalFolder: String, recordSize: Int, from position: UInt64?, logger: Logger,
        mark: ConsumerMark? = nil
    ) throws {
        let journal = try JournalReader(folder: journalFolder, recordSize: recordSize, from: position)
        self.init(live: live, journal: journal, logger: logger, mark: mark)
    }

    /// - Parameter journal: of the publisher behind `live`; its next position is the first that is wanted.
    public init(live: any LiveSource, journal: any JournalSource, logger: Logger, mark: ConsumerMark? = nil) {
        self.live = live
        self.journal = journal
        self.logger = logger
        self.mark = mark
        merge = Merge(next: journal.nextPosition)
        recordSize = journal.recordSize
    }

    /// Lets the journal forget what is up to here, once it is old enough.
    public func noteTaken(_ position: UInt64) throws { try mark?.note(position) }

    /// Delivers the present records; waits at most this long for the first one.
    /// - Parameter stop: a descriptor that ends the wait when it becomes readable.
    /// - Returns: how many records were delivered.
    @inlinable
    public func poll<Record: StreamEnvelope>(
        _ type: Record.Type, milliseconds: Int, stop: Int32, _ deliver: (Record) throws -> Void
    ) throws -> Int {
        precondition(Record.byteCount == recordSize)
        return try pollBytes(milliseconds: milliseconds, stop: stop) { try Record.forEach(in: $0, deliver) }
    }

    /// Delivers the records that are there, without waiting: those of the journal until it is read to its end, then those
    /// that came live.
    /// - Parameter looksIntoJournal: reads the journal too if none came live: silence may also be a lost last message, or a
    ///   publisher that is gone.
    /// - Returns: how many records were delivered.
    public func take<Record: StreamEnvelope>(
        _ type: Record.Type, looksIntoJournal: Bool, _ deliver: (Record) throws -> Void
    ) throws -> Int {
        precondition(Record.byteCount == recordSize)
        let body = { (bytes: UnsafeRawBufferPointer) in try Record.forEach(in: bytes, deliver) }
        if !isLive { return try replay(body) }
        let count = try takeLive(body)
        return count > 0 || !isLive || !looksIntoJournal ? count : try replay(body)
    }

    /// The same as `poll` with runs of records as their bytes.
    public func pollBytes(
        milliseconds: Int, stop: Int32, _ deliver: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        if !isLive { return try replay(deliver) }
        let waiting = try takeLive(deliver)
        if waiting > 0 || !isLive { return waiting }
        live.wait(milliseconds: milliseconds, stop: stop)
        let arrived = try takeLive(deliver)
        // Silence may also be a lost last message, or a publisher that is gone: the journal knows.
        return arrived > 0 || !isLive ? arrived : try replay(deliver)
    }

    private func replay(_ deliver: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
        guard let count = try journal.readBatch(deliver) else { return 0 }
        counters.replayed += UInt64(count)
        if journal.missingPositions > counters.missing { reportMissing(before: count) }
        merge.replayed(upTo: journal.nextPosition)
        guard count > 0 || merge.next > owed else {
            throw Failure(
                .badData,
                """
                position \(owed) was published, but the journal in \(journal.name) ends before \(merge.next): the \
                journal is damaged there, or belongs to another publisher
                """)
        }
        // What comes meanwhile is on the bus, or a gap.
        isLive = try merge.next > owed && isEnd(after: count)
        return count
    }

    /// Whether a batch of so many records ended at the journal's present end.
    private func isEnd(after count: Int) throws -> Bool {
        if count == 0 { return true }
        return try count < journal.batchRecords && !journal.hasMore()
    }

    private func reportMissing(before count: Int) {
        logger.warning(
            "Positions missing in the journal: skipped after an unclean stop, damaged, misplaced, or dropped by age",
            metadata: [
                "journal": "\(journal.name)", "count": "\(journal.missingPositions - counters.missing)",
                "position": "\(journal.nextPosition - UInt64(count))",
            ])
        counters.missing = journal.missingPositions
    }

    private func takeLive(_ deliver: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
        var count = 0
        while count < Self.turnLimit, isLive {
            let received = try live.receive { count += try take($0, deliver) ? 1 : 0 }
            if !received { break }
        }
        counters.live += UInt64(count)
        // Records taken live need not be read again.
        journal.skip(to: merge.next)
        return count
    }

    /// Delivers one live message if it is the next record.
    private func take(
        _ message: UnsafeRawBufferPointer, _ deliver: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Bool {
        guard message.count == recordSize, RecordBytes.isValid(message) else {
            counters.damaged += 1
            return false
        }
        let position = RecordBytes.position(message)
        switch merge.admit(position) {
        case .accept:
            try deliver(message)
            return true
        case .duplicate:
            return false
        case .gap:
            counters.gaps += 1
            owed = position
            isLive = false
            return false
        }
    }
}

@available(*, unavailable)
extension StreamReader: Sendable {}
