public import MarketData

/// An event of the feed, as a `FeedRecord` holds it.
/// Source: docs/formats.md § 1.3.
///
/// Blindness is recorded twice: `blindBegan` the moment it is known, so that candles which close meanwhile
/// show it; `blindEnded` with the final stretch. A stretch that recovery filled ends where it began.
/// Both concern the whole feed, or the one pair that their record names.
public enum FeedEvent: Hashable, Sendable {
    /// A Lightstreamer session began and every subscription was answered; nothing was bound before.
    case sessionNew
    /// Rebound after `LOOP`: nothing was missed.
    case sessionPreserved
    /// Recovered after a cut; `resent` notifications came again or late, none is missing.
    case sessionRecovered(resent: Int64)
    /// The session before was lost and could not be recovered.
    case sessionReplaced
    /// The broker declared `count` updates of a pair lost (`OV`).
    case updatesLost(count: LossCount)
    /// Nothing is known since `since` (feed time; 0: since ever).
    case blindBegan(since: UTCNanos)
    /// Nothing is known of `[from, until)`; empty where recovery filled it.
    case blindEnded(from: UTCNanos, until: UTCNanos)
    /// The broker refused the pair's subscription with this code: the pair is blind until a later one is taken.
    case instrumentRefused(code: Int64)
    /// The journal skipped `count` positions from `first` on after an unclean stop of the machine.
    case positionsSkipped(first: UInt64, count: UInt64)
    /// The broker's time was wrong and ahead: `from` was the newest, `to` is right. Candles of
    /// intervals that end after `to` were closed too early.
    case clockSetBack(from: UTCNanos, to: UTCNanos)
    /// The broker ended the pair's subscription while the session lives (`UNSUB`).
    case subscriptionEnded
    /// The broker sends updates of the pair at most at this frequency, and drops the others
    /// without a word (`CONF`); 0: no limit any more.
    case updatesLimited(milliHertz: Int64)
    /// The pair's subscription was silent while the market moved: a new one brought a newer tick.
    case subscriptionFrozen
    /// Written by a later version; kept as it is.
    case unknown(code: UInt32, first: Int64, second: Int64)

    /// How far the ticks of different pairs may be out of order, ns: a blind stretch begins this long before the
    /// newest time.
    @inlinable public static var orderMargin: Int64 { 2 * UTCNanos.perSecond }

    /// The code in the record's flags.
    public var code: UInt32 {
        switch self {
        case .sessionNew: 1
        case .sessionPreserved: 2
        case .sessionRecovered: 3
        case .sessionReplaced: 4
        case .updatesLost: 5
        case .blindBegan: 6
        case .blindEnded: 7
        case .instrumentRefused: 8
        case .positionsSkipped: 9
        case .clockSetBack: 10
        case .subscriptionEnded: 11
        case .updatesLimited: 12
        case .subscriptionFrozen: 13
        case .unknown(let code, _, _): code
        }
    }

    /// The name in the database, the logs and the tools.
    public var name: String {
        switch self {
        case .sessionNew: "session new"
        case .sessionPreserved: "session preserved"
        case .sessionRecovered: "session recovered"
        case .sessionReplaced: "session replaced"
        case .updatesLost: "updates lost"
        case .blindBegan: "blind began"
        case .blindEnded: "blind ended"
        case .instrumentRefused: "instrument refused"
        case .positionsSkipped: "positions skipped"
        case .clockSetBack: "clock set back"
        case .subscriptionEnded: "subscription ended"
        case .updatesLimited: "updates limited"
        case .subscriptionFrozen: "subscription frozen"
        case .unknown(let code, _, _): "event \(code)"
        }
    }

    /// The two details, in the bid and the ask field of the record.
    public var details: (Int64, Int64) {
        switch self {
        case .sessionNew, .sessionPreserved, .sessionReplaced, .subscriptionEnded, .subscriptionFrozen: (0, 0)
        case .sessionRecovered(let number), .instrumentRefused(let number), .updatesLimited(let number): (number, 0)
        case .updatesLost(let count): (Int64(count.rawValue), 0)
        case .blindBegan(let since): (since.rawValue, 0)
        case .blindEnded(let from, let until): (from.rawValue, until.rawValue)
        case .positionsSkipped(let first, let count): (Int64(bitPattern: first), Int64(bitPattern: count))
        case .clockSetBack(let from, let to): (from.rawValue, to.rawValue)
        case .unknown(_, let first, let second): (first, second)
        }
    }

    public init(code: UInt32, details: (Int64, Int64)) {
        switch code {
        case 1: self = .sessionNew
        case 2: self = .sessionPreserved
        case 3: self = .sessionRecovered(resent: details.0)
        case 4: self = .sessionReplaced
        case 5: self = .updatesLost(count: LossCount(clamping: details.0))
        case 6: self = .blindBegan(since: UTCNanos(rawValue: details.0))
        case 7: self = .blindEnded(from: UTCNanos(rawValue: details.0), until: UTCNanos(rawValue: details.1))
        case 8: self = .instrumentRefused(code: details.0)
        case 9:
            self = .positionsSkipped(first: UInt64(bitPattern: details.0), count: UInt64(bitPattern: details.1))
        case 10: self = .clockSetBack(from: UTCNanos(rawValue: details.0), to: UTCNanos(rawValue: details.1))
        case 11: self = .subscriptionEnded
        case 12: self = .updatesLimited(milliHertz: details.0)
        case 13: self = .subscriptionFrozen
        default: self = .unknown(code: code, first: details.0, second: details.1)
        }
    }
}
