internal import Host
internal import Inspection
internal import MarketData
internal import Settings
internal import Store

extension Worker {
    /// The pairs and timeframes that are configured or stored, those of the configuration first.
    /// - Throws: `StoreError`; `Failure` (69) without a database.
    func listedPairs() throws -> (pairs: [Pair], timeframes: [Pair: [Timeframe]]) {
        let collectors = try facts.collectors()
        let stored = Dictionary(grouping: try store().series(), by: \.pair)
        let configured = collectors.pairs
        let pairs = configured + stored.keys.filter { !configured.contains($0) }.sorted()
        let timeframes = pairs.map { pair in
            let streamed = configured.contains(pair) ? collectors.timeframes : []
            return (pair, Set(streamed + (stored[pair] ?? []).map(\.timeframe)).sorted())
        }
        return (pairs, Dictionary(uniqueKeysWithValues: timeframes))
    }
}

extension SiteFacts {
    /// The market's time, as the pipeline tells it; without that, the host's.
    var marketNow: UTCNanos { view?.seen.marketNow ?? clock.now() }

    /// The later one of the market's time and the host's: what lies behind it is the future to anybody.
    var latestNow: UTCNanos { max(marketNow, clock.now()) }

    /// Whether the newest prices of a pair are those of now: its market is open, and a collector sees it.
    func seesPrices(of pair: Pair) -> Bool {
        guard let view else { return false }
        return view.seen.collectors.contains {
            $0.pairs.contains(pair) && $0.session(pair) != nil && $0.sees(pair)
        }
    }
}

extension Verdict.CollectorObservation {
    /// Whether its feed brings the pair now.
    func sees(_ pair: Pair) -> Bool {
        ingest != nil && continuity.blindSince == nil
            && !continuity.blindPairs.contains { $0.pair == pair.description }
    }
}
