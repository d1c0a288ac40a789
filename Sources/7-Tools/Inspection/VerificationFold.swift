internal import Aggregation
internal import Archive
internal import Candles
internal import Host
internal import MarketData
internal import Settings
internal import SQLiteStore
internal import Store
internal import Wire

/// Up to where the database has taken the candles stream in, by the positions of what it was made of.
struct Bounds {
    private struct Key: Hashable {
        let pair: Pair
        let start: UTCNanos
        let timeframe: Timeframe
        let revision: UInt16
        let source: UInt8

        init(_ record: CandleRecord) {
            (pair, start, timeframe) = (record.pair, record.start, record.timeframe)
            (revision, source) = (record.revision, record.source.rawValue)
        }
    }

    private struct Bound {
        var position: UInt64 = 0
        /// Candles of the very last position that are there.
        var candles: Set<Key> = []

        mutating func note(_ record: CandleEnvelope) {
            if record.inputPosition > position { (position, candles) = (record.inputPosition, []) }
            if record.inputPosition == position, let candle = record.candle { candles.insert(Key(candle)) }
        }

        func includes(_ record: CandleRecord) -> Bool {
            record.inputPosition < position || record.inputPosition == position && candles.contains(Key(record))
        }
    }

    private var ticks = Bound()
    private var history = Bound()

    /// - Parameter stored: the last position of the candles stream that is in the database.
    init(paths: Paths, stored: UInt64, stop: StopSignal) throws {
        var (ticks, history) = (Bound(), Bound())
        try StreamScan(CandleEnvelope.self, .candles, paths, stop: stop).forEach { record in
            guard record.position <= stored else { return }
            if record.inputStream == .history { history.note(record) } else { ticks.note(record) }
        }
        (self.ticks, self.history) = (ticks, history)
    }

    func includes(_ record: CandleRecord) -> Bool {
        record.inputStream == .history ? history.includes(record) : ticks.includes(record)
    }
}

/// What ticks and history say, folded again into a database of its own.
struct VerificationFold {
    private(set) var ticks = 0
    /// The first position that was read of each stream, and when its first record of the ticks was.
    private var oldestTick: UInt64 = 1
    private var oldestHistory: UInt64 = 1
    private var firstTime = UTCNanos(rawValue: .max)
    /// The last candle of each interval whose revisions were too many to be numbered: a store keeps the first of equal
    /// numbers.
    private var unnumbered: [Interval: CandleRecord] = [:]

    /// What was blind, open or late before the first candle that is wanted is known from so long before. Source:
    /// docs/formats.md § 1.3: a blindness that lasts is recorded again.
    private static let lead = Duration.seconds(86_400)

    /// - Parameter since: candles before it are not wanted.
    /// - Throws: `Failure` (75) when a stop was asked for; `JournalError`, `StoreError`.
    init(
        paths: Paths, configuration: Configuration, bounds: Bounds, since: UTCSeconds?, into path: String,
        watch: VerificationWatch
    ) throws {
        var candles = try FoldedCandles(into: path, bounds)
        let first = try since.flatMap {
            try ArchivedStream.position(of: .ticks, paths, at: UTCNanos(seconds: $0 - Self.lead))
        }
        try foldTicks(
            try StreamScan(TickEnvelope.self, .ticks, paths, from: first, stop: watch.stop), configuration, watch,
            into: &candles)
        try foldHistory(
            try StreamScan(CandleEnvelope.self, .history, paths, stop: watch.stop), configuration, into: &candles)
        try candles.close()
        unnumbered = candles.unnumbered
    }

    private mutating func foldTicks(
        _ scan: StreamScan<TickEnvelope>, _ configuration: Configuration, _ watch: VerificationWatch,
        into candles: inout FoldedCandles
    ) throws {
        defer { watch.ended() }
        oldestTick = scan.oldest
        var fold = ResumedFold(options: CandleBuilder.Options(configuration), emitted: EmittedMark())
        var (count, first, last) = (0, UTCNanos(rawValue: .max), UTCNanos(rawValue: 0))
        try scan.forEach {
            if count == 0 { first = $0.brokerTime }
            count += 1
            last = $0.brokerTime
            fold.fold($0)
        } batchEnded: {
            try fold.takeNew(publishTime: UTCNanos(rawValue: 0)) { candles.take($0) }
            try candles.write(atLeast: 10_000)
            watch.folded(count, upTo: last)
        }
        (ticks, firstTime) = (count, first)
    }

    private mutating func foldHistory(
        _ scan: StreamScan<CandleEnvelope>, _ configuration: Configuration, into candles: inout FoldedCandles
    ) throws {
        oldestHistory = scan.oldest
        var history = ResumedHistory(
            timeframes: configuration.timeframes, calendar: configuration.calendar, emitted: EmittedMark())
        try scan.forEach {
            history.take($0)
        } batchEnded: {
            try history.takeNew(publishTime: UTCNanos(rawValue: 0)) { candles.take($0) }
            try candles.write(atLeast: 10_000)
        }
    }

    /// What the fold said last of an interval, where the store shows its first candle of the highest revision number.
    func last(of record: CandleRecord, _ series: Series) -> CandleRecord {
        guard record.revision == .max, let last = unnumbered[Interval(series, start: record.start.seconds)],
            last.source == record.source
        else { return record }
        return last
    }

    /// Whether archive and journals hold all that a candle was made of.
    func isFounded(_ record: CandleRecord) -> Bool {
        if record.inputStream == .history { return record.inputPosition >= oldestHistory }
        // Before the first record that was read there may have been more of the interval.
        return record.inputPosition >= oldestTick
            && (oldestTick == 1 || record.start.rawValue >= firstTime.rawValue + FeedEvent.orderMargin)
    }

    /// Whether what is derived could be derived again: its parts may be older than what is held.
    func canDerive(_ record: CandleRecord) -> Bool { record.source != .derived || oldestHistory == 1 }
}

/// Writes folded candles into a database of their own, many in a transaction.
private struct FoldedCandles {
    private let store: SQLiteWriter
    private let bounds: Bounds
    private var batch: [CandleEnvelope] = []
    /// As `VerificationFold.unnumbered`.
    private(set) var unnumbered: [Interval: CandleRecord] = [:]

    init(into path: String, _ bounds: Bounds) throws {
        store = try SQLiteWriter(path: path)
        self.bounds = bounds
    }

    mutating func take(_ record: CandleEnvelope) {
        guard let candle = record.candle, bounds.includes(candle) else { return }
        batch.append(record)
        if candle.revision == .max { unnumbered[Interval(candle.series, start: candle.start.seconds)] = candle }
    }

    mutating func write(atLeast count: Int) throws {
        guard batch.count >= count else { return }
        _ = try store.write(batch, collector: .main, stream: .candles, position: 0, now: UTCNanos(rawValue: 0))
        batch.removeAll(keepingCapacity: true)
    }

    mutating func close() throws {
        try write(atLeast: 1)
        try store.close()
    }
}
