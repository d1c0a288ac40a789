internal import MarketData
internal import Wire

/// From when on a fold knows everything that makes a candle, if records before its first one are missing.
///
/// A pair that stays blind is recorded again every 10 minutes, so a quarter of an hour after the first record every pair's
/// blindness is known. A blind feed is not recorded again: its end is, as soon as the feed is seen. Until then nothing is
/// known for certain, and afterwards what lies before that end is left out. Source: docs/formats.md § 1.3.
struct FoldBeginning {
    /// Candles that began before are left out; of a journal from its first position on, none.
    private(set) var since = UTCNanos(rawValue: .min)
    /// Whether `since` is final.
    private(set) var isSettled: Bool
    /// The time of the first record; `nil` before it.
    private(set) var first: UTCNanos?
    /// When the feed was seen for the first time after the pairs' blindness was known.
    private var seen: UTCNanos?

    private static let repetition: Duration = .seconds(900)
    /// After a record that shows a feed as seen, the end of its blindness follows within this time.
    private static let word: Duration = .seconds(60)

    /// - Parameter position: of the first record that there is.
    init(at position: UInt64) { isSettled = position <= 1 }

    /// Takes the next record, after the fold.
    /// - Parameter feedTime: of the fold.
    mutating func note(_ record: TickEnvelope, feedTime: UTCNanos) {
        if first == nil, record.brokerTime.rawValue > 0 {
            first = record.brokerTime
            if !isSettled { since = record.brokerTime + Self.repetition }
        }
        guard !isSettled, let first else { return }
        if case .blindEnded(let from, let until) = record.feedEvent, from <= first + .nanoseconds(FeedEvent.orderMargin)
        {
            since = max(since, until)
        }
        if let seen {
            isSettled = feedTime >= seen + Self.word
        } else if Self.showsSight(record), record.brokerTime >= first + Self.repetition {
            seen = feedTime
        }
    }

    private static func showsSight(_ record: TickEnvelope) -> Bool {
        switch record.content {
        case .tick(let tick): !tick.flags.contains(.snapshot)
        case .clock(let clock): clock.isHeartbeat
        case .feed, .unknown: false
        }
    }
}
