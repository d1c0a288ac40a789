public import Bus
internal import Host
internal import Journal
public import Wire

/// A stream without a gap: its journal from a position on, then live from the bus, with the journal
/// again wherever the bus lost something. Every position once, in order.
///
/// Subscribes first, replays, then drops what is not newer; one state machine for start, restart and gap.
/// Source: docs/architecture.md § Nothing is lost.
///
/// - Note: Data thread only.
public final class StreamReader {
    /// What was met on the way.
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

    private let subscriber: Subscriber
    private let journal: JournalReader
    private var merge: Merge
    /// A position that came live, so that the journal must have it.
    private var owed: UInt64 = 0

    /// The most live records delivered in one turn, so that a caller can flush in between.
    private static let turnLimit = 4_096
    @usableFromInline let recordSize: Int

    /// - Parameters:
    ///   - journalFolder: where the publisher of `endpoint` keeps its journal.
    ///   - position: the first position that is wanted.
    public init(
        context: BusContext, endpoint: String, journalFolder: String, recordSize: Int, from position: UInt64
    ) throws {
        subscriber = try Subscriber(context: context, endpoint: endpoint)
        journal = JournalReader(folder: journalFolder, recordSize: recordSize, from: position)
        merge = Merge(next: position)
        self.recordSize = recordSize
    }

    /// Delivers what is there; waits at most so long for the first record.
    /// - Parameter stop: a descriptor that ends the wait when it becomes readable.
    /// - Returns: how many records were delivered.
    @inlinable
    public func poll<Record: StreamRecord>(
        _ type: Record.Type, milliseconds: Int, stop: Int32, _ deliver: (Record) throws -> Void
    ) throws -> Int {
        precondition(Record.byteCount == recordSize)
        return try pollBytes(milliseconds: milliseconds, stop: stop) { bytes in
            for start in stride(from: 0, to: bytes.count, by: Record.byteCount) {
                try deliver(bytes.loadUnaligned(fromByteOffset: start, as: Record.self))
            }
        }
    }

    /// The same with runs of records as their bytes.
    public func pollBytes(
        milliseconds: Int, stop: Int32, _ deliver: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        if !isLive { return try replay(deliver) }
        let waiting = try takeLive(deliver)
        if waiting > 0 || !isLive { return waiting }
        subscriber.wait(milliseconds: milliseconds, stop: stop)
        let arrived = try takeLive(deliver)
        // Silence may also be a lost last message, or a publisher that is gone: the journal knows.
        return arrived > 0 || !isLive ? arrived : try replay(deliver)
    }

    private func replay(_ deliver: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
        let count = try journal.readBytes(deliver)
        counters.replayed += UInt64(count)
        counters.missing = journal.missingPositions
        merge.replayed(upTo: journal.nextPosition)
        guard count > 0 || merge.next > owed else {
            throw Failure(
                .badData,
                """
                position \(owed) was published, but the journal in \(journal.folder) ends before \(merge.next): it is \
                damaged there, or belongs to another publisher
                """)
        }
        // Less than a full batch: the present end. What comes meanwhile is on the bus, or a gap.
        isLive = count < JournalReader.batchRecords && merge.next > owed
        return count
    }

    private func takeLive(_ deliver: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
        var count = 0
        while count < Self.turnLimit, isLive {
            let received = try subscriber.receive { count += try take($0, deliver) ? 1 : 0 }
            if !received { break }
        }
        counters.live += UInt64(count)
        // What was taken live need not be read again.
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
