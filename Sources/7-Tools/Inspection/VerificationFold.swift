internal import Aggregation
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
    init(paths: Paths, stored: UInt64) throws {
        var (ticks, history) = (Bound(), Bound())
        try StreamScan(CandleEnvelope.self, .candles, paths).forEach { record in
            guard record.position <= stored else { return }
            if record.inputStream == .history { history.note(record) } else { ticks.note(record) }
        }
        (self.ticks, self.history) = (ticks, history)
    }

    func includes(_ record: CandleRecord) -> Bool {
        record.inputStream == .history ? history.includes(record) : ticks.includes(record)
    }
}

/// What the journals say, folded again into a database of its own.
struct VerificationFold {
    private(set) var ticks = 0
    /// The oldest position of each journal, and when its first record of the ticks was.
    private let oldestTick: UInt64
    private let oldestHistory: UInt64
    private var firstTime = UTCNanos(rawValue: .max)
    /// The last candle of each interval whose revisions were too many to be numbered: a store keeps the first of equal
    /// numbers.
    private let unnumbered: [Interval: CandleRecord]

    init(
        paths: Paths, configuration: Configuration, bounds: Bounds, into path: String, stop: StopSignal
    ) throws {
        let options = CandleBuilder.Options(configuration)
        let nothing = EmittedMark()
        var candles = try FoldedCandles(into: path, bounds, stop)
        var fold = ResumedFold(options: options, emitted: nothing)
        let journal = try StreamScan(TickEnvelope.self, .ticks, paths)
        oldestTick = journal.oldest
        var (count, first) = (0, UTCNanos(rawValue: .max))
        try journal.forEach {
            if count == 0 { first = $0.brokerTime }
            count += 1
            fold.fold($0)
        } batchEnded: {
            try fold.takeNew(publishTime: UTCNanos(rawValue: 0)) { candles.take($0) }
            try candles.write(atLeast: 10_000)
        }
        (ticks, firstTime) = (count, first)
        var history = ResumedHistory(
            timeframes: configuration.timeframes, calendar: configuration.calendar, emitted: nothing)
        let bought = try StreamScan(CandleEnvelope.self, .history, paths)
        oldestHistory = bought.oldest
        try bought.forEach {
            history.take($0)
        } batchEnded: {
            try history.takeNew(publishTime: UTCNanos(rawValue: 0)) { candles.take($0) }
            try candles.write(atLeast: 10_000)
        }
        try candles.close()
        unnumbered = candles.unnumbered
    }

    /// What the fold said last of an interval, where the store shows its first candle of the highest revision number.
    func last(of record: CandleRecord, _ series: Series) -> CandleRecord {
        guard record.revision == .max, let last = unnumbered[Interval(series, start: record.start.seconds)],
            last.source == record.source
        else { return record }
        return last
    }

    /// Whether the journals still hold all that a candle was made of.
    func isFounded(_ record: CandleRecord) -> Bool {
        if record.inputStream == .history { return record.inputPosition >= oldestHistory }
        // Before the journal's first record there may have been more of the interval.
        return record.inputPosition >= oldestTick
            && (oldestTick == 1 || record.start.rawValue >= firstTime.rawValue + FeedEvent.orderMargin)
    }

    /// Whether what is derived could be derived again: its parts may be older than what the journal holds.
    func canDerive(_ record: CandleRecord) -> Bool { record.source != .derived || oldestHistory == 1 }
}

/// Writes folded candles into a database of their own, many in a transaction.
private struct FoldedCandles {
    private let store: SQLiteWriter
    private let bounds: Bounds
    private let stop: StopSignal
    private var batch: [CandleEnvelope] = []
    /// As `VerificationFold.unnumbered`.
    private(set) var unnumbered: [Interval: CandleRecord] = [:]

    init(into path: String, _ bounds: Bounds, _ stop: StopSignal) throws {
        store = try SQLiteWriter(path: path)
        (self.bounds, self.stop) = (bounds, stop)
    }

    mutating func take(_ record: CandleEnvelope) {
        guard let candle = record.candle, bounds.includes(candle) else { return }
        batch.append(record)
        if candle.revision == .max { unnumbered[Interval(candle.series, start: candle.start.seconds)] = candle }
    }

    /// - Throws: `Failure` (75) when a stop was asked for.
    mutating func write(atLeast count: Int) throws {
        if stop.isRaised { throw Failure(.temporary, "stopped before all records were folded") }
        guard batch.count >= count else { return }
        _ = try store.write(batch, collector: .main, stream: .candles, position: 0, now: UTCNanos(rawValue: 0))
        batch.removeAll(keepingCapacity: true)
    }

    mutating func close() throws {
        try write(atLeast: 1)
        try store.close()
    }
}
