public import Candles
public import Host
public import Logging
internal import MarketData
public import Settings
public import Streams
internal import Wire

/// The aggregator: ticks and bought history in, candles out.
///
/// It keeps no state of its own: at every start it reads both retained journals again and leaves
/// out what its own journal already holds, known by the input positions of its last records.
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

    /// - Throws: `Failure`, `JournalError` or `BusError`: the stage cannot serve.
    public init(
        paths: Paths, configuration: Configuration, bus: any Bus, service: ServiceNotifier, clock: Clock,
        logger: Logger
    ) throws {
        self.service = service
        self.clock = clock
        self.logger = logger
        candles = try StreamWriter(
            stream: .candles, paths: paths, settings: configuration.journal, bus: bus, logger: logger)
        let emitted = try EmittedMarks(journalFolder: paths.journal(.candles))
        try Aggregator.check(TickEnvelope.self, .ticks, emitted.ticks, paths)
        try Aggregator.check(CandleEnvelope.self, .history, emitted.history, paths)
        fold = ResumedFold(options: CandleBuilder.Options(configuration), emitted: emitted.ticks)
        bought = ResumedHistory(
            timeframes: configuration.timeframes, calendar: configuration.calendar, emitted: emitted.history)
        ticks = try StreamReader(
            stream: .ticks, paths: paths, from: nil, consumer: .aggregator, bus: bus, logger: logger)
        history = try StreamReader(
            stream: .history, paths: paths, from: nil, consumer: .aggregator, bus: bus, logger: logger)
        forming = FormingPublisher(try bus.publish(.forming))
        status = try StatusPublisher(.aggregator, bus: bus, logger: logger)
    }

    /// Where an input's journal was taken away or replaced, its new records would count as emitted already.
    private static func check<Record: StreamEnvelope>(
        _ type: Record.Type, _ stream: Stream, _ emitted: EmittedMark, _ paths: Paths
    ) throws {
        let last = try JournalTail.lastPosition(type, folder: paths.journal(stream))
        guard emitted.position <= last else {
            // Its writer skips what a consumer has taken, also when the mark beside the journal was put back with it.
            try ConsumerMark(folder: paths.journal(stream), consumer: .aggregator).note(emitted.position)
            throw Failure(
                .temporary,
                """
                the candles journal in \(paths.journal(.candles)) was made from the \(stream.rawValue) stream up to position \
                \(emitted.position), but the journal in \(paths.journal(stream)) ends at \(last): start the stage that \
                writes it, or restart it if it runs: it continues behind that position and records the hole; if it cannot, \
                put the journal back or begin with a new state folder
                """)
        }
    }

    /// The address of the `candles` stream.
    public var endpoint: String { candles.endpoint }

    /// Folds until a stop is asked for, then ends in order.
    public func run(until stop: StopSignal) throws {
        service.ready()
        while !stop.isRaised { _ = try turn(milliseconds: 250, stop: stop.descriptor) }
        service.stopping()
        try candles.close()
        logger.notice("Stopped", metadata: ["position": "\(candles.lastPosition)"])
    }

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
        if hasCaughtUp { forming.publish(fold.builder, now: clock.now(), monotonic: clock.monotonic()) }
        try publishStatus()
        service.status(self.ticks.isLive ? "live" : "reading the tick journal")
        service.progressed()
        return ticks + history
    }

    private func takeTicks(_ milliseconds: Int, _ stop: Int32) throws -> Int {
        let count = try ticks.pollBytes(milliseconds: milliseconds, stop: stop) { fold.fold($0) }
        if ticks.isLive, !hasCaughtUp {
            hasCaughtUp = true
            logger.notice("Caught up with the tick journal", metadata: ["position": "\(ticks.nextPosition - 1)"])
        }
        return count
    }

    /// Ten times a second; while there is more, at every turn.
    private func takeHistory(_ stop: Int32) throws -> Int {
        guard clock.monotonic() >= nextHistoryLook else { return 0 }
        let count = try history.poll(CandleEnvelope.self, milliseconds: 0, stop: stop) { bought.take($0) }
        nextHistoryLook = count > 0 ? .min : clock.monotonic() + 100 * UTCNanos.perMillisecond
        return count
    }

    /// Appends and publishes what became final.
    /// - Parameter isLive: it was not read from the journal at the start.
    private func emit(isLive: Bool) throws {
        try fold.takeNew(publishTime: clock.now()) { record in
            let position = try candles.append(record)
            if isLive { forming.note(closed: record, position) }
        }
        try bought.takeNew(publishTime: clock.now()) { try candles.append($0) }
        try candles.commit()
        forming.publishClosed()
    }

    private var metrics: MetricValues {
        var metrics = MetricValues()
        ticks.report(.ticks, into: &metrics)
        history.report(.history, into: &metrics)
        fold.builder.report(into: &metrics)
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
    fileprivate func report(into metrics: inout MetricValues) {
        let counts: [(Metric, UInt64)] = [
            (.ticksFolded, counters.ticks), (.ticksOneSided, counters.oneSided),
            (.ticksRepeated, counters.duplicates), (.ticksWithoutSides, counters.sideMissing),
            (.ticksInverted, counters.inverted), (.ticksLate, counters.late), (.ticksTooLate, counters.tooLate),
            (.timesImplausible, counters.implausible), (.clocksTakenBack, counters.clocksSetBack),
            (.candles, counters.candles), (.recordsUnknown, counters.unknownRecords),
        ]
        for (metric, count) in counts { metrics.set(metric, count) }
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

extension EmittedMarks {
    /// Reads the aggregator's own journal.
    /// - Throws: `JournalError`.
    public init(journalFolder: String) throws {
        let journal = try JournalReader(folder: journalFolder, recordSize: CandleEnvelope.byteCount, from: nil)
        self.init(first: journal.nextPosition)
        while try journal.read(CandleEnvelope.self, { note($0) }) > 0 {}
    }
}
