/// A measurement of a stage. The raw value is the metric's name, by the conventions of Prometheus: base units, the
/// unit in the name, `_total` for what only rises.
///
/// A new metric is a case with its text here, and a value where its stage makes its status.
public enum Metric: String, CaseIterable, Sendable {
    // ingest-stream
    case ticks = "candlewick_ticks_total"
    case ticksPerSecond = "candlewick_ticks_per_second"
    case heartbeats = "candlewick_heartbeats_total"
    case standInClocks = "candlewick_stand_in_clocks_total"
    case predictedClocks = "candlewick_predicted_clocks_total"
    case heartbeatTime = "candlewick_heartbeat_timestamp_seconds"
    case tickTime = "candlewick_pair_tick_timestamp_seconds"
    case pairBlind = "candlewick_pair_blind"
    case feedTime = "candlewick_feed_timestamp_seconds"
    case marketTime = "candlewick_market_timestamp_seconds"
    case clockOffset = "candlewick_clock_offset_seconds"
    case transport = "candlewick_stream_transport"
    case sessions = "candlewick_sessions_total"
    case recoveries = "candlewick_session_recoveries_total"
    case reconnects = "candlewick_reconnects_total"
    case subscriptions = "candlewick_subscriptions"
    case subscriptionsLacking = "candlewick_subscriptions_lacking"
    case nativeItems = "candlewick_native_items"
    case subscriptionsEnded = "candlewick_subscriptions_ended_total"
    case subscriptionsRefused = "candlewick_subscriptions_refused_total"
    case subscriptionsLimited = "candlewick_subscriptions_limited_total"
    case subscriptionsFrozen = "candlewick_subscriptions_frozen_total"
    case updatesLost = "candlewick_updates_lost_total"
    case badPrices = "candlewick_bad_prices_total"
    case badTimes = "candlewick_bad_times_total"
    case badHeartbeats = "candlewick_bad_heartbeats_total"
    case timesSetAside = "candlewick_times_set_aside_total"
    case clockLeaps = "candlewick_clock_leaps_total"
    case clocksSetBack = "candlewick_clocks_set_back_total"
    // Each stage that reads a stream
    case recordsReplayed = "candlewick_records_replayed_total"
    case recordsLive = "candlewick_records_live_total"
    case gapsFilled = "candlewick_gaps_filled_total"
    case messagesDamaged = "candlewick_messages_damaged_total"
    case positionsMissing = "candlewick_positions_missing_total"
    // aggregator
    case ticksFolded = "candlewick_ticks_folded_total"
    case ticksOneSided = "candlewick_ticks_one_sided_total"
    case ticksRepeated = "candlewick_ticks_repeated_total"
    case ticksWithoutSides = "candlewick_ticks_without_sides_total"
    case ticksInverted = "candlewick_ticks_inverted_total"
    case ticksLate = "candlewick_ticks_late_total"
    case ticksTooLate = "candlewick_ticks_too_late_total"
    case timesImplausible = "candlewick_times_implausible_total"
    case clocksTakenBack = "candlewick_clocks_taken_back_total"
    case candles = "candlewick_candles_total"
    case recordsUnknown = "candlewick_records_unknown_total"
    // store-writer
    case candlesStored = "candlewick_candles_stored_total"
    case candlesUnchanged = "candlewick_candles_unchanged_total"
    case eventsStored = "candlewick_events_stored_total"
    case commits = "candlewick_commits_total"
    case commitDelay = "candlewick_commit_delay_seconds"
    case busyDelay = "candlewick_busy_candle_delay_seconds"
    case quietDelay = "candlewick_quiet_candle_delay_seconds"
    case recentCandles = "candlewick_recent_candles"
    case candlesRevised = "candlewick_candles_revised_total"
    case opinions = "candlewick_opinions_total"
    case newestInterval = "candlewick_newest_interval_timestamp_seconds"
    // ingest-backfill
    case purchasesLeft = "candlewick_purchases_left"
    case pointsSpent = "candlewick_points_spent"
    case pointsLeft = "candlewick_points_left"

    public enum Kind: String, Sendable {
        /// Only rises while its process lives.
        case counter
        case gauge
    }

    public var name: String { rawValue }

    public var kind: Kind { name.hasSuffix("_total") ? .counter : .gauge }

    /// Of the values: `seconds`, or nothing. Timestamps are Unix seconds.
    public var unit: String { name.hasSuffix("_seconds") ? "seconds" : "" }

    /// The label that distinguishes the values of a metric with several.
    public var label: String? {
        switch self {
        case .tickTime, .pairBlind: "pair"
        case .transport: "transport"
        case .busyDelay, .quietDelay: "percentile"
        case .recentCandles: "group"
        case .recordsReplayed, .recordsLive, .gapsFilled, .messagesDamaged, .positionsMissing: "stream"
        default: nil
        }
    }

    /// A sentence without its end.
    public var help: String {
        switch self {
        case .ticks: "Ticks recorded"
        case .ticksPerSecond: "Ticks recorded since the last status"
        case .heartbeats: "Heartbeats of the broker recorded"
        case .standInClocks: "Clock records of the local clock, written in place of missing heartbeats"
        case .predictedClocks: "Clock records of the broker's clock as learned, written when an interval closes"
        case .heartbeatTime: "Arrival of the last accepted heartbeat, by the host's clock; before the first, the start"
        case .tickTime: "Arrival of a pair's last live tick, by the host's clock"
        case .pairBlind: "1 while a pair is blind although the feed is up"
        case .feedTime: "The newest time from the broker"
        case .marketTime: "The broker's clock now, as estimated"
        case .clockOffset: "Lead of the broker's clock, as estimated, over the host's"
        case .transport: "1 for the transport of the stream: websocket, http or none"
        case .sessions: "Sessions begun"
        case .recoveries: "Sessions recovered after a cut"
        case .reconnects: "Connections lost"
        case .subscriptions: "Pairs subscribed in the present session"
        case .subscriptionsLacking: "Configured pairs not subscribed in the present session"
        case .nativeItems: "Items that carry the broker's own candles"
        case .subscriptionsEnded: "Subscriptions that the broker ended"
        case .subscriptionsRefused: "Subscriptions that the broker refused"
        case .subscriptionsLimited: "Subscriptions whose rate the broker limited"
        case .subscriptionsFrozen: "Subscriptions that fell silent while the market moved"
        case .updatesLost: "Updates that the broker declared lost"
        case .badPrices: "Updates rejected for their prices"
        case .badTimes: "Updates rejected for their times"
        case .badHeartbeats: "Heartbeats rejected for their content"
        case .timesSetAside: "Times of heartbeats and ticks set aside because too few others confirmed them"
        case .clockLeaps: "Jumps of feed time forward over a stretch without accepted times"
        case .clocksSetBack: "Steps of feed time back"
        case .recordsReplayed: "Records read from a stream's journal"
        case .recordsLive: "Records received from a stream's socket"
        case .gapsFilled: "Gaps of the bus, filled from the journal"
        case .messagesDamaged: "Messages without a valid record"
        case .positionsMissing: "Positions missing in bus and journal: skipped or damaged"
        case .ticksFolded: "Ticks folded into candles"
        case .ticksOneSided: "Ticks with one side only"
        case .ticksRepeated: "Snapshots ignored because they repeat the pair's last tick"
        case .ticksWithoutSides: "Ticks ignored because both sides are missing"
        case .ticksInverted: "Ticks with the ask below the bid"
        case .ticksLate: "Ticks of closed intervals that made a revision"
        case .ticksTooLate: "Ticks of closed intervals beyond late_reach_minutes, ignored"
        case .timesImplausible: "Ticks and clocks ignored for their time"
        case .clocksTakenBack: "Wrong times of the broker taken back in the fold"
        case .candles: "Candles made, revisions included"
        case .recordsUnknown: "Records of a kind or event unknown to this version"
        case .candlesStored: "Candles that changed a row"
        case .candlesUnchanged: "Candles already stored or of lower rank"
        case .eventsStored: "Feed events written"
        case .commits: "Transactions"
        case .commitDelay:
            "Time from the publication of a commit's first candle to the commit's end, for the last commit"
        case .busyDelay:
            "Time from an interval's end to its readable candle, last hour, pairs with a tick a second; 100: the worst"
        case .quietDelay: "The same of pairs with fewer ticks"
        case .recentCandles:
            "Candles of the last hour: busy and quiet, whose delay was measured; revised, once readable"
        case .candlesRevised: "Candles revised after they were readable"
        case .opinions: "Native candles compared with ours"
        case .newestInterval: "Start of the newest stored interval"
        case .purchasesLeft: "Purchases left in the present run"
        case .pointsSpent: "Points spent by the present run"
        case .pointsLeft: "Points left, as the broker reports"
        }
    }
}
