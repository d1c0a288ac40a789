public import MarketData
public import Wire

/// What readers ask of a store: candles, what is known of their intervals, feed events, requests for history.
///
/// A commit of the writer is seen by the next call. One thread only.
///
/// Every function throws `StoreError`.
public protocol CandleQueries: AnyObject {
    /// Where the database is.
    var path: String { get }

    func size() throws -> DatabaseSize

    /// Waits for a commit of the writer's, at most so long.
    /// - Returns: whether one came since the last call; `true` also of the first call, since nothing is known of the time
    ///   before; `nil`, at once, if the engine does not tell: the bus does.
    func commitCame(withinMilliseconds milliseconds: Int) throws -> Bool?

    /// - Throws: `Failure` (75) if store-writer has not yet brought the database up to date.
    func checkSchema() throws

    /// Asks several questions of one state of the database, if the engine can.
    /// - Parameter questions: asks this reader.
    func together<Answer>(_ questions: () throws -> Answer) throws -> Answer

    // MARK: Candles

    /// The last candles of a series, oldest first.
    /// - Parameter count: how many at most.
    func last(_ count: Int, _ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection) throws -> [Candle]

    /// The candles of a series that begin in a range, oldest first.
    func candles(
        _ pair: Pair, _ timeframe: Timeframe, in range: Range<UTCSeconds>, _ selection: CandleSelection
    ) throws -> [Candle]

    /// Of the candles of a series that begin in a range: the first or the last, at most so many, oldest first.
    func candles(
        _ pair: Pair, _ timeframe: Timeframe, in range: Range<UTCSeconds>, _ limit: CandleLimit,
        _ selection: CandleSelection
    ) throws -> [Candle]

    /// The oldest candle of a series that begins after a moment; `nil` without one.
    func first(
        after start: UTCSeconds, _ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection
    ) throws -> Candle?

    /// How many candles of a series there are.
    func count(_ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection) throws -> Int

    /// The series that have a candle, by name.
    func series() throws -> [Series]

    /// Counts every row: a second for some millions.
    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - timeframe: `nil`: all.
    /// - Returns: by name.
    func statistics(of pairs: [Pair], _ timeframe: Timeframe?) throws -> [SeriesStatistics]

    /// The candle of an interval that readers see; `nil` if it is missing.
    func record(_ series: Series, start: UTCSeconds) throws -> CollectedCandle?

    /// All candles of a series as the records that they were made of, without their positions, oldest first.
    func records(_ series: Series) throws -> [CandleRecord]

    /// The candles of a series that start in a range, as `records`.
    func records(_ series: Series, in range: Range<UTCSeconds>) throws -> [CandleRecord]

    /// The candles of other sources and collectors that wait for an interval's candle to be withdrawn, the best first.
    func outranked(_ series: Series, start: UTCSeconds) throws -> [CollectedCandle]

    /// The streamed candles of all collectors that start in a range, whether readers see them or not, by start and name.
    func streamed(_ series: Series, in range: Range<UTCSeconds>) throws -> [CollectedCandle]

    // MARK: Starts

    /// What is known of the intervals that start in `range`.
    func starts(_ series: Series, in range: Range<UTCSeconds>) throws -> IntervalStarts

    /// Of the oldest streamed candle of a series; `nil` without any.
    func oldestStreamed(_ series: Series, _ selection: CandleSelection) throws -> UTCSeconds?

    /// Of the newest candle of a series; `nil` without any. A candle that a wrong time of the broker made, before that
    /// was taken back, does not count.
    func newest(_ series: Series) throws -> UTCSeconds?

    /// Of the newest streamed candle of a series; as `newest`.
    func newestStreamed(_ series: Series) throws -> UTCSeconds?

    // MARK: Collectors and their feeds

    /// Those of which anything is stored, by name.
    func collectors() throws -> [Collector]

    /// The pairs of which a collector streamed a candle, each with the start of its oldest one.
    func streamedSince(by collector: Collector) throws -> [Pair: UTCSeconds]

    /// A collector's newest events, newest first.
    func events(last count: Int, of collector: Collector) throws -> [StoredEvent]

    /// A collector's events of a range of feed time, and those that speak of it, oldest first.
    func events(in range: Range<UTCNanos>, of collector: Collector) throws -> [StoredEvent]

    /// When a collector saw its feed for the first time: the first end of a blindness of the whole; `nil` before it.
    func firstSight(of collector: Collector) throws -> UTCNanos?

    /// What all events of a collector's feed report.
    func continuity(of collector: Collector) throws -> Continuity

    // MARK: Positions and requests

    /// The last position of a collector's stream that is in the database; of `history`, that of its last record that came
    /// through.
    func position(of stream: Stream, collector: Collector) throws -> UInt64

    /// The ledger of a collector's account, oldest first.
    func ledger(of collector: Collector) throws -> [LedgerRow]

    /// Up to when candles and feed events were deleted by age; 0: never.
    func forgottenBefore() throws -> UTCSeconds

    // MARK: Second opinions. Source: docs/formats.md § 5

    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - first: from which start on.
    /// - Returns: by name of the pair.
    func agreements(of pairs: [Pair], since first: UTCSeconds) throws -> [OpinionAgreement]

    /// The intervals in which the two differ, newest first; parameters as of `agreements`.
    func differences(of pairs: [Pair], since first: UTCSeconds) throws -> [OpinionComparison]

    /// Starts of the intervals of a series, in a range, in which the broker's own candle disputes a collector's.
    func disputedStarts(_ series: Series, of collector: Collector, in range: Range<UTCSeconds>) throws -> Set<
        UTCSeconds
    >

    /// How many candles from a start on are disputed and not repaired, and the start of the newest.
    func disputed(since first: UTCSeconds) throws -> (count: Int, newest: UTCSeconds?)
}

extension CandleQueries {
    public func commitCame(withinMilliseconds milliseconds: Int) throws -> Bool? { nil }

    public func together<Answer>(_ questions: () throws -> Answer) throws -> Answer { try questions() }

    /// Complete candles only.
    public func last(_ count: Int, _ pair: Pair, _ timeframe: Timeframe) throws -> [Candle] {
        try last(count, pair, timeframe, .complete)
    }

    /// The newest candle of a series; `nil` without any.
    public func latest(_ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection) throws -> Candle? {
        try last(1, pair, timeframe, selection).first
    }

    /// The newest events of all collectors, newest first as they were received.
    public func events(last count: Int) throws -> [StoredEvent] {
        let all = try collectors().map { try events(last: count, of: $0) }
        return Array(merged(all) { $0.received > $1.received }.prefix(count))
    }

    /// The events of all collectors in a range of feed time, and those that speak of it, oldest first as they were
    /// received.
    public func events(in range: Range<UTCNanos>) throws -> [StoredEvent] {
        merged(try collectors().map { try events(in: range, of: $0) }) { $0.received < $1.received }
    }

    /// Of all series.
    public func statistics() throws -> [SeriesStatistics] { try statistics(of: [], nil) }
}

/// Events of several feeds in one order; those of one feed keep theirs.
private func merged(
    _ feeds: [[StoredEvent]], _ isBefore: (StoredEvent, StoredEvent) -> Bool
) -> [StoredEvent] {
    var left = feeds.map { $0[...] }.filter { !$0.isEmpty }
    var all: [StoredEvent] = []
    while let next = left.indices.min(by: { isBefore(left[$0][left[$0].startIndex], left[$1][left[$1].startIndex]) }) {
        all.append(left[next].removeFirst())
        if left[next].isEmpty { left.remove(at: next) }
    }
    return all
}

/// Which candles are read.
public enum CandleSelection: Hashable, Sendable {
    /// Those of the view `candles`: complete ones only.
    case complete
    /// Those of the view `candles_full`: partial ones too.
    case all
}

/// Which candles of a range are read, if it has more.
public enum CandleLimit: Hashable, Sendable {
    case first(Int)
    case last(Int)

    package var count: Int {
        switch self {
        case .first(let count), .last(let count): count
        }
    }

    package var isFirst: Bool {
        switch self {
        case .first: true
        case .last: false
        }
    }

    /// The order of starts in which SQL finds them.
    package var order: String { isFirst ? "ASC" : "DESC" }
}

/// Starts of a series' intervals that lie in a range.
public struct IntervalStarts: Hashable, Sendable {
    /// Of complete candles.
    public var complete: [UTCSeconds] = []
    /// Of candles that are partial.
    public var partial: [UTCSeconds] = []
    /// Of intervals of which the broker has none, since there was no tick.
    public var empty: [UTCSeconds] = []
    /// Of intervals of which the broker has none that can be used.
    public var unusable: [UTCSeconds] = []

    public init() {}
}

/// A row of the quota ledger.
public struct LedgerRow: Hashable, Sendable {
    /// Its outcome while no reply is known.
    public static let inFlight = "in flight"
    /// Of the request, in the history stream.
    public let position: UInt64
    public let request: HistoryRequest
    /// `nil` while no reply is known.
    public let reply: HistoryReply?

    public init(position: UInt64, request: HistoryRequest, reply: HistoryReply?) {
        self.position = position
        self.request = request
        self.reply = reply
    }
}

/// What there is of one pair and timeframe.
public struct SeriesStatistics: Hashable, Sendable {
    public let series: Series
    /// Candles, partial ones included.
    public var count: Int
    /// Candles of complete intervals.
    public var complete: Int
    /// The oldest and the newest interval's start.
    public var oldest: UTCSeconds
    public var newest: UTCSeconds
    /// Mid at the newest interval's close.
    public var close: Price
    /// Candles by where they came from.
    public var bySource: [CandleSource: Int]

    public init(
        series: Series, count: Int, complete: Int, oldest: UTCSeconds, newest: UTCSeconds, close: Price,
        bySource: [CandleSource: Int]
    ) {
        self.series = series
        self.count = count
        self.complete = complete
        self.oldest = oldest
        self.newest = newest
        self.close = close
        self.bySource = bySource
    }

    /// Adds another source's part of the same series.
    public mutating func add(_ other: Self) {
        count += other.count
        complete += other.complete
        oldest = min(oldest, other.oldest)
        newest = max(newest, other.newest)
        bySource.merge(other.bySource) { $0 + $1 }
    }
}

/// How large a database is, in bytes.
public struct DatabaseSize: Hashable, Sendable {
    /// Of its tables and indexes.
    public let total: Int64
    /// Left by deleted rows, used by the next ones; `nil` if the engine does not say.
    public let free: Int64?
    /// On the disk, logs included.
    public let onDisk: Int64

    public init(total: Int64, free: Int64?, onDisk: Int64) {
        (self.total, self.free, self.onDisk) = (total, free, onDisk)
    }
}
