public import MarketData
public import Wire

/// An event of the feed, as the database keeps it.
public struct StoredEvent: Hashable, Sendable {
    /// Whose feed it is about.
    public let collector: Collector
    /// Of its record in the collector's ticks stream.
    public let position: UInt64
    /// Feed time.
    public let time: UTCNanos
    /// By the host's clock of the collector.
    public let received: UTCNanos
    /// `nil`: of the whole feed.
    public let pair: String?
    /// `FeedEvent.name`.
    public let event: String
    /// `FeedEvent.details`.
    public let detail: Int64
    public let until: Int64

    public init(
        collector: Collector, position: UInt64, time: UTCNanos, received: UTCNanos, pair: String?, event: String,
        detail: Int64, until: Int64
    ) {
        self.collector = collector
        self.position = position
        self.time = time
        self.received = received
        self.pair = pair
        self.event = event
        self.detail = detail
        self.until = until
    }
}

/// The broker's wrong time was taken back: times that were recorded before it may be ahead.
public struct ClockReset: Hashable, Sendable {
    /// Of its record in the ticks stream.
    public let position: UInt64
    /// The right time.
    public let time: UTCNanos

    public init(
        position: UInt64, time: UTCNanos
    ) {
        self.position = position
        self.time = time
    }
}
