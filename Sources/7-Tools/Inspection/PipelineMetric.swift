internal import Streams

/// A measurement of the pipeline as a whole, which no stage makes: `candlewick-web` does.
package enum PipelineMetric: String, MetricFamily {
    case stageUp = "candlewick_stage_up"
    case streamPosition = "candlewick_stream_position"
    case consumerPosition = "candlewick_consumer_position"
    case consumerLive = "candlewick_consumer_live"
    case verdict = "candlewick_verdict"
    case findings = "candlewick_findings"
    case inSession = "candlewick_in_session"
    case databaseUp = "candlewick_database_up"
    case databaseBytes = "candlewick_database_bytes"
    case walBytes = "candlewick_database_wal_bytes"
    case storedCandles = "candlewick_stored_candles"
    case completeInterval = "candlewick_complete_interval_timestamp_seconds"
    case candleDue = "candlewick_candle_due_timestamp_seconds"
    case journalBytes = "candlewick_journal_bytes"
    case unarchived = "candlewick_unarchived_timestamp_seconds"
    case diskFree = "candlewick_disk_free_bytes"
    case diskSize = "candlewick_disk_size_bytes"
    case quotaPoints = "candlewick_quota_points"
    case quotaLeft = "candlewick_quota_points_left"
    case quotaRenewal = "candlewick_quota_renewal_timestamp_seconds"
    case quotaSpent = "candlewick_quota_points_spent_total"
    case quotaRefused = "candlewick_quota_requests_refused_total"
    case spread = "candlewick_spread"
    case holesOpen = "candlewick_holes_open"
    case oldestHole = "candlewick_hole_timestamp_seconds"
    case holesOfLastDay = "candlewick_holes_of_last_day"
    case disputedCandles = "candlewick_disputed_candles"
    case loginRefused = "candlewick_login_refused"
    case backup = "candlewick_backup_timestamp_seconds"
    case webConnections = "candlewick_web_connections"
    case webStreams = "candlewick_web_streams"
    case webRequests = "candlewick_web_requests_total"
    case webRefused = "candlewick_web_clients_refused_total"

    package var labels: [String] {
        switch self {
        case .stageUp: ["stage"]
        case .streamPosition, .consumerPosition, .consumerLive: ["stage", "stream"]
        case .verdict: ["state"]
        case .findings: ["check", "state"]
        case .inSession, .spread, .holesOpen, .oldestHole, .holesOfLastDay: ["pair"]
        case .storedCandles: ["pair", "timeframe", "state"]
        case .completeInterval, .candleDue: ["pair", "timeframe"]
        case .journalBytes: ["stream"]
        case .quotaSpent: ["purpose"]
        case .webRefused: ["reason"]
        default: []
        }
    }

    package var help: String {
        switch self {
        case .stageUp: "1 while a stage speaks; 0 after 4 s of silence, and then its other values are missing"
        case .streamPosition: "Last position of a stream, by the stage that writes it"
        case .consumerPosition: "Last position of a stream that a stage has taken"
        case .consumerLive:
            "1 while a stage takes a stream from the bus; 0 while it reads the journal or cannot read it"
        case .verdict: "1 for the verdict: ok, warning or failed"
        case .findings: "Findings of the verdict, by check and state"
        case .inSession: "1 while a pair's market is open, by the trading hours"
        case .databaseUp: "1 while the database can be read"
        case .databaseBytes: "Size of the database on its disk, logs included"
        case .walBytes: "Size of the database's write-ahead log; missing if the database is on a server"
        case .storedCandles: "Candles in the database: complete or partial"
        case .completeInterval: "Start of the newest complete candle, by the broker's clock"
        case .candleDue:
            "End of the first interval in the trading hours after the newest complete candle, by the broker's clock"
        case .journalBytes: "Size of a stream's journal"
        case .unarchived: "Closing of the oldest segment that waits for the archiver; now if none waits"
        case .diskFree: "Free space of the disk with the state folder"
        case .diskSize: "Size of the disk with the state folder"
        case .quotaPoints: "Points that the account has from one renewal to the next"
        case .quotaLeft: "Points left"
        case .quotaRenewal: "The next renewal of the points; missing before the first purchase"
        case .quotaSpent: "Points spent, by purpose of the request"
        case .quotaRefused: "Requests for history that the broker refused"
        case .spread: "Ask less bid of a pair, each as its newest tick has it; missing before both have come"
        case .holesOpen: "Gaps of the last 7 days that repair would fill, in all timeframes"
        case .oldestHole: "Begin of a pair's oldest open hole; missing if no hole is open"
        case .holesOfLastDay:
            "Intervals of the last 24 h that are missing or partial, in the trading hours and a pair's shortest timeframe"
        case .disputedCandles: "Candles of the last day that the broker's own dispute"
        case .loginRefused:
            "1 while the broker has refused the login for good: ingest-stream has ended, and nothing tries again"
        case .backup: "The last backup by candlewick maintain backup; 0 before the first"
        case .webConnections: "Connections to candlewick-web"
        case .webStreams: "Open streams of events and prices"
        case .webRequests: "Requests to candlewick-web, refused ones included"
        case .webRefused:
            "Clients that candlewick-web refused or cut off: too_many, without_token, too_slow, not_reading"
        }
    }
}
