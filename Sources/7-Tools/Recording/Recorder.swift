internal import Archive
public import Host
public import Logging
public import MarketData
internal import Streams
public import Wire

/// Copies a stretch of a stream into a folder of its own, out of archive and journal, positions and checksums as they are. The copy is laid out as
/// a state folder, so that everything that reads journals reads it too.
///
/// - Note: One thread only.
public final class Recorder<Record: StreamEnvelope> {
    /// The records of the copy.
    public private(set) var count = 0
    public private(set) var first: UInt64 = 0
    public private(set) var last: UInt64 = 0
    /// Whether the stretch's end has come.
    public private(set) var isOver = false

    private let tap: Tap<Record>
    private let journal: JournalWriter
    private let from: UTCNanos?
    private let until: UTCNanos?

    /// - Parameters:
    ///   - start: where to begin.
    ///   - from: not before the first record of this time or a later one; what is surely older is not read.
    ///   - until: not beyond the first record of this time or a later one.
    ///   - folder: of the copy; must not hold the stream.
    /// - Throws: `Failure` (75) if another process writes there, (64) if it holds records already; as `Tap.init`.
    public init(
        _ stream: Stream, paths: Paths, from start: TapStart, since from: UTCNanos?,
        until: UTCNanos?, into folder: Paths, logger: Logger
    ) throws {
        (self.from, self.until) = (from, until)
        tap = try Tap(
            stream: stream, paths: paths, from: try Self.start(stream, paths, start, since: from), logger: logger)
        let target = folder.journal(stream)
        guard try !JournalTail.exists(folder: target) else {
            throw Failure(.usage, "\(target) already holds a recording: name another folder")
        }
        var settings = JournalSettings()
        settings.retentionDays = 0
        journal = try JournalWriter(
            folder: target, recordSize: Record.byteCount, settings: settings, logger: logger)
    }

    /// Passes over what is surely older. Records of other streams than `ticks` speak of old intervals at any time.
    private static func start(
        _ stream: Stream, _ paths: Paths, _ start: TapStart, since: UTCNanos?
    ) throws -> TapStart {
        guard start == .oldest, stream == .ticks, let since else { return start }
        // Ticks are out of order by seconds.
        let position = try ArchivedStream.position(of: stream, paths, at: since - .seconds(60))
        return position.map(TapStart.position) ?? start
    }

    /// Copies the present records; waits at most this long for the first one.
    /// - Returns: how many records came, those before the stretch among them.
    @discardableResult
    public func poll(milliseconds: Int, stop: Int32) throws -> Int {
        let count = try tap.poll(milliseconds: milliseconds, stop: stop) { try take($0) }
        try journal.flush()
        return count
    }

    private func take(_ record: Record) throws {
        try withUnsafeBytes(of: record) { bytes in
            let time = RecordBytes.time(bytes)
            if self.count == 0, let from, time < from.rawValue { return }
            if let until, time >= until.rawValue { isOver = true }
            guard !isOver else { return }
            try journal.append(sealed: bytes)
            if count == 0 { first = record.position }
            count += 1
            last = record.position
        }
    }

    /// Everything is on the disk.
    public func close() throws { try journal.close() }
}

@available(*, unavailable)
extension Recorder: Sendable {}
