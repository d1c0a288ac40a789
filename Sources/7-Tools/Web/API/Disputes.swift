internal import MarketData
internal import Store
internal import Wire

/// Which of some candles the broker's own candle disputes.
struct Disputes {
    /// Without the collectors of whose candles none is disputed.
    private var starts: [Collector: Set<UTCSeconds>] = [:]

    /// - Parameter candles: of one series, oldest first.
    /// - Throws: `StoreError`.
    init(_ store: any CandleQueries, _ series: Series, _ candles: [Candle]) throws {
        guard let first = candles.first, let last = candles.last else { return }
        let range = UTCSeconds(rawValue: first.timestamp)..<(UTCSeconds(rawValue: last.timestamp) + series.timeframe)
        var collectors: [Collector] = []
        for candle in candles {
            if let streamer = candle.streamer, !collectors.contains(streamer) { collectors.append(streamer) }
        }
        for collector in collectors {
            let disputed = try store.disputedStarts(series, of: collector, in: range)
            if !disputed.isEmpty { starts[collector] = disputed }
        }
    }

    func contains(_ candle: Candle) -> Bool {
        !starts.isEmpty
            && candle.streamer.flatMap { starts[$0] }?.contains(UTCSeconds(rawValue: candle.timestamp)) ?? false
    }
}

extension Candle {
    /// Whose ticks it was made of; `nil` if it was bought or made otherwise.
    fileprivate var streamer: Collector? { source == .streamed ? collector : nil }
}
