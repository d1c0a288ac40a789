public import Host
public import MarketData
public import Wire

/// The broker's time, as far as the ticks journal shows it.
public struct FeedClock: Sendable {
    public let now: UTCSeconds
    /// ingest-stream is at work: what it sees will come into the store by itself.
    public let isStreaming: Bool

    /// How old the newest heartbeat of a living stream can be. Source: docs/architecture.md § Candles, the stand-in clock.
    private static let silenceMax = 30 * UTCNanos.perSecond
    /// - Parameters:
    ///   - collectors: whose feeds are looked at; `nil`: that of `paths`.
    ///   - now: the local clock, used if nothing was streamed yet.
    public init(paths: Paths, collectors: [Collector]? = nil, now: UTCNanos) throws {
        let heartbeats = try (collectors ?? [paths.collector]).compactMap {
            try FeedTail.newestHeartbeat(folder: paths.of($0).journal(.ticks))
        }
        guard let heartbeat = heartbeats.max(by: { $0.receiveTime < $1.receiveTime }) else {
            (self.now, isStreaming) = (now.seconds, false)
            return
        }
        let age = max(0, now.rawValue - heartbeat.receiveTime.rawValue)
        self.now = UTCNanos(rawValue: heartbeat.brokerTime.rawValue &+ age).seconds
        isStreaming = age <= FeedClock.silenceMax
    }
}
