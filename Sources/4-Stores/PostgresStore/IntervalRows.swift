internal import Candles
internal import MarketData
internal import Store
internal import Wire

/// The rows of one interval while a transaction changes them, in memory: of each source at most one candle; the highest in
/// rank is the one that readers see, the others wait for the case that it is withdrawn. `CandleRank` decides.
struct IntervalRows {
    let key: CandleKey
    let series: Series
    /// The candle in `candle`.
    private(set) var seen: CandleRow?
    /// Those in `outranked_candle`.
    private(set) var waiting: [CandleRow]
    /// The broker's own candle; `nil` without one.
    private(set) var native: CandleRecord?
    /// What is to be written of the comparison with it.
    private(set) var opinion: OpinionRow?
    /// As the database has them.
    private var formerSeen: CandleRow?
    private var formerWaiting: [CandleRow] = []

    init(_ key: CandleKey, _ series: Series) { (self.key, self.series, waiting) = (key, series, []) }

    // MARK: What the database has

    mutating func know(native: CandleRecord) { self.native = native }

    mutating func know(seen: CandleRow) { (self.seen, formerSeen) = (seen, seen) }

    mutating func know(waiting: CandleRow) {
        self.waiting.append(waiting)
        formerWaiting.append(waiting)
    }

    // MARK: What is to be written

    var isChanged: Bool { seen != formerSeen }

    /// The database has no candle of the interval.
    var isNew: Bool { formerSeen == nil }

    var changedWaiting: [CandleRow] { waiting.filter { !formerWaiting.contains($0) } }

    /// Of rows of `outranked_candle` that are to be deleted.
    var goneSources: [CandleSource] {
        formerWaiting.map(\.candle.source).filter { source in !waiting.contains { $0.candle.source == source } }
    }

    // MARK: Candles

    /// - Returns: the candle of the interval that a reader now sees; `nil` if it is the same as before.
    mutating func store(_ candle: CandleRecord, now: UTCNanos) -> CandleRecord? {
        let row = CandleRow(candle, now: now)
        guard let seen else {
            self.seen = row
            // Others may wait for it only after a deletion by age that was cut off.
            return candle.flags.contains(.withdrawn) ? showBest(for: candle) ?? candle : candle
        }
        if seen.candle.source == candle.source {
            guard CandleRank(candle).replaces(CandleRank(seen.candle)) else { return nil }
            self.seen = row
            return showBest(for: candle) ?? candle
        }
        if let place = waiting.firstIndex(where: { $0.candle.source == candle.source }) {
            guard CandleRank(candle).replaces(CandleRank(waiting[place].candle)) else { return nil }
            waiting[place] = row
        } else {
            waiting.append(row)
        }
        return showBest(for: candle)
    }

    /// Exchanges the interval's candle for one that waits, if that is better.
    /// - Returns: that one, or `nil`.
    private mutating func showBest(for cause: CandleRecord) -> CandleRecord? {
        guard let seen else { return nil }
        let ranks = ([seen] + waiting).map { CandleRank($0.candle) }
        let best = CandleRank.best(of: ranks, seen: 0)
        guard best != 0 else { return nil }
        let shown = waiting.remove(at: best - 1)
        waiting.removeAll { $0.candle.source == seen.candle.source }
        waiting.append(seen)
        self.seen = shown
        if shown.candle.source == cause.source { return cause }
        var record = shown.candle
        record.seal(position: cause.position)
        return record
    }

    // MARK: The broker's own candle

    /// Takes it, or compares the one that is known with a new streamed candle.
    /// - Parameter enforces: a disputed candle is partial.
    /// - Returns: the candle of the interval that a reader now sees; `nil` if it is the same as before.
    mutating func compare(_ native: CandleRecord, enforces: Bool, now: UTCNanos) -> CandleRecord? {
        self.native = native
        let streamed = ([seen].compactMap { $0 } + waiting).first { $0.candle.source == .streamed }?.candle
        let verdict = OpinionVerdict(native: native, streamed: streamed)
        opinion = OpinionRow(native: native, streamed: streamed, verdict: verdict, comparedAt: now.seconds)
        guard var streamed else { return nil }
        let flags = verdict.marked(streamed.flags, enforces: enforces)
        guard flags != streamed.flags else { return nil }
        streamed.flags = flags
        return mark(streamed)
    }

    /// Writes anew what is known of a streamed candle beside its ticks.
    private mutating func mark(_ candle: CandleRecord) -> CandleRecord? {
        let isSeen = seen?.candle.source == candle.source
        if isSeen { seen?.candle.flags = candle.flags }
        if !isSeen, let place = waiting.firstIndex(where: { $0.candle.source == candle.source }) {
            waiting[place].candle.flags = candle.flags
        }
        return showBest(for: candle) ?? (isSeen ? candle : nil)
    }
}
