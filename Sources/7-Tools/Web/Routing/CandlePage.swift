internal import MarketData
internal import Store

/// Candles of a series in a range, oldest first: stored ones, then the one that forms, if it begins in the range.
struct CandlePage {
    private(set) var stored: [Candle]
    private(set) var forming: Candle?

    /// How the candle that forms counts.
    enum Forming { case leftOut, withinLimit, beyondLimit }

    /// - Parameter limit: how many candles at most.
    /// - Throws: `StoreError`; `Failure` (69) without a database.
    init(
        _ worker: Worker, _ series: Series, in range: Range<UTCSeconds>, _ limit: CandleLimit,
        _ selection: CandleSelection, forming place: Forming = .withinLimit
    ) throws {
        let store = try worker.store()
        stored = try store.candles(series.pair, series.timeframe, in: range, limit, selection)
        guard place != .leftOut, let candle = worker.facts.live.forming(series),
            range.contains(UTCSeconds(rawValue: candle.timestamp)),
            try store.latest(series.pair, series.timeframe, .all).map({ $0.timestamp < candle.timestamp }) ?? true
        else { return }
        if stored.count == limit.count {
            // Stored candles may lie between a full first page and the one that forms.
            guard !limit.isFirst else { return }
            if place == .withinLimit { stored.removeFirst() }
        }
        forming = candle
    }

    /// Without the stored candles before the last.
    var newest: CandlePage {
        var page = self
        page.stored = stored.suffix(1)
        return page
    }

    var all: [Candle] { stored + (forming.map { [$0] } ?? []) }
}
