internal import MarketData
internal import Store
internal import Wire

/// The rows of what is no candle: events of a feed, and intervals of which the broker has none.
extension PostgresWriter {
    /// Notes that the broker has no candle of an interval.
    func insertEmpty(_ record: EmptyRecord) throws {
        let key = try key(record.series, record.start)
        try connection.execute(
            """
            INSERT INTO empty_interval (instrument_id, timeframe, open_time, unusable) VALUES ($1, $2, $3, $4)
            ON CONFLICT (instrument_id, timeframe, open_time)
            DO UPDATE SET unusable = GREATEST(empty_interval.unusable, excluded.unusable)
            """, key.values.map { .int($0) } + [.int(record.isUnusable ? 1 : 0)])
    }

    func insertEvent(_ record: PassedFeedRecord, _ collector: CollectorKey) throws {
        let event = record.event
        try connection.execute(
            """
            INSERT INTO feed_event (position, time, receive_time, pair, event, detail, until, collector_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
            """,
            [
                .int(Int64(bitPattern: record.envelope.inputPosition)), .int(record.brokerTime.rawValue),
                .int(record.receiveTime.rawValue), record.pair == .none ? .null : .text(record.pair.description),
                .text(event.name), .int(event.details.0), .int(event.details.1), .int(collector.id),
            ])
    }
}
