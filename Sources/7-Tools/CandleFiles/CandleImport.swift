internal import Engines
public import Host
public import Logging
internal import MarketData
internal import Store
public import Streams
public import Wire

/// Hands candles of a file over to the pipeline, the way that `ingest-backfill` hands over bought ones: into the
/// `history` stream. The aggregator derives larger ones, the store-writer keeps each unless it has a better one.
///
/// - Note: One thread only.
public final class CandleImport {
    /// Candles that the database lacks, or has with other values.
    public private(set) var candles: [CandleRecord] = []
    /// Stored already with the same values: imported before, or complete and of a better source.
    public private(set) var known = 0

    /// The effect on repair.
    public let repair: ImportedRepair
    private let paths: Paths
    private let clock: Clock
    private var lastPosition: UInt64 = 0

    /// Compares with what is stored.
    /// - Parameter repairDays: `history.repair_days`.
    /// - Throws: `Failure` (75) if an earlier import is not stored yet; `JournalError`, `StoreError`.
    public init(_ candles: [CandleRecord], paths: Paths, repairDays: Int, clock: Clock) throws {
        (self.paths, self.clock) = (paths, clock)
        let reader = try CandleImport.reader(paths)
        try CandleImport.checkStored(paths, reader)
        let now = try FeedClock(paths: paths, now: clock.now()).now
        repair = try ImportedRepair(candles, reader, days: repairDays, now: now)
        for candle in candles {
            // Imported too, it would come back as complete if what it was exported from is withdrawn.
            if let stored = try reader?.record(candle.series, start: candle.start.seconds)?.record,
                !stored.flags.contains(.partial), stored.isSame(as: candle)
            {
                known += 1
                continue
            }
            switch try reader.flatMap({ try CandleImport.former(candle, paths.collector, $0) }) {
            case nil: self.candles.append(candle)
            case let former? where former.isSame(as: candle): known += 1
            case let former?:
                var corrected = candle
                corrected.revision = former.revision &+ 1
                self.candles.append(corrected)
            }
        }
    }

    /// - Returns: `nil` if the database does not exist yet.
    private static func reader(_ paths: Paths) throws -> (any CandleQueries)? {
        do {
            return try storeEngine.openReader(paths)
        } catch let failure as Failure where failure.code == .unavailable {
            return nil
        }
    }

    /// An earlier import that is not stored yet cannot be compared.
    private static func checkStored(_ paths: Paths, _ reader: (any CandleQueries)?) throws {
        var last: UInt64 = 0
        try JournalTail.readBackward(CandleEnvelope.self, folder: paths.journal(.history)) { record in
            // Parts recorded again do not enter the database.
            if record.kind != .part { last = record.position }
            return last == 0
        }
        guard try last <= reader?.position(of: .history, collector: paths.collector) ?? 0 else {
            throw Failure(
                .temporary,
                "the former import is not stored yet: start aggregator and store-writer, then import again")
        }
    }

    /// The candle of an earlier import by way of the same collector: revisions of different ones are not compared.
    private static func former(
        _ candle: CandleRecord, _ collector: Collector, _ reader: any CandleQueries
    ) throws -> CandleRecord? {
        let start = candle.start.seconds
        let stored = try [reader.record(candle.series, start: start)].compactMap(\.self)
        return try (stored + reader.outranked(candle.series, start: start))
            .first { $0.record.source == .imported && $0.collector == collector }?.record
    }

    /// Writes them to the stream's journal, on the disk, and publishes them.
    /// - Throws: `Failure` (75) while `ingest-backfill` runs, or another import; `JournalError`, `BusError`.
    public func handOver(settings: JournalSettings, logger: Logger) throws {
        try paths.prepare()
        try expectOwner(of: paths.state, "import")
        let writer = try StreamWriter(
            stream: .history, paths: paths, settings: settings,
            bus: try SocketBus(paths), logger: logger, heldFor: .aggregator)
        let now = clock.now()
        for candle in candles {
            var record = candle
            record.publishTime = now
            try writer.append(record)
        }
        try writer.commit(durably: true)
        lastPosition = writer.lastPosition
        try writer.close()
    }

    /// Waits until the database has them.
    /// - Returns: false if it has not in time: a stage does not run, or has much to do.
    public func waitUntilStored(seconds: Int64, stop: StopSignal) -> Bool {
        let deadline = clock.monotonic() + seconds * UTCNanos.perSecond
        repeat {
            // Not there yet: as good as not stored.
            if let reader = try? storeEngine.openReader(paths),
                let position = try? reader.position(of: .history, collector: paths.collector), position >= lastPosition
            {
                return true
            }
        } while clock.monotonic() < deadline && !stop.wait(milliseconds: 50)
        return false
    }
}

extension CandleRecord {
    fileprivate func isSame(as other: CandleRecord) -> Bool {
        (bid, ask, mid) == (other.bid, other.ask, other.mid) && tickCount == other.tickCount
    }
}
