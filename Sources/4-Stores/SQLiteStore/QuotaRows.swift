internal import GRDB
internal import MarketData
internal import Store
internal import Wire

/// The quota ledger's rows: one of each request of an account for history, completed by its reply.
enum QuotaRows {
    /// - Parameter position: of the request, in the history stream.
    static func insert(
        _ request: HistoryRequest, position: UInt64, _ collector: CollectorKey, _ db: Database
    ) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO quota_ledger
                    (collector_id, position, sent_at, pair, timeframe, first, last, points, repair, outcome)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """)
        try statement.execute(arguments: [
            collector.id, Int64(bitPattern: position), request.sent.seconds.rawValue, request.series.pair.description,
            request.series.timeframe.seconds, request.first.rawValue, request.last.rawValue, request.points,
            request.isRepair, LedgerRow.inFlight,
        ])
    }

    static func complete(_ reply: HistoryReply, _ collector: CollectorKey, _ db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                UPDATE quota_ledger
                SET outcome = ?, paid = ?, remaining = ?, total = ?, renews_at = ?, replied_at = ?, clock_offset = ?
                WHERE collector_id = ? AND position = ?
                """)
        try statement.execute(arguments: [
            reply.outcome.name, reply.points, reply.allowance?.remaining, reply.allowance?.total,
            reply.allowance?.renewal.rawValue, reply.received.seconds.rawValue, reply.clockOffset,
            collector.id, Int64(bitPattern: reply.request),
        ])
    }
}
