internal import Host
internal import IG
internal import MarketData
internal import Planning
internal import Settings
internal import Store

/// The database's facts about the pipeline, read at one moment.
struct StoreSnapshot {
    var candles: [SeriesStatistics] = []
    var continuity = Continuity()
    /// Of the database on its disk.
    var bytes: Int64 = 0
    /// The newest ones, newest first.
    var events: [StoredEvent] = []
    /// Candles of the last day that the broker's own dispute, and the start of the newest.
    var disputed: (count: Int, newest: UTCSeconds?) = (0, nil)
    /// The remaining allowance, as far as the database knows.
    var quota: QuotaLedger.Estimate

    /// Nothing but what the configuration says.
    init(_ configuration: Configuration, now: UTCSeconds) {
        quota = QuotaLedger(weeklyPoints: configuration.history.weeklyPoints).estimate(now: now)
    }

    /// - Parameter now: the local clock: the allowance runs by it.
    /// - Throws: `StoreError`.
    init(_ reader: any CandleQueries, _ configuration: Configuration, now: UTCSeconds) throws {
        bytes = try reader.size().onDisk
        candles = try reader.statistics()
        continuity = try reader.continuity(of: configuration.collector)
        events = try reader.events(last: 5)
        let newest = candles.map(\.newest).max() ?? UTCSeconds(rawValue: 0)
        disputed = try reader.disputed(since: newest - .seconds(86_400))
        var ledger = QuotaLedger(weeklyPoints: configuration.history.weeklyPoints)
        for row in try reader.ledger(of: configuration.collector) {
            ledger.note(QuotaLedger.Entry(position: row.position, request: row.request, reply: row.reply))
        }
        quota = ledger.estimate(now: now)
    }
}
