internal import Host
internal import Logging
internal import MarketData
internal import Settings
internal import Store
internal import Streams
internal import Wire

/// One collector's streams on their way into the database: its candles and the batch that waits for a commit, and beside
/// them the streams that may wait.
///
/// - Note: Data thread only.
final class CollectorInput {
    /// What waits for a commit.
    struct Batch {
        fileprivate(set) var records: [CandleEnvelope] = []
        /// Monotonic time by which it must be committed.
        fileprivate var deadline: Int64 = .max
        /// Monotonic time of its last record's arrival.
        fileprivate var grown: Int64 = .min

        var position: UInt64? { records.last?.position }
    }

    let collector: Collector
    private let candles: StreamReader
    /// Native and refolded candles; those that can be read.
    let unhurried: [UnhurriedInput]
    private let settings: Configuration.Store
    private let clock: Clock

    private(set) var batch = Batch()
    /// The last position of the candles in the database.
    private(set) var committed: UInt64
    /// Monotonic time of the last candle's arrival, or of the last look into the journal.
    private var heard: Int64 = .min

    /// The records of a burst follow each other within this time.
    static let burstMilliseconds = 1
    /// After a silence of this length the journal is looked into, ns.
    private static let silence = 250 * UTCNanos.perMillisecond

    /// - Parameters:
    ///   - paths: of the collector.
    ///   - committed: the position of each stream in the database; 0 if missing.
    /// - Throws: `Failure`, `JournalError` or `BusError`: its candles cannot be read.
    init(
        _ paths: Paths, committed: [Wire.Stream: UInt64], settings: Configuration.Store, bus: any Bus, clock: Clock,
        logger: Logger
    ) throws {
        collector = paths.collector
        (self.settings, self.clock) = (settings, clock)
        self.committed = committed[.candles] ?? 0
        try CollectorInput.check(self.committed, paths)
        candles = try StreamReader(
            stream: .candles, paths: paths, from: self.committed + 1, consumer: .storeWriter, bus: bus,
            logger: logger)
        unhurried = UnhurriedInput.streams.compactMap { stream in
            UnhurriedInput(
                stream, paths, committed: committed[stream] ?? 0, batch: settings.batchRows, clock: clock,
                logger: logger)
        }
    }

    /// A journal that ends before what the database holds would give its positions a second time.
    private static func check(_ position: UInt64, _ paths: Paths) throws {
        let last = try JournalTail.lastPosition(CandleEnvelope.self, folder: paths.journal(.candles))
        guard position <= last else {
            // The aggregator skips what a consumer has taken, also when the mark beside the journal was put back with it.
            try ConsumerMark(folder: paths.journal(.candles), consumer: .storeWriter).note(position)
            let owner = paths.collector.label.map { " of collector \($0)" } ?? ""
            throw Failure(
                .temporary,
                """
                database \(paths.database) holds the candles stream\(owner) up to position \(position), but its journal in \
                \(paths.journal(.candles)) ends at \(last): start the aggregator\(owner), or restart it if it runs: it \
                continues behind that position; if it cannot, put the journal back or begin with a new database
                """)
        }
    }

    /// What a wait for candles waits for.
    var source: any LiveSource { candles.live }

    /// The journal is read to its end, and candles come from the bus.
    var isLive: Bool { candles.isLive }

    /// Takes the candles that are there into batches.
    /// - Parameters:
    ///   - isSilent: the wait for candles of all collectors ended without one.
    ///   - commit: called with a batch that is due: full, over its time, or because nothing followed.
    /// - Returns: how many records came.
    /// - Throws: what `commit` throws; `Unreadable` when the stream cannot be read any more.
    func take(isSilent: Bool, _ commit: () throws -> Void) throws -> Int {
        let now = clock.monotonic()
        var taken: [CandleEnvelope] = []
        var failure: (any Error)?
        let isQuiet = isSilent || now >= heard + Self.silence
        do {
            _ = try candles.take(CandleEnvelope.self, looksIntoJournal: isQuiet) { taken.append($0) }
        } catch {
            failure = error
        }
        if isQuiet || !taken.isEmpty { heard = now }
        for record in taken {
            if batch.records.isEmpty {
                batch.deadline = now + Int64(settings.batchMilliseconds) * UTCNanos.perMillisecond
            }
            batch.records.append(record)
            batch.grown = now
            if batch.records.count >= settings.batchRows { try commit() }
        }
        let burst = Int64(Self.burstMilliseconds) * UTCNanos.perMillisecond
        let isOver = taken.isEmpty && (isSilent || now >= batch.grown + burst)
        if !batch.records.isEmpty, isOver || clock.monotonic() >= batch.deadline { try commit() }
        if let failure { throw Unreadable(cause: failure) }
        return taken.count
    }

    /// The batch is in the database.
    func noteCommit(_ position: UInt64) {
        committed = position
        batch.records.removeAll(keepingCapacity: true)
        batch.deadline = .max
    }

    /// Lets the journal of the candles forget what is in the database.
    func noteTaken() throws {
        do { try candles.noteTaken(committed) } catch { throw Unreadable(cause: error) }
    }

    // MARK: Status

    var progress: [StageStatus.Input] {
        [candles.progress(of: .candles, of: collector)] + unhurried.compactMap(\.progress)
    }

    func report(into metrics: inout MetricValues) {
        candles.report(.candles, of: collector, into: &metrics)
        for input in unhurried { input.report(into: &metrics) }
    }
}

/// A collector's journal or bus failed, not the database.
struct Unreadable: Error {
    let cause: any Error
}

@available(*, unavailable)
extension CollectorInput: Sendable {}
