public import Host
public import MarketData
internal import Wire

/// The broker's time, as far as the ticks journal shows it.
public struct FeedClock: Sendable {
    public let now: UTCSeconds
    /// ingest-stream is at work: what it sees will come into the store by itself.
    public let isStreaming: Bool

    /// How old the newest heartbeat of a living stream can be. Source: docs/architecture.md § Candles, the stand-in clock.
    private static let silenceMax = 30 * UTCNanos.perSecond
    /// - Parameter now: the local clock, used if nothing was streamed yet.
    public init(paths: Paths, now: UTCNanos) throws {
        guard let heartbeat = try FeedTail.newestHeartbeat(folder: paths.journal(.ticks)) else {
            (self.now, isStreaming) = (now.seconds, false)
            return
        }
        let age = max(0, now.rawValue - heartbeat.receiveTime.rawValue)
        self.now = UTCNanos(rawValue: heartbeat.brokerTime.rawValue &+ age).seconds
        isStreaming = age <= FeedClock.silenceMax
    }
}
