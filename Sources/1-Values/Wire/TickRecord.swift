public import MarketData

/// One record of the `ticks` stream: a tick, the feed's time, or an event of the feed. 64 bytes,
/// little-endian, in memory exactly as on the bus and in the journal. Source: docs/formats.md § 1.
///
/// | offset | size | field       | unit and meaning                                                  |
/// |-------:|-----:|-------------|-------------------------------------------------------------------|
/// |      0 |    4 | kind        | ASCII `TICK`, `CLCK` or `FEED`                                    |
/// |      4 |   12 | pair        | ASCII, NUL-padded; all NUL: the whole feed                        |
/// |     16 |    8 | position    | u64 from 1, never given twice                                     |
/// |     24 |    8 | brokerTime  | i64, ns since 1970 UTC, as the broker stamped it                  |
/// |     32 |    8 | receiveTime | i64, ns since 1970 UTC, when the bytes arrived                    |
/// |     40 |    8 | bid         | i64, units of 1e-9 of the quote currency; `FEED`: see `FeedEvent` |
/// |     48 |    8 | ask         | as bid                                                            |
/// |     56 |    4 | flags       | `TickFlags`; `FEED`: the event's code                             |
/// |     60 |    4 | crc32c      | of bytes 0–59                                                     |
@frozen
public struct TickRecord: StreamRecord {
    public let kind: RecordKind
    @usableFromInline let pairHead: UInt32
    @usableFromInline let pairTail: UInt64
    public var position: UInt64
    public let brokerTime: UTCNanos
    public let receiveTime: UTCNanos
    public let bid: Price
    public let ask: Price
    public let flags: TickFlags
    public var checksum: UInt32

    @inlinable
    init(
        kind: RecordKind, pair: Pair, brokerTime: UTCNanos, receiveTime: UTCNanos,
        bid: Price, ask: Price, flags: TickFlags
    ) {
        self.kind = kind
        pairHead = pair.head
        pairTail = pair.tail
        position = 0
        self.brokerTime = brokerTime
        self.receiveTime = receiveTime
        self.bid = bid
        self.ask = ask
        self.flags = flags
        checksum = 0
    }

    @inlinable
    public var pair: Pair { Pair(head: pairHead, tail: pairTail) }

    /// A tick. A missing side is a price of 0 with its flag set.
    @inlinable
    public static func tick(
        _ pair: Pair, brokerTime: UTCNanos, receiveTime: UTCNanos, bid: Price, ask: Price, flags: TickFlags = []
    ) -> TickRecord {
        TickRecord(
            kind: .tick, pair: pair, brokerTime: brokerTime, receiveTime: receiveTime, bid: bid, ask: ask, flags: flags)
    }

    /// The feed's time: `brokerTime` from the heartbeat item, or the local stand-in (`.localClock`).
    @inlinable
    public static func clock(_ brokerTime: UTCNanos, receiveTime: UTCNanos, flags: TickFlags = []) -> TickRecord {
        TickRecord(
            kind: .clock, pair: .none, brokerTime: brokerTime, receiveTime: receiveTime,
            bid: Price(rawValue: 0), ask: Price(rawValue: 0), flags: flags)
    }
}

/// What is special about a tick or a clock record.
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

    /// Both sides are missing, or one of them is: for comparisons.
    @inlinable public static var sideMissing: TickFlags { TickFlags(rawValue: 24) }

    /// Whether such a tick never moves candles. (A snapshot may.)
    public var doesNotCount: Bool { contains(.duplicate) || isSuperset(of: .sideMissing) }

    /// The names of those that are set, as in docs/formats.md § 1.
    public var names: [String] {
        let all: [(TickFlags, String)] = [
            (.snapshot, "snapshot"), (.recovered, "recovered"), (.duplicate, "duplicate"), (.bidMissing, "bidMissing"),
            (.askMissing, "askMissing"), (.inverted, "inverted"), (.localClock, "localClock"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}
