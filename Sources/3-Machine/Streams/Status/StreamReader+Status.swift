public import Wire

extension StreamReader {
    /// How far the stream is taken.
    public func progress(of stream: Stream, of collector: Collector = .main) -> StageStatus.Input {
        StageStatus.Input(stream, of: collector, position: nextPosition - 1, isLive: isLive)
    }

    /// The reader's metrics. The label of another collector's stream than `main`'s is `NAME/stream`.
    public func report(_ stream: Stream, of collector: Collector = .main, into metrics: inout MetricValues) {
        let label = (collector.label.map { "\($0)/" } ?? "") + stream.rawValue
        let counts: [(Metric, UInt64)] = [
            (.recordsReplayed, counters.replayed), (.recordsLive, counters.live), (.gapsFilled, counters.gaps),
            (.messagesDamaged, counters.damaged), (.positionsMissing, counters.missing),
        ]
        for (metric, count) in counts { metrics[metric, label] = Double(count) }
    }
}
