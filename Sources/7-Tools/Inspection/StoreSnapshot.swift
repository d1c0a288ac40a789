internal import Host
package import IG
package import MarketData
internal import Planning
internal import Settings
package import Store
package import Wire

/// The database's facts about the pipeline, read at one moment.
package struct StoreSnapshot: Sendable {
    /// The facts about one collector.
    package struct OfCollector: Sendable {
        package var continuity = Continuity()
        /// The remaining allowance of its account, as far as the database knows.
        package var quota: QuotaLedger.Estimate
        /// What became of the requests for history so far.
        package var purchases = QuotaLedger.Purchases()
        /// The pairs that it streamed; read only of those without a configuration file.
        package var pairs: [Pair] = []
    }

    /// Why the database cannot be read now; the rest is then what was known before.
    package var failure: String?
    package var candles: [SeriesStatistics] = []
    package var collectors: [Collector: OfCollector]
    /// Of the database on its disk.
    package var bytes: Int64 = 0
    /// The newest ones, newest first.
    package var events: [StoredEvent] = []
    /// Candles of the last day that the broker's own dispute, and the start of the newest.
    package var disputed: (count: Int, newest: UTCSeconds?) = (0, nil)

    /// Nothing but what the configurations say.
    init(_ collectors: Collectors, now: UTCSeconds) {
        let all = collectors.all.map { collector in
            (collector, OfCollector(quota: collectors.ledger(of: collector).estimate(now: now)))
        }
        self.collectors = Dictionary(uniqueKeysWithValues: all)
    }

    /// - Parameter now: the local clock: the allowance runs by it.
    /// - Throws: `StoreError`.
    init(_ reader: any CandleQueries, _ collectors: Collectors, now: UTCSeconds) throws {
        self.init(collectors, now: now)
        bytes = try reader.size().onDisk
        candles = try reader.statistics()
        events = try reader.events(last: 5)
        let newest = candles.map(\.newest).max() ?? UTCSeconds(rawValue: 0)
        disputed = try reader.disputed(since: newest - .seconds(86_400))
        for collector in collectors.all {
            var ledger = collectors.ledger(of: collector)
            for row in try reader.ledger(of: collector) {
                ledger.note(QuotaLedger.Entry(position: row.position, request: row.request, reply: row.reply))
            }
            var facts = OfCollector(quota: ledger.estimate(now: now), purchases: ledger.purchases)
            facts.continuity = try reader.continuity(of: collector)
            if collectors.configuration(of: collector) == nil {
                facts.pairs = try reader.streamedSince(by: collector).keys.sorted()
            }
            self.collectors[collector] = facts
        }
    }
}

extension Collectors {
    /// An account without a file has the points that the own one has.
    fileprivate func ledger(of collector: Collector) -> QuotaLedger {
        QuotaLedger(weeklyPoints: (configuration(of: collector) ?? own).history.weeklyPoints)
    }
}
