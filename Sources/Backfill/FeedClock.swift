internal import Host
internal import Journal
internal import MarketData
internal import Wire

/// What time it is at the broker, as far as the ticks journal tells.
struct FeedClock {
    /// Unix seconds.
    let now: Int64
    /// ingest-stream is at work: what it sees will come into the store by itself.
    let isStreaming: Bool

    /// How old the newest heartbeat of a living stream can be. Source: docs/architecture.md § Candles, the stand-in clock.
    private static let silenceMax = 30 * UTCNanos.perSecond
    /// How far back a heartbeat is looked for: some seconds of a busy feed.
    private static let recordsMax = 20_000

    /// - Parameter now: the local clock, which serves where nothing was streamed yet.
    init(paths: Paths, now: UTCNanos) throws {
        var heartbeat: TickRecord?
        var left = FeedClock.recordsMax
        try JournalTail.readBackward(TickRecord.self, folder: paths.journal("ticks")) { record in
            left -= 1
            if record.kind == .clock, !record.flags.contains(.localClock) { heartbeat = record }
            return heartbeat == nil && left > 0
        }
        guard let heartbeat else {
            (self.now, isStreaming) = (now.seconds, false)
            return
        }
        let age = max(0, now.rawValue - heartbeat.receiveTime.rawValue)
        self.now = UTCNanos(rawValue: heartbeat.brokerTime.rawValue &+ age).seconds
        isStreaming = age <= FeedClock.silenceMax
    }
}
