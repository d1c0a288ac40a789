public import Host
public import Logging
internal import MarketData
public import Settings
public import Store
public import Streams
internal import Wire

/// The store-writer: candles and feed events in, rows out, with the stream's position in the same
/// transaction, and each stored candle on the `stored` stream after its commit.
///
/// - Note: Everything runs on the thread that calls `run`.
public final class StoreWriter {
    private let store: any CandleWriter
    private let candles: StreamReader
    /// `nil` if it cannot be read: an opinion stops no candle.
    private var native: StreamReader?
    private let stored: any LiveSink
    private let status: StatusPublisher
    private let maintenance: any RequestSource
    private let settings: Configuration.Store
    private let service: ServiceNotifier
    private let clock: Clock
    private let logger: Logger

    /// The records of a burst follow each other within this time.
    private static let burstMilliseconds = 1

    private var batch: [CandleEnvelope] = []
    /// The last position in the database.
    private var committed: UInt64
    /// Monotonic time at which native candles are looked for next.
    private var nextOpinions: Int64 = 0
    /// Monotonic time by which the batch must be committed.
    private var commitDeadline: Int64 = .max
    private var counters = Counters()
    private var forgetting: Forgetting
    private var delays: DelayMeter

    private struct Counters {
        /// Candles that changed a row.
        var stored: UInt64 = 0
        /// Candles that were there already or ranked lower.
        var unchanged: UInt64 = 0
        var events: UInt64 = 0
        var commits: UInt64 = 0
        /// Of the last commit, ns: from the aggregator's publication of its first candle to its end.
        var lastDelayNanos: Int64 = 0
        /// Candles of the broker's own that were compared with ours.
        var opinions: UInt64 = 0
        /// Start of the newest stored interval.
        var newestInterval = UTCSeconds(rawValue: 0)
    }

    /// - Throws: `Failure`, `StoreError` or `BusError`: the stage cannot serve.
    public init(
        paths: Paths, configuration: Configuration, store: any CandleWriter, bus: any Bus, service: ServiceNotifier,
        clock: Clock, logger: Logger
    ) throws {
        self.service = service
        self.clock = clock
        self.logger = logger
        settings = configuration.store
        forgetting = Forgetting(days: settings.retentionDays)
        self.store = store
        stored = try bus.publish(.stored)
        status = try StatusPublisher(.storeWriter, bus: bus, logger: logger)
        maintenance = try bus.takeRequests()
        delays = try DelayMeter(bus)
        let position = try store.position(of: .candles, collector: paths.collector)
        try StoreWriter.check(position, paths)
        candles = try StreamReader(
            stream: .candles, paths: paths, from: position + 1,
            consumer: .storeWriter, bus: bus, logger: logger)
        committed = position
        native = try nativeReader(paths, bus)
    }

    /// - Throws: `StoreError`.
    private func nativeReader(_ paths: Paths, _ bus: any Bus) throws -> StreamReader? {
        let position = try store.position(of: .native, collector: paths.collector)
        do {
            let last = try JournalTail.lastPosition(CandleEnvelope.self, folder: paths.journal(.native))
            // A journal that begins anew is read anew.
            return try StreamReader(
                stream: .native, paths: paths, from: position <= last ? position + 1 : nil, consumer: .storeWriter,
                bus: bus, logger: logger)
        } catch {
            logger.error("Native candles cannot be read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// A journal that ends before what the database holds would give its positions a second time.
    private static func check(_ position: UInt64, _ paths: Paths) throws {
        let last = try JournalTail.lastPosition(CandleEnvelope.self, folder: paths.journal(.candles))
        guard position <= last else {
            // The aggregator skips what a consumer has taken, also when the mark beside the journal was put back with it.
            try ConsumerMark(folder: paths.journal(.candles), consumer: .storeWriter).note(position)
            throw Failure(
                .temporary,
                """
                database \(paths.database) holds the candles stream up to position \(position), but its journal in \
                \(paths.journal(.candles)) ends at \(last): start the aggregator, or restart it if it runs: it continues \
                behind that position; if it cannot, put the journal back or begin with a new database
                """)
        }
    }

    /// The address of the `stored` stream.
    public var endpoint: String { stored.endpoint }

    /// Stores until a stop is asked for, then commits what it has and ends in order.
    public func run(until stop: StopSignal) throws {
        service.ready()
        while !stop.isRaised { _ = try turn(milliseconds: 250, stop: stop.descriptor) }
        service.stopping()
        try commit()
        try store.close()
        logger.notice("Stopped", metadata: ["position": "\(candles.nextPosition - 1)"])
    }

    /// Takes what has come, and commits it once nothing more follows, the batch is full or its time is over.
    /// - Parameters:
    ///   - milliseconds: how long it waits for the first candle.
    ///   - stop: a descriptor that ends the wait when it becomes readable.
    /// - Returns: how many records it took.
    public func turn(milliseconds: Int, stop: Int32) throws -> Int {
        let wait = batch.isEmpty ? milliseconds : min(milliseconds, StoreWriter.burstMilliseconds)
        let count = try candles.poll(CandleEnvelope.self, milliseconds: wait, stop: stop) { record in
            if batch.isEmpty {
                commitDeadline = clock.monotonic() + Int64(settings.batchMilliseconds) * UTCNanos.perMillisecond
            }
            batch.append(record)
            if batch.count >= settings.batchRows { try commit() }
        }
        if count == 0 || clock.monotonic() >= commitDeadline { try commit() }
        try takeOpinions(stop)
        try maintain()
        try publishStatus()
        service.status(candles.isLive ? "live" : "reading the candle journal")
        service.progressed()
        return count
    }

    private func commit() throws {
        commitDeadline = .max
        guard let last = batch.last else { return }
        let changed = try store.write(
            batch, collector: .main, stream: .candles, position: last.position, now: clock.now())
        let readable = clock.now()
        publish(changed)
        try delays.note(changed, at: readable, monotonic: clock.monotonic())
        committed = last.position
        count(changed)
        batch.removeAll(keepingCapacity: true)
        try forget(changed)
    }

    private func publish(_ changed: [CandleRecord]) {
        for candle in changed { withUnsafeBytes(of: candle) { stored.send($0) } }
    }

    /// Once a second, takes the broker's own candles.
    private func takeOpinions(_ stop: Int32) throws {
        guard let native, clock.monotonic() >= nextOpinions else { return }
        nextOpinions = clock.monotonic() + UTCNanos.perSecond
        var opinions: [CandleEnvelope] = []
        do {
            _ = try native.poll(CandleEnvelope.self, milliseconds: 0, stop: stop) { opinions.append($0) }
        } catch {
            logger.error("Native candles cannot be read any more", metadata: ["error": "\(error)"])
            self.native = nil
        }
        guard let last = opinions.last else { return }
        let changed = try store.write(
            opinions, collector: .main, stream: .native, position: last.position, now: clock.now())
        publish(changed)
        counters.opinions += UInt64(opinions.count)
        try native.noteTaken(last.position)
    }

    /// Once an hour, deletes what is older than `store.retention_days`.
    private func forget(_ changed: [CandleRecord]) throws {
        guard let newest = changed.map(\.start.seconds).max(),
            let due = forgetting.due(newest: newest, host: clock.now().seconds)
        else { return }
        let moment = UTCNanos(seconds: due)
        let count = try store.forget(before: moment) { service.progressed() }
        if count > 0 { logger.notice("Old candles deleted", metadata: ["count": "\(count)", "before": "\(moment)"]) }
    }

    /// Does what `candlewick maintain` asks for, between two batches.
    private func maintain() throws {
        guard let request = maintenance.receive() else { return }
        try commit()
        let reply = MaintenanceReply(to: request) { task in
            logger.notice("Maintenance", metadata: ["task": "\(task)"])
            return try store.perform(task) { service.progressed() }
        }
        maintenance.reply(reply.bytes)
    }

    private func count(_ changed: [CandleRecord]) {
        let candles = batch.count { $0.kind == .candle }
        let events = batch.count { $0.kind == .feed }
        counters.commits += 1
        counters.events += UInt64(events)
        counters.stored += UInt64(changed.count)
        counters.unchanged += UInt64(candles - changed.count)
        guard let first = changed.first else { return }
        counters.lastDelayNanos = clock.now().rawValue - first.publishTime.rawValue
        counters.newestInterval = max(
            counters.newestInterval, changed.map(\.start.seconds).max() ?? counters.newestInterval)
    }

    private var metrics: MetricValues {
        var metrics = MetricValues()
        candles.report(.candles, into: &metrics)
        native?.report(.native, into: &metrics)
        let counts: [(Metric, UInt64)] = [
            (.candlesStored, counters.stored), (.candlesUnchanged, counters.unchanged),
            (.eventsStored, counters.events), (.commits, counters.commits), (.opinions, counters.opinions),
        ]
        for (metric, count) in counts { metrics.set(metric, count) }
        if counters.lastDelayNanos > 0 { metrics.set(.commitDelay, nanos: counters.lastDelayNanos) }
        let newest = counters.newestInterval.rawValue
        if newest > 0 { metrics.set(.newestInterval, newest) }
        delays.report(into: &metrics, monotonic: clock.monotonic())
        return metrics
    }

    private func publishStatus() throws {
        let isDue = try status.publishEverySecond(monotonic: clock.monotonic()) {
            try delays.measure(monotonic: clock.monotonic())
            return StageStatus(
                .storeWriter, time: clock.now(), state: candles.isLive ? "live" : "catching up",
                inputs: [candles.progress(of: .candles)] + (native.map { [$0.progress(of: .native)] } ?? []),
                outputs: [.init(.stored, position: committed)], metrics: metrics)
        }
        if isDue { try candles.noteTaken(committed) }
    }
}
