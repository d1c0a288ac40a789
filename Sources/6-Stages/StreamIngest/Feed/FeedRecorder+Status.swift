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
        metrics.set(.items, items)
        metrics.set(.itemsLimit, limit.items)
        metrics.set(.nativeItems, native?.share ?? 0)
        if let line = clock.judge.line {
            metrics.set(.marketTime, nanos: line.time)
            metrics.set(.clockOffset, nanos: clock.offset)
        }
        metrics.set(.tickTime, byLabel: tickAges.mapValues { Double(time.rawValue - $0) / 1e9 })
        metrics.set(.pairBlind, byLabel: byPair { $0.sight.blindSince == nil ? 0 : 1 })
        metrics.set(.pairSubscribed, byLabel: byPair { $0.sight.subscription == .none ? 0 : 1 })
        metrics.set(.pairTicks, byLabel: byPair { Double($0.ticks) })
        metrics.set(.pairRefusals, byLabel: byPair { Double($0.refusals) })
    }

    private func byPair(_ value: (PairFeed) -> Double) -> [String: Double] {
        Dictionary(continuity.pairs.map { ($0.pair.description, value($0)) }, uniquingKeysWith: max)
    }
}
