internal import Streams
internal import Wire

/// Candles that this process made, by what they are.
struct CandleCounts {
    private var closed: UInt64 = 0
    private var partial: UInt64 = 0
    private var revisions: UInt64 = 0
    private var withdrawn: UInt64 = 0

    /// Counts a record of the candles stream if it is a candle that was folded from ticks.
    mutating func note(_ record: CandleEnvelope) {
        guard let candle = record.candle else { return }
        if candle.revision > 1 {
            revisions &+= 1
            if candle.flags.contains(.withdrawn) { withdrawn &+= 1 }
        } else {
            closed &+= 1
            if candle.flags.contains(.partial) { partial &+= 1 }
        }
    }

    func report(into metrics: inout MetricValues) {
        let counts: [(Metric, UInt64)] = [
            (.candlesClosed, closed), (.candlesPartial, partial), (.candleRevisions, revisions),
            (.candlesWithdrawn, withdrawn),
        ]
        for (metric, count) in counts { metrics.set(metric, count) }
    }
}
