internal import Wire

/// The views that bots read, in SQL that every engine takes. Source: docs/formats.md § 5.
public enum CandleViews {
    /// - Parameter unitsPerOne: of a price, as the engine's number with a point: `1e9`.
    /// - Returns: the statements that make them.
    public static func creation(unitsPerOne: String) -> String {
        func prices(_ side: String, as name: String) -> String {
            ["open", "high", "low", "close"].map { "c.\(side)_\($0) / \(unitsPerOne) AS \(name)\($0)" }
                .joined(separator: ", ")
        }
        return """
            CREATE VIEW candles AS
            SELECT i.name AS pair, t.name AS timeframe, c.open_time AS timestamp,
                \(prices("mid", as: "")),
                c.tick_count AS volume, \(sourceName) AS source, c.created_at AS created_at
            \(origin)
            WHERE c.complete = 1;
            CREATE VIEW candles_full AS
            SELECT i.name AS pair, t.name AS timeframe, c.open_time AS timestamp,
                \(prices("bid", as: "bid_")),
                \(prices("ask", as: "ask_")),
                \(prices("mid", as: "mid_")),
                c.tick_count AS tick_count, c.complete AS complete, 1 - c.complete AS partial,
                c.blind_ms AS blind_ms, c.lost AS lost, c.revision AS revision,
                \(sourceName) AS source, c.created_at AS created_at, o.name AS collector
            \(origin)
            JOIN collector o ON o.id = c.collector_id;
            """
    }

    private static let sourceName = {
        let cases = CandleSource.known.map { "WHEN \($0.rawValue) THEN '\($0.name)'" }
        return "CASE c.source \(cases.joined(separator: " ")) ELSE 'unknown' END"
    }()

    private static let origin = """
        FROM candle c
        JOIN instrument i ON i.id = c.instrument_id
        JOIN timeframe t ON t.seconds = c.timeframe
        """
}
