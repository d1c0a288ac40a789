public import MarketData

/// One record of the `history`, `candles` and `native` streams, kind `CNDL`. 192 bytes, little-endian, in memory
/// exactly as on the bus and in the journal. Source: docs/formats.md § 2.
///
/// | offset | size | field             | unit and meaning                                              |
/// |-------:|-----:|-------------------|---------------------------------------------------------------|
/// |      0 |    4 | kind              | ASCII `CNDL`; `FEED`: see `CandleRecord.feed`                 |
/// |      4 |   12 | pair              | ASCII, NUL-padded                                             |
/// |     16 |    8 | position          | u64 from 1, never given twice                                 |
/// |     24 |    8 | start             | i64, ns since 1970 UTC: the interval is [start, start + timeframe) |
/// |     32 |    4 | timeframe         | u32, seconds                                                  |
/// |     36 |    4 | flags             | `CandleFlags`                                                 |
/// |     40 |   32 | bid               | open, high, low, close: i64, units of 1e-9                    |
/// |     72 |   32 | ask               | the same                                                      |
/// |    104 |   32 | mid               | the same, of each tick's (bid + ask) / 2                      |
/// |    136 |    8 | firstTickTime     | i64, ns: broker time of the open; 0 where there were no ticks |
/// |    144 |    8 | lastTickTime      | i64, ns: broker time of the close                             |
/// |    152 |    4 | tickCount         | u32: ticks that moved or repeated the price                   |
/// |    156 |    4 | blindMilliseconds | u32: time inside the interval of which nothing is known       |
/// |    160 |    4 | lostUpdates       | u32: updates the broker declared lost                         |
/// |    164 |    1 | source            | `CandleSource`                                                |
/// |    165 |    1 | inputStream       | 0 `ticks`, 1 `history`                                        |
/// |    166 |    2 | revision          | u16 from 1                                                    |
/// |    168 |    8 | inputPosition     | u64: the input record that made this candle final             |
/// |    176 |    8 | publishTime       | i64, ns since 1970 UTC                                        |
/// |    184 |    4 | invertedTicks     | u32: ticks with the ask below the bid                         |
/// |    188 |    4 | crc32c            | of bytes 0–187                                                |
@frozen
public struct CandleRecord: StreamRecord {
    public let kind: RecordKind
    @usableFromInline let pairHead: UInt32
    @usableFromInline let pairTail: UInt64
    public var position: UInt64 = 0
    public var start: UTCNanos
    @usableFromInline var timeframeSeconds: UInt32
    public var flags: CandleFlags = []
    public var bid: OHLC
    public var ask: OHLC
    public var mid: OHLC
    public var firstTickTime = UTCNanos(rawValue: 0)
    public var lastTickTime = UTCNanos(rawValue: 0)
    public var tickCount: UInt32 = 0
    public var blindMilliseconds: UInt32 = 0
    public var lostUpdates: UInt32 = 0
    public var source: CandleSource
    @usableFromInline var inputCode: UInt8
    public var revision: UInt16 = 1
    public var inputPosition: UInt64 = 0
    public var publishTime = UTCNanos(rawValue: 0)
    public var invertedTicks: UInt32 = 0
    public var checksum: UInt32 = 0

    public init(
        kind: RecordKind = .candle, pair: Pair, timeframe: Timeframe, start: UTCNanos, bid: OHLC, ask: OHLC, mid: OHLC,
        source: CandleSource, inputStream: Stream
    ) {
        self.kind = kind
        pairHead = pair.head
        pairTail = pair.tail
        self.start = start
        timeframeSeconds = UInt32(timeframe.seconds)
        self.bid = bid
        self.ask = ask
        self.mid = mid
        self.source = source
        inputCode = inputStream == .history ? 1 : 0
    }

    @inlinable
    public var pair: Pair { Pair(head: pairHead, tail: pairTail) }

    /// The stream whose record made the candle final: `ticks` or `history`.
    public var inputStream: Stream {
        get { inputCode == 1 ? .history : .ticks }
        set { inputCode = newValue == .history ? 1 : 0 }
    }

    /// - Returns: `nil` where the record holds no valid timeframe: a `FEED` record, or damage.
    public var timeframe: Timeframe? {
        timeframeSeconds % 60 == 0 ? Timeframe(minutes: Int(timeframeSeconds / 60)) : nil
    }
}

/// Where a candle came from. Raw values are stable: they stand in records and in the database.
@frozen
public struct CandleSource: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Folded from the broker's ticks.
    @inlinable public static var streamed: CandleSource { CandleSource(rawValue: 1) }
    /// Bought from the broker's history.
    @inlinable public static var bought: CandleSource { CandleSource(rawValue: 2) }
    /// Made of smaller bought candles.
    @inlinable public static var derived: CandleSource { CandleSource(rawValue: 3) }
    /// Read from a file of the user's.
    @inlinable public static var imported: CandleSource { CandleSource(rawValue: 4) }

    /// Made by the broker itself, beside its ticks: a second opinion, which no reader of candles sees.
    @inlinable public static var native: CandleSource { CandleSource(rawValue: 5) }

    /// Those of which a reader of candles may see one.
    public static let known: [CandleSource] = [.streamed, .bought, .derived, .imported]

    /// The name in the database's views and in the tools.
    public var name: String {
        switch self {
        case .streamed: "streamed"
        case .bought: "bought"
        case .derived: "derived"
        case .imported: "imported"
        case .native: "native"
        default: "unknown"
        }
    }
}

/// What is special about a candle.
@frozen
public struct CandleFlags: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Not the whole interval was seen: blind time or lost updates, of which two fields say how much; or a side is
    /// missing.
    @inlinable public static var partial: CandleFlags { CandleFlags(rawValue: 1) }
    /// A tick came after the candle was final: this is a later revision.
    @inlinable public static var late: CandleFlags { CandleFlags(rawValue: 2) }
    /// Closed by the local stand-in clock, not by the broker's time.
    @inlinable public static var localClock: CandleFlags { CandleFlags(rawValue: 4) }
    /// A partial candle of which an earlier revision was whole: it takes that one's place, since what was missed
    /// became known only later.
    @inlinable public static var withdrawn: CandleFlags { CandleFlags(rawValue: 8) }
    /// Of an `EMPT`: there were ticks, but the broker has no candle that can be used.
    @inlinable public static var unusable: CandleFlags { CandleFlags(rawValue: 16) }

    /// No tick of the interval brought both sides: there is no mid, and the prices of a side without a tick are 0.
    @inlinable public static var sideMissing: CandleFlags { CandleFlags(rawValue: 32) }

    /// The broker's own candle of the interval reaches beyond this one: a tick may be missing.
    @inlinable public static var disputed: CandleFlags { CandleFlags(rawValue: 64) }

    /// The names of those that are set, as in docs/formats.md § 2.
    public var names: [String] {
        let all: [(CandleFlags, String)] = [
            (.partial, "partial"), (.late, "late"), (.localClock, "localClock"), (.withdrawn, "withdrawn"),
            (.unusable, "unusable"), (.sideMissing, "sideMissing"), (.disputed, "disputed"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}

extension CandleRecord {
    /// A feed event as it is passed on in the `candles` stream, so that it reaches the database in order:
    /// kind `FEED`, the event's code in `flags`, its details in `bid.open` and `bid.high`, `start` the
    /// broker time, `lastTickTime` the receive time, `inputPosition` the tick record's position.
    public static func feed(_ record: TickRecord) -> CandleRecord {
        let zero = Price(rawValue: 0)
        var event = CandleRecord(
            kind: .feed, pair: record.pair, timeframe: .fiveMinutes, start: record.brokerTime,
            bid: OHLC(open: record.bid, high: record.ask, low: zero, close: zero), ask: .zero, mid: .zero,
            source: .streamed, inputStream: .ticks)
        event.timeframeSeconds = 0
        event.flags = CandleFlags(rawValue: record.flags.rawValue)
        event.lastTickTime = record.receiveTime
        event.inputPosition = record.position
        return event
    }

    /// The event of a `FEED` record; `nil` for candles and unknown codes.
    public var feedEvent: FeedEvent? {
        kind == .feed ? FeedEvent(code: flags.rawValue, details: (bid.open.rawValue, bid.high.rawValue)) : nil
    }
}
