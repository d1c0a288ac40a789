internal import Archive
public import Host
public import Logging
internal import MarketData
public import Streams
public import Wire

/// The begin of a tap.
public enum TapStart: Hashable, Sendable {
    case now
    /// With the oldest record of the archive, or of the journal where nothing was archived.
    case oldest
    /// With a position, or the first one after it that there is.
    case position(UInt64)
}

/// A stream as a person or a program looks into it, on this machine or through a relay: out of archive and journal into
/// live without a seam, or live alone if the journal is missing. A tap from now and a relay read the
/// journal alone.
///
/// - Note: One thread only.
public final class Tap<Record: StreamEnvelope> {
    /// Without a journal.
    private let live: (any LiveSource)?
    /// With one.
    private let reader: StreamReader?
    /// Positions that did not come; with a journal only such as archive and journal lack.
    public private(set) var missing: UInt64 = 0
    private var last: UInt64?
    /// `stored` has the positions of the candles stream, and not all of them.
    private let hasOwnPositions: Bool
    private let stream: Stream

    /// - Parameters:
    ///   - start: where to begin.
    /// - Throws: `Failure` (69) if a position is given and there is neither journal nor archive, (64) if the position is
    ///   far ahead; `JournalError`, `BusError`.
    public init(stream: Stream, paths: Paths, from start: TapStart, logger: Logger) throws {
        let context = try BusContext()
        let folder = paths.journal(stream)
        self.stream = stream
        hasOwnPositions = stream != .stored
        guard try start == .now ? JournalTail.exists(folder: folder) : ArchivedStream.exists(stream, paths) else {
            guard start == .now else {
                throw Failure(
                    .unavailable,
                    "\(folder) holds no journal of \(stream.rawValue), and nothing of it is archived: only a tap from now is possible"
                )
            }
            live = try Subscriber(context: context, endpoint: try paths.endpoint(stream))
            reader = nil
            return
        }
        live = nil
        try Self.expectGiven(start, stream, folder)
        let position: UInt64? =
            switch start {
            case .now: try JournalTail.lastPosition(Record.self, folder: folder) + 1
            case .oldest: nil
            case .position(let position): position
            }
        // Before the past is read: what comes meanwhile must be on the bus.
        let subscriber = try Subscriber(context: context, endpoint: try paths.endpoint(stream))
        // From now on nothing of the archive is wanted, so its condition does not matter.
        let source: any JournalSource =
            start == .now
            ? try JournalReader(folder: folder, recordSize: stream.recordSize, from: position)
            : try ArchivedStream(stream, paths, from: position)
        reader = StreamReader(live: subscriber, journal: source, logger: logger)
    }

    /// Positions behind the newest that may be waited for: at full speed they come within a minute.
    private static var positionsAhead: UInt64 { 10_000 }

    /// A tap of a position far ahead would be silent for hours.
    private static func expectGiven(_ start: TapStart, _ stream: Stream, _ folder: String) throws {
        guard case .position(let position) = start, try JournalTail.exists(folder: folder) else { return }
        let newest = try JournalTail.lastPosition(Record.self, folder: folder)
        guard position > newest + positionsAhead else { return }
        throw Failure(
            .usage,
            "position \(position) of \(stream.rawValue) is not given yet, the newest is \(newest): begin with 'now' or an earlier one"
        )
    }

    /// A stream of another machine.
    /// - Parameter stop: a descriptor that ends every wait for the relay when it becomes readable.
    /// - Throws: `Failure` (77) if the relay refuses the key, (69) if it is not reached, (75) if a stop comes first.
    public init(stream: Stream, relay login: RelayLogin, from start: TapStart, stop: Int32, logger: Logger) throws {
        let context = try BusContext()
        self.stream = stream
        hasOwnPositions = stream != .stored
        let source = try RemoteSubscriber(context: context, login: login, name: stream.rawValue, clock: .system)
        guard Stream.journaled.contains(stream) else {
            (live, reader) = (source, nil)
            return
        }
        let position: UInt64 =
            switch start {
            case .now: RelayMessage.endPosition
            case .oldest: 0
            case .position(let position): position
            }
        live = nil
        reader = StreamReader(
            live: source,
            journal: try RemoteJournal(
                context: context, login: login, stream: stream, from: position, stop: stop, clock: .system,
                logger: logger),
            logger: logger)
    }

    /// Whether what comes now comes live.
    public var isLive: Bool { reader?.isLive ?? true }

    /// Delivers the present records; waits at most this long for the first one.
    /// - Parameter stop: a descriptor that ends the wait when it becomes readable.
    /// - Returns: how many records were delivered.
    public func poll(milliseconds: Int, stop: Int32 = -1, _ deliver: (Record) throws -> Void) throws -> Int {
        if let reader {
            let count = try reader.poll(Record.self, milliseconds: milliseconds, stop: stop, deliver)
            missing = reader.counters.missing
            return count
        }
        guard let live else { return 0 }
        var count = 0
        func take(_ message: UnsafeRawBufferPointer) throws {
            guard let record = Record(bytes: message) else { return }
            if hasOwnPositions, let last {
                guard record.position > last else {
                    throw Failure(
                        .unavailable, "the stream \(stream.rawValue) began again: its publisher has another journal now"
                    )
                }
                missing += record.position - last - 1
            }
            last = record.position
            count += 1
            try deliver(record)
        }
        live.wait(milliseconds: milliseconds, stop: stop)
        while count < 4_096, try live.receive(take) {}
        return count
    }
}

@available(*, unavailable)
extension Tap: Sendable {}
