internal import Candles
internal import MarketData
internal import Store
internal import Wire

/// The rows of one interval while a transaction changes them, in memory: of each source and collector at most one candle;
/// the best is the one that readers see, the others wait for the case that it is withdrawn. `CandleRank` decides.
struct IntervalRows {
    let key: CandleKey
    let series: Series
    /// The candle in `candle`.
    private(set) var seen: CandleRow?
    /// Those in `outranked_candle`.
    private(set) var waiting: [CandleRow]
    /// The broker's own candle, as the batch's collector was sent it; `nil` without one.
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

    /// Rows of `outranked_candle` that are to be deleted.
    var goneWaiting: [CandleRow] {
        formerWaiting.filter { former in !waiting.contains { $0.rank.isRevision(of: former.rank) } }
    }

    // MARK: Candles

    /// - Parameter collector: whose stream brought the candle.
    /// - Returns: the candle of the interval that a reader now sees; `nil` if it is the same as before.
    mutating func store(_ candle: CandleRecord, _ collector: CollectorKey, now: UTCNanos) -> CandleRecord? {
        let row = CandleRow(candle, collector, now: now)
        guard let seen else {
            self.seen = row
            // Others may wait for it only after a deletion by age that was cut off.
            return candle.flags.contains(.withdrawn) ? showBest(for: row) ?? candle : candle
        }
        if row.rank.isRevision(of: seen.rank) {
            guard row.rank.replaces(seen.rank) else { return nil }
            self.seen = row
            return showBest(for: row) ?? candle
        }
        if let place = waiting.firstIndex(where: { row.rank.isRevision(of: $0.rank) }) {
            guard row.rank.replaces(waiting[place].rank) else { return nil }
            waiting[place] = row
        } else {
            waiting.append(row)
        }
        return showBest(for: row)
    }

    /// Exchanges the interval's candle for one that waits, if that is better.
    /// - Returns: that one, or `nil`.
    private mutating func showBest(for cause: CandleRow) -> CandleRecord? {
        guard let seen else { return nil }
        let best = CandleRank.best(of: ([seen] + waiting).map(\.rank))
        guard best != 0 else { return nil }
        let shown = waiting.remove(at: best - 1)
        // The same may still wait only after a deletion by age that was cut off.
        waiting.removeAll { $0.rank.isRevision(of: seen.rank) }
        waiting.append(seen)
        self.seen = shown
        if shown.rank.isRevision(of: cause.rank) { return cause.candle }
        var record = shown.candle
        record.seal(position: cause.candle.position)
        return record
    }

    // MARK: The broker's own candle

    /// Takes the one that a collector was sent, or compares the one that is known with a new streamed candle.
    /// - Parameter enforces: a disputed candle is partial.
    /// - Returns: the candle of the interval that a reader now sees; `nil` if it is the same as before.
    mutating func compare(
        _ native: CandleRecord, _ collector: CollectorKey, enforces: Bool, now: UTCNanos
    ) -> CandleRecord? {
        self.native = native
        let streamed = ([seen].compactMap { $0 } + waiting).first {
            $0.candle.source == .streamed && $0.collector == collector
        }
        let verdict = OpinionVerdict(native: native, streamed: streamed?.candle)
        opinion = OpinionRow(
            collector: collector, native: native, streamed: streamed?.candle, verdict: verdict, comparedAt: now.seconds)
        guard var streamed else { return nil }
        let flags = verdict.marked(streamed.candle.flags, enforces: enforces)
        guard flags != streamed.candle.flags else { return nil }
        streamed.candle.flags = flags
        return mark(streamed)
    }

    /// Writes anew what is known of a streamed candle beside its ticks.
    private mutating func mark(_ row: CandleRow) -> CandleRecord? {
        let isSeen = seen.map { row.rank.isRevision(of: $0.rank) } ?? false
        if isSeen { seen?.candle.flags = row.candle.flags }
        if !isSeen, let place = waiting.firstIndex(where: { row.rank.isRevision(of: $0.rank) }) {
            waiting[place].candle.flags = row.candle.flags
        }
        return showBest(for: row) ?? (isSeen ? row.candle : nil)
    }
}
