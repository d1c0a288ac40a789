internal import Bus
public import Candles
internal import Feed
public import Host
internal import Journal
public import Logging
internal import MarketData
internal import Wire

/// The aggregator: ticks in, candles out.
///
/// It keeps no state of its own: at every start it folds the whole retained tick journal again and leaves
/// out what its own journal already holds, known by the input position of its last records.
///
/// - Note: Everything runs on the thread that calls `run`.
public final class Aggregator {
    private let ticks: StreamReader
    private let candles: StreamWriter
    private let fold: ResumedFold
    private let status: StatusPublisher
    private let service: ServiceNotifier
    private let clock: Clock
    private let logger: Logger

    /// - Throws: `Failure`, `JournalError` or `BusError`: the stage cannot serve.
    public init(
        paths: Paths, configuration: Configuration, service: ServiceNotifier, clock: Clock, logger: Logger
    ) throws {
        let context = try BusContext()
        self.service = service
        self.clock = clock
        self.logger = logger
        candles = try StreamWriter(
            stream: "candles", recordSize: CandleRecord.byteCount, paths: paths, settings: configuration.journal,
            context: context, logger: logger)
        fold = try ResumedFold(
            options: CandleBuilder.Options(configuration), candlesFolder: paths.journal("candles"))
        try Aggregator.check(fold.resumedFrom, paths)
        ticks = try StreamReader(
            stream: "ticks", paths: paths, recordSize: TickRecord.byteCount, from: nil, consumer: "aggregator",
            context: context, logger: logger)
        status = try StatusPublisher(
            context: context, endpoint: try paths.statusEndpoint("aggregator"), stage: "aggregator")
    }

    /// Where the ticks journal was taken away or replaced, its new records would count as emitted already.
    private static func check(_ resumedFrom: UInt64, _ paths: Paths) throws {
        let last = try JournalTail.lastPosition(TickRecord.self, folder: paths.journal("ticks"))
        guard resumedFrom <= last else {
            // After a power cut the start of ingest-stream skips what the disk has lost: then this can serve.
            throw Failure(
                .temporary,
                """
                the candles journal in \(paths.journal("candles")) was made of the ticks stream up to position \(resumedFrom), \
                but the journal in \(paths.journal("ticks")) ends at \(last): start ingest-stream first; if that does not \
                help, put the journal back or begin with a new state folder
                """)
        }
    }

    /// The address of the `candles` stream.
    public var endpoint: String { candles.endpoint }

    /// Folds until a stop is asked for, then ends in order.
    public func run(until stop: StopSignal) throws {
        var caughtUp = false
        service.ready()
        while !stop.isRaised {
            _ = try ticks.poll(TickRecord.self, milliseconds: 250, stop: stop.descriptor) { fold.fold($0) }
            try emit()
            if ticks.isLive, !caughtUp {
                caughtUp = true
                logger.notice("Caught up with the tick journal", metadata: ["position": "\(ticks.nextPosition - 1)"])
            }
            try publishStatus()
            service.status(ticks.isLive ? "live" : "reading the tick journal")
            service.progressed()
        }
        service.stopping()
        try candles.close()
        logger.notice("Stopped", metadata: ["position": "\(candles.lastPosition)"])
    }

    /// Appends and publishes what became final.
    private func emit() throws {
        try fold.takeNew(publishTime: clock.now()) { try candles.append($0) }
        try candles.commit()
    }

    private func publishStatus() throws {
        let isDue = try status.publishEverySecond(monotonic: clock.monotonic()) {
            AggregatorStatus(
                time: clock.now().seconds, isLive: ticks.isLive, ticksPosition: ticks.nextPosition - 1,
                candlesPosition: candles.lastPosition, feedTime: fold.builder.feedTime.rawValue, input: ticks.counters,
                fold: fold.builder.counters)
        }
        if isDue { try ticks.noteTaken(ticks.nextPosition - 1) }
    }
}

/// The aggregator's status object on the bus. Source: docs/formats.md § 4.
struct AggregatorStatus: Encodable, Sendable {
    /// Seconds since 1970 UTC.
    let time: Int64
    let isLive: Bool
    let ticksPosition: UInt64
    let candlesPosition: UInt64
    /// ns since 1970 UTC.
    let feedTime: Int64
    let input: StreamReader.Counters
    let fold: CandleBuilder.Counters
}

extension CandleBuilder.Options {
    public init(_ configuration: Configuration) {
        self.init()
        timeframes = configuration.timeframes
        graceNanos = configuration.graceMilliseconds * UTCNanos.perMillisecond
        lateReachNanos = configuration.lateReachMinutes * 60 * UTCNanos.perSecond
    }
}
