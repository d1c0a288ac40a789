public import Wire

extension StreamReader {
    /// How far the stream is taken.
    public func progress(of stream: Stream) -> StageStatus.Input {
        StageStatus.Input(stream, position: nextPosition - 1, isLive: isLive)
    }

    /// The reader's metrics.
    public func report(_ stream: Stream, into metrics: inout MetricValues) {
        let counts: [(Metric, UInt64)] = [
            (.recordsReplayed, counters.replayed), (.recordsLive, counters.live), (.gapsFilled, counters.gaps),
            (.messagesDamaged, counters.damaged), (.positionsMissing, counters.missing),
        ]
        for (metric, count) in counts { metrics[metric, stream.rawValue] = Double(count) }
    }
}
