public import MarketData

/// Any record of the `ticks` stream: a tick, the feed's time, or an event of the feed. 64 bytes, little-endian, in memory
/// exactly as on the bus and in the journal. Source: docs/formats.md § 1.
///
/// | offset | size | field       | unit and meaning                                              |
/// |-------:|-----:|-------------|---------------------------------------------------------------|
/// |      0 |    4 | kind        | ASCII `TICK`, `CLCK` or `FEED`                                |
/// |      4 |   12 | pair        | ASCII, NUL-padded; all NUL: the whole feed                    |
/// |     16 |    8 | position    | u64 from 1, never given twice                                 |
/// |     24 |    8 | brokerTime  | i64, ns since 1970 UTC, as the broker stamped it              |
/// |     32 |    8 | receiveTime | i64, ns since 1970 UTC, when the bytes arrived                |
/// |     40 |   16 | –           | `TickRecord`: bid and ask; `FeedRecord`: the event's details  |
/// |     56 |    4 | flags       | `TickFlags`; `FeedRecord`: the event's code                   |
/// |     60 |    4 | crc32c      | of bytes 0–59                                                 |
@frozen
public struct TickEnvelope: StreamEnvelope {
    public let kind: RecordKind
    @usableFromInline let pairHead: UInt32
    @usableFromInline let pairTail: UInt64
    public var position: UInt64
    public let brokerTime: UTCNanos
    public let receiveTime: UTCNanos
    @usableFromInline let details: (Int64, Int64)
    @usableFromInline let flagBits: UInt32
    public var checksum: UInt32

    @inlinable
    init(
        kind: RecordKind, pair: Pair, brokerTime: UTCNanos, receiveTime: UTCNanos, details: (Int64, Int64),
        flagBits: UInt32
    ) {
        self.kind = kind
        pairHead = pair.head
        pairTail = pair.tail
        position = 0
        self.brokerTime = brokerTime
        self.receiveTime = receiveTime
        self.details = details
        self.flagBits = flagBits
        checksum = 0
    }

    @inlinable
    public var pair: Pair { Pair(head: pairHead, tail: pairTail) }

    /// The kinds of record in the `ticks` stream.
    public enum Content: Sendable {
        case tick(TickRecord)
        case clock(ClockRecord)
        case feed(FeedRecord)
        /// Of a later version.
        case unknown
    }

    @inlinable
    public var content: Content {
        switch kind {
        case .tick: .tick(TickRecord(self))
        case .clock: .clock(ClockRecord(self))
        case .feed: .feed(FeedRecord(self))
        default: .unknown
        }
    }

    /// The event of a `FEED` record; `nil` for other kinds.
    public var feedEvent: FeedEvent? { kind == .feed ? FeedRecord(self).event : nil }

    /// The tick of a `TICK` record; `nil` for other kinds.
    @inlinable
    public var tick: TickRecord? { kind == .tick ? TickRecord(self) : nil }

    /// The broker's own time of a `CLCK` record; `nil` for a stand-in, for a predicted one and for other kinds.
    @inlinable
    public var heartbeat: ClockRecord? {
        guard kind == .clock, case let clock = ClockRecord(self), clock.isHeartbeat else { return nil }
        return clock
    }
}
