internal import MarketData
internal import Streams

extension FeedRecorder {
    /// What the recorder measures.
    /// - Parameters:
    ///   - metrics: gets the values.
    ///   - time: the host's clock now.
    ///   - start: when the stage began, monotonic ns.
    func report(into metrics: inout MetricValues, at time: UTCNanos, since start: Int64) {
        let counts: [(Metric, UInt64)] = [
            (.ticks, counters.ticks), (.heartbeats, counters.heartbeats), (.standInClocks, counters.localClocks),
            (.sessions, counters.sessions), (.recoveries, counters.recoveries), (.updatesLost, counters.lostUpdates),
            (.badPrices, counters.badPrices), (.badTimes, counters.badTimes), (.badHeartbeats, counters.badHeartbeats),
            (.timesSetAside, counters.timesSetAside), (.clockLeaps, counters.clockLeaps),
            (.clocksSetBack, counters.clocksSetBack), (.subscriptionsEnded, counters.subscriptionsEnded),
            (.subscriptionsRefused, counters.subscriptionsRefused),
            (.subscriptionsLimited, counters.subscriptionsLimited),
            (.subscriptionsFrozen, counters.subscriptionsFrozen),
        ]
        for (metric, count) in counts { metrics.set(metric, count) }
        metrics.set(.heartbeatTime, nanos: time.rawValue - heartbeatAge(since: start))
        metrics.set(.feedTime, nanos: feedTime)
        metrics.set(.nativeItems, native?.share ?? 0)
        if let line = judge.line {
            metrics.set(.marketTime, nanos: line.time)
            metrics.set(.clockOffset, nanos: clockOffset)
        }
        for (pair, age) in tickAges { metrics[.tickTime, pair] = Double(time.rawValue - age) / 1e9 }
        let blind = blindPairs
        for pair in instruments.map(\.pair) { metrics[.pairBlind, pair.description] = blind.contains(pair) ? 1 : 0 }
    }
}
