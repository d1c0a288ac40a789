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
    private let builder: CandleBuilder
    private var emitted: EmittedMark
    private let status: StatusPublisher
    private let clock: Clock
    private let logger: Logger

    /// - Throws: `Failure`, `JournalError` or `BusError`: the stage cannot serve.
    public init(paths: Paths, configuration: Configuration, clock: Clock, logger: Logger) throws {
        let context = try BusContext()
        self.clock = clock
        self.logger = logger
        candles = try StreamWriter(
            stream: "candles", recordSize: CandleRecord.byteCount, paths: paths, settings: configuration.journal,
            context: context, logger: logger)
        emitted = try EmittedMark(journalFolder: paths.journal("candles"))
        ticks = try StreamReader(
            context: context, endpoint: try paths.endpoint("ticks"), journalFolder: paths.journal("ticks"),
            recordSize: TickRecord.byteCount, from: 1)
        status = try StatusPublisher(
            context: context, endpoint: try paths.statusEndpoint("aggregator"), stage: "aggregator")
        builder = CandleBuilder(options: CandleBuilder.Options(configuration))
    }

    /// The address of the `candles` stream.
    public var endpoint: String { candles.endpoint }

    /// Folds until a stop is asked for, then ends in order.
    public func run(until stop: StopSignal) throws {
        var caughtUp = false
        while !stop.isRaised {
            _ = try ticks.poll(TickRecord.self, milliseconds: 250, stop: stop.descriptor) { builder.fold($0) }
            try emit()
            if ticks.isLive, !caughtUp {
                caughtUp = true
                logger.notice("Caught up with the tick journal", metadata: ["position": "\(ticks.nextPosition - 1)"])
            }
            try publishStatus()
        }
        try candles.close()
        logger.notice("Stopped", metadata: ["position": "\(candles.lastPosition)"])
    }

    /// Appends and publishes what became final, but for what an earlier run already did.
    private func emit() throws {
        guard !builder.output.isEmpty else { return }
        let publishTime = clock.now()
        for var record in builder.output where !emitted.covers(record) {
            record.publishTime = publishTime
            try candles.append(record)
        }
        builder.output.removeAll(keepingCapacity: true)
        try candles.commit()
    }

    private func publishStatus() throws {
        try status.publishEverySecond(monotonic: clock.monotonic()) {
            AggregatorStatus(
                time: clock.now().seconds, isLive: ticks.isLive, ticksPosition: ticks.nextPosition - 1,
                candlesPosition: candles.lastPosition, feedTime: builder.feedTime.rawValue, input: ticks.counters,
                fold: builder.counters)
        }
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

/// How far the aggregator's own journal reaches: the input position of its last record, and how many
/// records that position gave. Replaying gives the same records in the same order, so those are left out.
struct EmittedMark {
    private let position: UInt64
    private var remaining: Int

    init(journalFolder: String) throws {
        var last: UInt64 = 0
        var count = 0
        try JournalTail.readBackward(CandleRecord.self, folder: journalFolder) { record in
            if count == 0 { last = record.inputPosition }
            guard record.inputPosition == last else { return false }
            count += 1
            return true
        }
        position = last
        remaining = count
    }

    /// Whether the journal already holds this record; ask once for each, in order.
    mutating func covers(_ record: CandleRecord) -> Bool {
        if record.inputPosition != position { return record.inputPosition < position }
        remaining -= 1
        return remaining >= 0
    }
}
