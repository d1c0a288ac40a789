public import Host
internal import MarketData
public import Store

/// The state of the whole pipeline: stages, feed, and what the database holds.
public struct StatusReport {
    private let stages: [StageStatus]
    private let freshness: [CandleReader.Freshness]
    private let events: [CandleReader.Event]
    private let continuity: ContinuityReport
    private let paths: Paths

    public init(
        stages: [StageStatus], freshness: [CandleReader.Freshness], events: [CandleReader.Event],
        continuity: Continuity, paths: Paths
    ) {
        self.stages = stages
        self.freshness = freshness
        self.events = events
        self.continuity = ContinuityReport(continuity, stages: stages)
        self.paths = paths
    }

    /// One JSON object: `stages`, `candles`, `continuity`, `events`.
    public var json: String {
        let stageLines = stages.map { stage in
            "\"\(stage.stage)\":\(stage.json.map { String(decoding: $0, as: UTF8.self) } ?? "null")"
        }
        let candleLines = freshness.map {
            """
            {"pair":"\($0.pair)","timeframe":"\($0.timeframe)","count":\($0.count),"complete":\($0.complete),\
            "newest":\($0.newest),"close":\($0.close)}
            """
        }
        let eventLines = events.map {
            """
            {"time":\($0.time),"pair":\($0.pair.map { "\"\($0)\"" } ?? "null"),"event":"\($0.event)",\
            "detail":\($0.detail),"until":\($0.until)}
            """
        }
        return """
            {"stages":{\(stageLines.joined(separator: ","))},"candles":[\(candleLines.joined(separator: ","))],\
            "continuity":\(continuity.json),"events":[\(eventLines.joined(separator: ","))]}

            """
    }

    /// The report for a person.
    public var text: String {
        [
            StageTable(stages).text, candleTable, continuity.text, eventTable,
            "database  \(paths.database)\nsockets   \(paths.runtime)\n",
        ].joined(separator: "\n")
    }

    private var candleTable: String {
        let rows = freshness.map {
            [
                $0.pair, "\($0.timeframe)m", String($0.count), String($0.count - $0.complete),
                UTCNanos(seconds: $0.newest).text(), $0.close.formatted(decimals: 3),
            ]
        }
        guard !rows.isEmpty else { return "no candles yet\n" }
        let head = ["pair", "timeframe", "candles", "partial", "newest (UTC)", "close"]
        return TextTable(head: head, rows: rows, leftAligned: ["pair", "newest (UTC)"]).text
    }

    private func detail(_ event: CandleReader.Event) -> String {
        switch event.event {
        case "blind ended" where event.detail == 0: "since ever"
        case "blind ended": "\((event.until - event.detail) / 1_000_000) ms"
        case "updates lost", "session recovered": "\(event.detail)"
        case "instrument refused": "code \(event.detail)"
        case "positions skipped": "\(event.until) from \(event.detail)"
        default: ""
        }
    }

    private var eventTable: String {
        let rows = events.map { event -> [String] in
            [UTCNanos(rawValue: event.time).text(), event.pair ?? "feed", event.event, detail(event)]
        }
        guard !rows.isEmpty else { return "no feed events yet\n" }
        let head = ["feed time (UTC)", "pair", "event", "detail"]
        return TextTable(head: head, rows: rows, leftAligned: Set(head)).text
    }
}
