public import MarketData

/// A change of bid or ask, kind `TICK`.
///
/// | offset | size | field | unit and meaning                            |
/// |-------:|-----:|-------|---------------------------------------------|
/// |     40 |    8 | bid   | i64, units of 1e-9 of the quote currency    |
/// |     48 |    8 | ask   | as bid                                      |
/// |     56 |    4 | flags | `TickFlags`                                 |
///
/// The other fields are those of `TickEnvelope`. A missing side is a price of 0 with its flag set.
@frozen
public struct TickRecord: StreamRecord {
    public var envelope: TickEnvelope

    @inlinable
    init(_ envelope: TickEnvelope) { self.envelope = envelope }

    @inlinable
    public init(
        _ pair: Pair, brokerTime: UTCNanos, receiveTime: UTCNanos, bid: Price, ask: Price, flags: TickFlags = []
    ) {
        envelope = TickEnvelope(
            kind: .tick, pair: pair, brokerTime: brokerTime, receiveTime: receiveTime,
            details: (bid.rawValue, ask.rawValue), flagBits: flags.rawValue)
    }

    @inlinable public var brokerTime: UTCNanos { envelope.brokerTime }
    @inlinable public var receiveTime: UTCNanos { envelope.receiveTime }
    @inlinable public var bid: Price { Price(rawValue: envelope.details.0) }
    @inlinable public var ask: Price { Price(rawValue: envelope.details.1) }
    @inlinable public var flags: TickFlags { TickFlags(rawValue: envelope.flagBits) }
}

/// The feed's time, kind `CLCK`: `brokerTime` is from the heartbeat item, from the broker's clock as learned, or from the
/// local stand-in clock.
@frozen
public struct ClockRecord: StreamRecord {
    public var envelope: TickEnvelope

    @inlinable
    init(_ envelope: TickEnvelope) { self.envelope = envelope }

    @inlinable
    public init(_ brokerTime: UTCNanos, receiveTime: UTCNanos, flags: TickFlags = []) {
        envelope = TickEnvelope(
            kind: .clock, pair: .none, brokerTime: brokerTime, receiveTime: receiveTime, details: (0, 0),
            flagBits: flags.rawValue)
    }

    @inlinable public var brokerTime: UTCNanos { envelope.brokerTime }
    @inlinable public var receiveTime: UTCNanos { envelope.receiveTime }
    @inlinable public var flags: TickFlags { TickFlags(rawValue: envelope.flagBits) }
    /// The broker sent no heartbeat for 5 s: the local clock stands in.
    @inlinable public var isStandIn: Bool { flags.contains(.localClock) }
    /// The broker itself sent this time just then.
    @inlinable public var isHeartbeat: Bool { flags.isDisjoint(with: [.localClock, .predicted]) }
}

/// Marks of a tick or a clock record.
@frozen
public struct TickFlags: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The state at (re)subscription, not a change.
    @inlinable public static var snapshot: TickFlags { TickFlags(rawValue: 1) }
    /// Sent again by session recovery after a cut.
    @inlinable public static var recovered: TickFlags { TickFlags(rawValue: 2) }
    /// A snapshot that only repeats the pair's last tick, or an older one: not counted in candles.
    @inlinable public static var duplicate: TickFlags { TickFlags(rawValue: 4) }
    /// The broker sent no bid; `bid` is 0. The tick moves the ask alone.
    @inlinable public static var bidMissing: TickFlags { TickFlags(rawValue: 8) }
    /// The broker sent no ask; `ask` is 0. The tick moves the bid alone.
    @inlinable public static var askMissing: TickFlags { TickFlags(rawValue: 16) }
    /// Ask is below bid: kept as it came.
    @inlinable public static var inverted: TickFlags { TickFlags(rawValue: 32) }
    /// `CLCK` only: the broker sent no heartbeat for 5 s; this is its last time plus the local time passed.
    @inlinable public static var localClock: TickFlags { TickFlags(rawValue: 64) }
    /// `CLCK` only: the broker's clock as learned, not a heartbeat.
    @inlinable public static var predicted: TickFlags { TickFlags(rawValue: 128) }

    /// Both sides are missing, or one of them is: for comparisons.
    @inlinable public static var sideMissing: TickFlags { TickFlags(rawValue: 24) }

    /// Whether such a tick never moves candles. (A snapshot may.)
    public var doesNotCount: Bool { contains(.duplicate) || isSuperset(of: .sideMissing) }

    /// The names of those that are set, as in docs/formats.md § 1.
    public var names: [String] {
        let all: [(TickFlags, String)] = [
            (.snapshot, "snapshot"), (.recovered, "recovered"), (.duplicate, "duplicate"), (.bidMissing, "bidMissing"),
            (.askMissing, "askMissing"), (.inverted, "inverted"), (.localClock, "localClock"),
            (.predicted, "predicted"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}
