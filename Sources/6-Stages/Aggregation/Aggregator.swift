public import Candles
public import Host
public import Logging
internal import MarketData
public import Settings
public import Streams
internal import Wire

/// The aggregator: ticks and bought history in, candles out.
///
/// At every start it reads both journals again, from its last checkpoint or from their beginning, and leaves out what its
/// own journal already holds, known by the input positions of its last records.
///
/// - Note: Everything runs on the thread that calls `run`.
public final class Aggregator {
    private let ticks: StreamReader
    private let history: StreamReader
    private let candles: StreamWriter
    private var fold: ResumedFold
    private var bought: ResumedHistory
    /// Monotonic time of the next look at the history stream: it is no stream of every second.
    private var nextHistoryLook = Int64.min
    private let forming: FormingPublisher
    private let status: StatusPublisher
    private let service: ServiceNotifier
    private let clock: Clock
    private let logger: Logger

    /// Has been live once.
    private var hasCaughtUp = false
    let checkpoints: CheckpointKeeper
    /// The last records that were taken and made.
    private(set) var place: CheckpointKeeper.Place
    /// Records of the ticks stream that were folded since the start.
    private var folded = 0
    private var counts = CandleCounts()
    /// What the checkpoint had counted: earlier processes did.
    private let former: CandleBuilder.Counters

    /// So many records a restart reads at most besides those that came since: some hundredths of a second.
    public static let checkpointRecords = 1_048_576

    /// - Parameter checkpointRecords: a checkpoint is made after so many records of the inputs; 0: never.
    /// - Throws: `Failure`, `JournalError` or `BusError`: the stage cannot serve.
    public init(
        paths: Paths, configuration: Configuration, bus: any Bus, service: ServiceNotifier, clock: Clock,
        logger: Logger, checkpointRecords: Int = Aggregator.checkpointRecords
    ) throws {
        self.service = service
        self.clock = clock
        self.logger = logger
        candles = try StreamWriter(
            stream: .candles, paths: paths, settings: configuration.journal, bus: bus, logger: logger)
        let start = try StartingPoint(paths, configuration, logger)
        try start.checkInputs(paths)
        (fold, bought, place) = (start.fold, start.bought, start.place)
        former = start.fold.builder.counters
        checkpoints = CheckpointKeeper(
            start, paths: paths, configuration: configuration, interval: checkpointRecords,
            candles: candles.durability, logger: logger)
        ticks = try StreamReader(
            stream: .ticks, paths: paths, from: place.tick.map { $0.position + 1 }, consumer: .aggregator, bus: bus,
            logger: logger)
        history = try StreamReader(
            stream: .history, paths: paths, from: place.bought.map { $0.position + 1 }, consumer: .aggregator, bus: bus,
            logger: logger)
        forming = FormingPublisher(try bus.publish(.forming))
        status = try StatusPublisher(.aggregator, bus: bus, logger: logger)
    }

    /// The address of the `candles` stream.
    public var endpoint: String { candles.endpoint }

    /// Folds until a stop is asked for, then ends in order.
    public func run(until stop: StopSignal) throws {
        service.ready()
        while !stop.isRaised { _ = try turn(milliseconds: 250, stop: stop.descriptor) }
        service.stopping()
        try close()
        logger.notice("Stopped", metadata: ["position": "\(candles.lastPosition)"])
    }

    /// Ends in order: the next start has nothing to fold again.
    func close() throws {
        checkpoints.finish()
        if checkpoints.isDue(taken: 0, isNow: true) { try checkpoints.make(fold, &bought, place) }
        checkpoints.finish()
        try candles.close()
    }

    // The thread that writes a checkpoint uses the candles journal.
    deinit { checkpoints.finish() }

    /// Takes what has come, emits what became final.
    /// - Parameters:
    ///   - milliseconds: how long it waits for the first tick.
    ///   - stop: a descriptor that ends the wait when it becomes readable.
    /// - Returns: how many records it took.
    public func turn(milliseconds: Int, stop: Int32) throws -> Int {
        let isLive = hasCaughtUp
        let ticks = try takeTicks(min(milliseconds, forming.milliseconds(at: clock.monotonic())), stop)
        let history = try takeHistory(stop)
        try emit(isLive: isLive)
        if checkpoints.isDue(taken: ticks + history, isNow: hasCaughtUp != isLive) {
            try checkpoints.make(fold, &bought, place)
        }
        if hasCaughtUp { forming.publish(fold.builder, now: clock.now(), monotonic: clock.monotonic()) }
        try publishStatus()
        service.status(self.ticks.isLive ? "live" : "reading the tick journal")
        service.progressed()
        return ticks + history
    }

    private func takeTicks(_ milliseconds: Int, _ stop: Int32) throws -> Int {
        let count = try ticks.pollBytes(milliseconds: milliseconds, stop: stop) { records in
            fold.fold(records)
            place.tick = records.loadUnaligned(
                fromByteOffset: records.count - TickEnvelope.byteCount, as: TickEnvelope.self)
        }
        folded += count
        if ticks.isLive, !hasCaughtUp {
            hasCaughtUp = true
            logger.notice(
                "Caught up with the tick journal",
                metadata: ["position": "\(ticks.nextPosition - 1)", "count": "\(folded)"])
        }
        return count
    }

    /// Ten times a second; while there is more, at every turn.
    private func takeHistory(_ stop: Int32) throws -> Int {
        guard clock.monotonic() >= nextHistoryLook else { return 0 }
        let count = try history.poll(CandleEnvelope.self, milliseconds: 0, stop: stop) { record in
            bought.take(record)
            place.bought = record
        }
        nextHistoryLook = count > 0 ? .min : clock.monotonic() + 100 * UTCNanos.perMillisecond
        return count
    }

    /// Appends and publishes what became final.
    /// - Parameter isLive: it was not read from the journal at the start.
    private func emit(isLive: Bool) throws {
        try fold.takeNew(publishTime: clock.now()) { record in
            place.candle = try candles.append(record)
            counts.note(record)
            if isLive { forming.note(closed: record, place.candle) }
        }
        try bought.takeNew(publishTime: clock.now()) { place.candle = try candles.append($0) }
        try candles.commit()
        forming.publishClosed()
    }

    private var metrics: MetricValues {
        var metrics = MetricValues()
        ticks.report(.ticks, into: &metrics)
        history.report(.history, into: &metrics)
        fold.builder.report(into: &metrics, since: former)
        counts.report(into: &metrics)
        metrics[.journalSync, Stream.candles.rawValue] = Double(candles.syncNanos) / 1e9
        return metrics
    }

    private func publishStatus() throws {
        let isDue = try status.publishEverySecond(monotonic: clock.monotonic()) {
            StageStatus(
                .aggregator, time: clock.now(), state: ticks.isLive ? "live" : "catching up",
                inputs: [ticks.progress(of: .ticks), history.progress(of: .history)],
                outputs: [.init(.candles, position: candles.lastPosition)], metrics: metrics)
        }
        if isDue {
            try ticks.noteTaken(ticks.nextPosition - 1)
            try history.noteTaken(history.nextPosition - 1)
        }
    }
}

extension CandleBuilder {
    /// What the fold measures.
    /// - Parameter former: what it had counted before this process.
    fileprivate func report(into metrics: inout MetricValues, since former: Counters) {
        let counts: [(Metric, KeyPath<Counters, UInt64>)] = [
            (.ticksFolded, \.ticks), (.ticksOneSided, \.oneSided), (.ticksRepeated, \.duplicates),
            (.ticksWithoutSides, \.sideMissing), (.ticksInverted, \.inverted), (.ticksLate, \.late),
            (.ticksTooLate, \.tooLate), (.timesImplausible, \.implausible), (.clocksTakenBack, \.clocksSetBack),
            (.candles, \.candles), (.recordsUnknown, \.unknownRecords),
        ]
        for (metric, count) in counts { metrics.set(metric, counters[keyPath: count] &- former[keyPath: count]) }
        if feedTime.rawValue > 0 { metrics.set(.feedTime, nanos: feedTime.rawValue) }
    }
}

extension CandleBuilder.Options {
    public init(_ configuration: Configuration) {
        self.init()
        timeframes = configuration.timeframes
        closesByNextTick = configuration.closing == .nextTick
        (grace, lateReach) = (configuration.grace, configuration.lateReach)
    }
}
