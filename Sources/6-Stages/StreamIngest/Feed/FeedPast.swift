internal import MarketData
internal import Wire

/// What the end of the ticks journal says of the feed.
struct FeedPast {
    /// The newest time that the broker sent; 0 for a fresh journal.
    var time = UTCNanos(rawValue: 0)
    /// When the last record was received, by the host's clock.
    var received = UTCNanos(rawValue: 0)
    /// Since when each pair is blind that was not seen again.
    var blindPairs: [Pair: UTCNanos] = [:]
    /// The pairs that were configured before.
    var formerPairs: Set<Pair> = []
    /// Since when its times go on without being set back; `nil` if that is long ago.
    var steadySince: UTCNanos?

    /// Pairs that were streamed once and are not configured now: if they come back, what lies between was not seen.
    func absentSince(configured: Set<Pair>) -> [Pair: Int64] {
        var absent = blindPairs.filter { !configured.contains($0.key) }.mapValues(\.rawValue)
        guard time.rawValue > 0 else { return absent }
        for pair in formerPairs.subtracting(configured) where absent[pair] == nil {
            absent[pair] = max(0, time.rawValue - FeedEvent.orderMargin)
        }
        return absent
    }
}
