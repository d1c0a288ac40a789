internal import MarketData
internal import Streams

extension FeedRecorder {
    /// What the recorder measures.
    /// - Parameters:
    ///   - metrics: gets the values.
    ///   - time: the host's clock now.
    ///   - start: when the stage began, monotonic ns.
    func report(into metrics: inout MetricValues, at time: UTCNanos, since start: Int64) {
        let counters = output.counters
        let counts: [(Metric, UInt64)] = [
            (.ticks, counters.ticks), (.heartbeats, counters.heartbeats), (.standInClocks, counters.localClocks),
            (.predictedClocks, counters.predictedClocks),
            (.sessions, counters.sessions), (.recoveries, counters.recoveries), (.updatesLost, counters.lostUpdates),
            (.badPrices, counters.badPrices), (.badTimes, counters.badTimes), (.badHeartbeats, counters.badHeartbeats),
            (.timesSetAside, counters.timesSetAside), (.clockLeaps, counters.clockLeaps),
            (.clocksSetBack, counters.clocksSetBack), (.subscriptionsEnded, counters.subscriptionsEnded),
            (.subscriptionsRefused, counters.subscriptionsRefused),
            (.subscriptionsLimited, counters.subscriptionsLimited),
            (.subscriptionsFrozen, counters.subscriptionsFrozen),
        ]
        for (metric, count) in counts { metrics.set(metric, count) }
        metrics.set(.heartbeatTime, nanos: time.rawValue - clock.heartbeatAge(since: start))
        metrics.set(.feedTime, nanos: feedTime)
        metrics.set(.nativeItems, native?.share ?? 0)
        if let line = clock.judge.line {
            metrics.set(.marketTime, nanos: line.time)
            metrics.set(.clockOffset, nanos: clock.offset)
        }
        metrics.set(.tickTime, byLabel: tickAges.mapValues { Double(time.rawValue - $0) / 1e9 })
        let blind = blindPairs
        let sight = instruments.map { ($0.pair.description, blind.contains($0.pair) ? 1.0 : 0) }
        metrics.set(.pairBlind, byLabel: Dictionary(sight, uniquingKeysWith: max))
    }
}
