internal import MarketData
internal import Store
internal import Wire

/// The quota ledger's rows: one of each request of an account for history, completed by its reply.
extension PostgresWriter {
    /// - Parameter position: of the request, in the history stream.
    func insert(_ request: HistoryRequest, position: UInt64, _ collector: CollectorKey) throws {
        try connection.execute(
            """
            INSERT INTO quota_ledger
                (position, sent_at, pair, timeframe, first, last, points, repair, outcome, collector_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
            """,
            [
                .int(Int64(bitPattern: position)), .int(request.sent.seconds.rawValue),
                .text(request.series.pair.description), .int(request.series.timeframe.seconds),
                .int(request.first.rawValue), .int(request.last.rawValue), .int(Int64(request.points)),
                .int(request.isRepair ? 1 : 0), .text(LedgerRow.inFlight),
                .int(collector.id),
            ])
    }

    func complete(_ reply: HistoryReply, _ collector: CollectorKey) throws {
        let allowance = reply.allowance
        try connection.execute(
            """
            UPDATE quota_ledger
            SET outcome = $1, paid = $2, remaining = $3, total = $4, renews_at = $5, replied_at = $6, clock_offset = $7
            WHERE position = $8 AND collector_id = $9
            """,
            [
                .text(reply.outcome.name), .int(Int64(reply.points)), .int(allowance.map { Int64($0.remaining) }),
                .int(allowance.map { Int64($0.total) }), .int(allowance?.renewal.rawValue),
                .int(reply.received.seconds.rawValue), .int(reply.clockOffset),
                .int(Int64(bitPattern: reply.request)), .int(collector.id),
            ])
    }
}
