internal import Assumptions
internal import MarketData
internal import TLCP
internal import Wire

/// What a recorder makes of the feed, in order, until its owner takes it away; and what it counts.
struct FeedOutput {
    /// To be appended to the `ticks` stream.
    var records: [TickEnvelope] = []
    /// The broker's own candles.
    var candles: [CandleRecord] = []
    /// Events that the owner must act on or log.
    var events: [SessionEvent] = []
    var counters = RecorderCounters()
    var assumptions = AssumptionTally()

    /// - Parameter clock: what time it is, on both clocks.
    mutating func append(_ event: FeedEvent, pair: Pair = .none, at clock: borrowing BrokerClock) {
        let feed = FeedRecord(
            event, pair: pair, brokerTime: UTCNanos(rawValue: clock.newest), receiveTime: clock.receiveTime)
        records.append(feed.envelope)
    }

    mutating func violate(_ assumption: Assumption, at clock: borrowing BrokerClock, _ note: String) {
        assumptions.violate(assumption, at: clock.receiveTime, note)
    }
}

/// What was met, since the process started.
struct RecorderCounters: Hashable {
    var ticks: UInt64 = 0
    var heartbeats: UInt64 = 0
    /// Clock records that stand in for heartbeats which did not come.
    var localClocks: UInt64 = 0
    /// Clock records of the broker's clock as learned.
    var predictedClocks: UInt64 = 0
    /// Updates whose price is no positive decimal of at most 8 places.
    var badPrices: UInt64 = 0
    /// Updates whose time is missing, no number, or outside 2000–2100.
    var badTimes: UInt64 = 0
    var badHeartbeats: UInt64 = 0
    /// Times of heartbeats and ticks that not enough witnesses stood for.
    var timesSetAside: UInt64 = 0
    /// How often the feed's time was set ahead over a stretch without believed times, and set back.
    var clockLeaps: UInt64 = 0
    var clocksSetBack: UInt64 = 0
    /// Updates that the broker declared lost.
    var lostUpdates: UInt64 = 0
    var sessions: UInt64 = 0
    var recoveries: UInt64 = 0
    /// Subscriptions that the broker ended, refused, limited, or let fall silent.
    var subscriptionsEnded: UInt64 = 0
    var subscriptionsRefused: UInt64 = 0
    var subscriptionsLimited: UInt64 = 0
    var subscriptionsFrozen: UInt64 = 0
}
