public import Host
public import Logging
internal import MarketData
public import Settings
public import Store
public import Streams
internal import Wire

/// The store-writer: candles and feed events of all collectors of this machine in, rows out, with the stream's position in
/// the same transaction, and each stored candle on the `stored` stream after its commit.
///
/// - Note: Everything runs on the thread that calls `run`.
public final class StoreWriter {
    private let store: any CandleWriter
    private let inputs: CollectorInputs
    private let stored: any LiveSink
    private let status: StatusPublisher
    private let maintenance: any RequestSource
    private let service: ServiceNotifier
    private let bus: any Bus
    private let clock: Clock
    private let logger: Logger

    private var counters = Counters()
    private var forgetting: Forgetting
    private var delays = DelayMeter()

    private struct Counters {
        /// Candles that changed a row.
        var stored: UInt64 = 0
        /// Candles that were there already or ranked lower.
        var unchanged: UInt64 = 0
        var events: UInt64 = 0
        var commits: UInt64 = 0
        /// Of the last commit of live candles, ns: from the aggregator's publication of its first candle to its end.
        var lastDelayNanos: Int64 = 0
        /// Of transactions.
        var durations = DurationHistogram()
        /// Candles of the broker's own that were compared with ours.
        var opinions: UInt64 = 0
        /// Candles that these dispute.
        var disputed: UInt64 = 0
        /// Start of the newest stored interval.
        var newestInterval = UTCSeconds(rawValue: 0)
    }

    /// - Throws: `Failure`, `StoreError` or `BusError`: the stage cannot serve.
    public init(
        paths: Paths, configuration: Configuration, store: any CandleWriter, bus: any Bus, service: ServiceNotifier,
        clock: Clock, logger: Logger
    ) throws {
        self.service = service
        self.bus = bus
        self.clock = clock
        self.logger = logger
        forgetting = Forgetting(days: configuration.store.retentionDays)
        self.store = store
        stored = try bus.publish(.stored)
        status = try StatusPublisher(.storeWriter, bus: bus, logger: logger)
        maintenance = try bus.takeRequests()
        inputs = try CollectorInputs(
            paths, store: store, settings: configuration.store, bus: bus, clock: clock, logger: logger)
    }

    /// The address of the `stored` stream.
    public var endpoint: String { stored.endpoint }

    /// Stores until a stop is asked for, then commits what it has and ends in order.
    public func run(until stop: StopSignal) throws {
        service.ready()
        while !stop.isRaised { _ = try turn(milliseconds: 250, stop: stop.descriptor) }
        service.stopping()
        for input in inputs.readable { try commitLast(input) }
        try store.close()
        logger.notice("Stopped", metadata: ["positions": "\(positions)"])
    }

    private var positions: String {
        inputs.readable.map { "\($0.collector) \($0.committed)" }.joined(separator: ", ")
    }

    /// Takes what has come of each collector, and commits it once nothing more follows, the batch is full or its time is
    /// over. A collector that sends much gets no more in one turn than the others.
    /// - Parameters:
    ///   - milliseconds: how long it waits for the first candle.
    ///   - stop: a descriptor that ends the wait when it becomes readable.
    /// - Returns: how many records it took.
    public func turn(milliseconds: Int, stop: Int32) throws -> Int {
        try inputs.look()
        for input in inputs.readable { try delays.hear(input.collector, bus) }
        let isSilent = !wait(milliseconds, stop)
        var count = 0
        for input in inputs.readable { count += try serve(input, isSilent: isSilent) }
        try maintain()
        try publishStatus()
        service.status(inputs.state)
        service.progressed()
        return count
    }

    /// - Returns: false if nothing came of any collector.
    private func wait(_ milliseconds: Int, _ stop: Int32) -> Bool {
        let readers = inputs.readable
        guard readers.allSatisfy(\.isLive) else { return true }
        let isWaiting = readers.contains { !$0.batch.records.isEmpty }
        let longest = inputs.hasMore ? 0 : isWaiting ? CollectorInput.burstMilliseconds : milliseconds
        return bus.wait(for: readers.map(\.source), milliseconds: min(milliseconds, longest), stop: stop)
    }

    private func serve(_ input: CollectorInput, isSilent: Bool) throws -> Int {
        do {
            let count = try input.take(isSilent: isSilent) { try commit(input) }
            for other in input.unhurried { try take(other, of: input) }
            return count
        } catch let failure as Unreadable {
            try inputs.fail(input, failure.cause)
            return 0
        }
    }

    /// Commits what has come of a collector; one that another process has taken keeps it in its journal.
    private func commitLast(_ input: CollectorInput) throws {
        do { try commit(input) } catch let failure as Unreadable { try inputs.fail(input, failure.cause) }
    }

    private func commit(_ input: CollectorInput) throws {
        let batch = input.batch.records
        guard let last = batch.last else { return }
        let changed = try write(batch, of: input, stream: .candles, position: last.position)
        let readable = clock.now()
        publish(changed)
        try delays.note(changed, of: input.collector, at: readable, monotonic: clock.monotonic())
        input.noteCommit(last.position)
        inputs.noteCommit(input.collector)
        count(batch, changed)
        try forget(changed)
    }

    /// - Throws: `Unreadable` if another process has taken the collector; `StoreError`.
    private func write(
        _ records: [CandleEnvelope], of input: CollectorInput, stream: Wire.Stream, position: UInt64
    ) throws -> [CandleRecord] {
        do {
            let began = clock.monotonic()
            let changed = try store.write(
                records, collector: input.collector, stream: stream, position: position, now: clock.now())
            counters.durations.note(clock.monotonic() - began)
            counters.disputed += UInt64(changed.count { $0.flags.contains(.disputed) })
            return changed
        } catch let failure as Failure {
            throw Unreadable(cause: failure)
        }
    }

    private func publish(_ changed: [CandleRecord]) {
        for candle in changed { withUnsafeBytes(of: candle) { stored.send($0) } }
    }

    private func take(_ other: UnhurriedInput, of input: CollectorInput) throws {
        let records = other.take(liveWaits: inputs.liveWaits)
        guard let last = records.last else { return }
        let changed = try write(records, of: input, stream: other.stream, position: last.position)
        publish(changed)
        if other.stream == .native {
            counters.opinions += UInt64(records.count)
        } else {
            counters.stored += UInt64(changed.count)
            counters.unchanged += UInt64(records.count - changed.count)
            counters.commits += 1
        }
        try other.noteTaken(last.position)
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
        for input in inputs.readable { try commitLast(input) }
        let reply = MaintenanceReply(to: request) { task in
            logger.notice("Maintenance", metadata: ["task": "\(task)"])
            return try store.perform(task) { service.progressed() }
        }
        maintenance.reply(reply.bytes)
    }

    private func count(_ batch: [CandleEnvelope], _ changed: [CandleRecord]) {
        let candles = batch.count { $0.kind == .candle }
        let events = batch.count { $0.kind == .feed }
        counters.commits += 1
        counters.events += UInt64(events)
        counters.stored += UInt64(changed.count)
        counters.unchanged += UInt64(candles - changed.count)
        guard !changed.isEmpty else { return }
        // A changed candle may be an old one that is shown again.
        if let first = batch.first(where: { $0.kind == .candle }) {
            counters.lastDelayNanos = clock.now().rawValue - first.publishTime.rawValue
        }
        counters.newestInterval = max(
            counters.newestInterval, changed.map(\.start.seconds).max() ?? counters.newestInterval)
    }

    private var metrics: MetricValues {
        var metrics = MetricValues()
        inputs.report(into: &metrics)
        let counts: [(Metric, UInt64)] = [
            (.candlesStored, counters.stored), (.candlesUnchanged, counters.unchanged),
            (.eventsStored, counters.events), (.commits, counters.commits), (.opinions, counters.opinions),
            (.candlesDisputed, counters.disputed),
        ]
        for (metric, count) in counts { metrics.set(metric, count) }
        if counters.lastDelayNanos > 0 { metrics.set(.commitDelay, nanos: counters.lastDelayNanos) }
        metrics.set(.commitDuration, counters.durations.value)
        let newest = counters.newestInterval.rawValue
        if newest > 0 { metrics.set(.newestInterval, newest) }
        delays.report(into: &metrics, monotonic: clock.monotonic())
        return metrics
    }

    private func publishStatus() throws {
        let isDue = try status.publishEverySecond(monotonic: clock.monotonic()) {
            try delays.measure(monotonic: clock.monotonic())
            return StageStatus(
                .storeWriter, time: clock.now(), state: inputs.state, inputs: inputs.progress, outputs: inputs.stored,
                metrics: metrics)
        }
        guard isDue else { return }
        for input in inputs.readable {
            do {
                try input.noteTaken()
            } catch let failure as Unreadable {
                try inputs.fail(input, failure.cause)
            }
        }
    }
}
