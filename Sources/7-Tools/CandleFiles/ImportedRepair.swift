internal import IG
public import MarketData
internal import Store
internal import Wire

/// The effect of imported candles on `ingest-backfill repair`: it buys nothing more because of them, and less if
/// they fill holes. Source: docs/decisions/0027.
public struct ImportedRepair: Hashable, Sendable {
    /// Since when it looks for holes of the file's pairs and timeframes; `nil`: nothing was streamed.
    public private(set) var begins: UTCSeconds?
    /// Imported intervals that it would buy.
    public private(set) var filled = 0
    private var bound = RepairReach.Bound.stream
    private let days: Int

    /// - Parameters:
    ///   - reader: `nil`: the database does not exist yet.
    ///   - days: `history.repair_days`.
    ///   - now: the broker's time.
    /// - Throws: `StoreError`.
    init(_ candles: [CandleRecord], _ reader: (any CandleQueries)?, days: Int, now: UTCSeconds) throws {
        self.days = days
        guard let reader else { return }
        let sight = try Sight(reader)
        let reach = RepairReach(reader, sight, now: now, days: days, depthDays: PricesRequest.depthDays)
        for (series, candles) in Dictionary(grouping: candles, by: \.series) {
            guard let beginning = try reach.beginning(series) else { continue }
            if beginning.start < begins ?? .max { (begins, bound) = (beginning.start, beginning.bound) }
            let known = try reader.starts(series, in: beginning.start..<max(beginning.start, now))
            let (complete, partial) = (Set(known.complete + known.empty + known.unusable), Set(known.partial))
            filled += candles.count { candle in
                let start = candle.start.seconds
                return start >= beginning.start && !complete.contains(start)
                    && sight.lacks(series, start, isPartial: partial.contains(start))
            }
        }
    }

    /// For a person.
    public var sentence: String {
        guard let begins else { return "repair buys nothing: no candle was streamed yet" }
        let why = bound == .stream ? "the start of the stream" : "\(days) days back (history.repair_days)"
        let less = filled == 0 ? "" : "; \(filled) intervals of the file need not be bought any more"
        return
            "the import adds nothing to what repair buys: repair looks back to \(begins.text().dropLast(3)) UTC, \(why)\(less)"
    }
}
