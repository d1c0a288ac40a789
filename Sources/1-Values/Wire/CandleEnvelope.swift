public import MarketData

/// Any record of the `history`, `candles`, `native`, `refold` and `stored` streams, and a forming candle. 192 bytes,
/// little-endian, in memory exactly as on the bus and in the journal. Source: docs/formats.md § 2.
///
/// | offset | size | field         | unit and meaning                                                   |
/// |-------:|-----:|---------------|--------------------------------------------------------------------|
/// |      0 |    4 | kind          | ASCII `CNDL`, `FORM`, `EMPT`, `PART`, `RQST`, `RPLY` or `FEED`     |
/// |      4 |   12 | pair          | ASCII, NUL-padded; all NUL: the whole feed                         |
/// |     16 |    8 | position      | u64 from 1, never given twice                                      |
/// |     24 |    8 | start         | i64, ns since 1970 UTC: the interval is [start, start + timeframe) |
/// |     32 |    4 | timeframe     | u32, seconds; 0 in `FEED`                                          |
/// |     36 |  128 | –             | what the kind says                                                 |
/// |    164 |    1 | source        | `CandleSource`                                                     |
/// |    165 |    1 | inputStream   | 0 `ticks`, 1 `history`                                             |
/// |    166 |    2 | revision      | u16 from 1                                                         |
/// |    168 |    8 | inputPosition | u64: the input record that caused this one                         |
/// |    176 |    8 | publishTime   | i64, ns since 1970 UTC                                             |
/// |    184 |    4 | –             | what the kind says                                                 |
/// |    188 |    4 | crc32c        | of bytes 0–187                                                     |
@frozen
public struct CandleEnvelope: StreamEnvelope {
    public internal(set) var kind: RecordKind
    @usableFromInline let pairHead: UInt32
    @usableFromInline let pairTail: UInt64
    public var position: UInt64 = 0
    public var start: UTCNanos
    @usableFromInline var timeframeSeconds: UInt32 = 0
    // The fields that each kind of record reads in its own way; named as a candle has them.
    @usableFromInline var flags: UInt32 = 0
    @usableFromInline var bid = OHLC.zero
    @usableFromInline var ask = OHLC.zero
    @usableFromInline var mid = OHLC.zero
    @usableFromInline var times = (UTCNanos(rawValue: 0), UTCNanos(rawValue: 0))
    @usableFromInline var tickCount: UInt32 = 0
    @usableFromInline var blindMilliseconds: UInt32 = 0
    @usableFromInline var lostUpdates: UInt32 = 0
    public var source: CandleSource
    @usableFromInline var inputCode: UInt8 = 0
    public var revision: UInt16 = 1
    public var inputPosition: UInt64 = 0
    public var publishTime = UTCNanos(rawValue: 0)
    @usableFromInline var invertedTicks: UInt32 = 0
    public var checksum: UInt32 = 0

    @usableFromInline
    init(kind: RecordKind, pair: Pair, start: UTCNanos, source: CandleSource, inputStream: Stream = .ticks) {
        self.kind = kind
        pairHead = pair.head
        pairTail = pair.tail
        self.start = start
        self.source = source
        self.inputStream = inputStream
    }

    @usableFromInline
    init(kind: RecordKind, _ series: Series, start: UTCNanos, source: CandleSource, inputStream: Stream) {
        self.init(kind: kind, pair: series.pair, start: start, source: source, inputStream: inputStream)
        timeframeSeconds = UInt32(series.timeframe.seconds)
    }

    @inlinable
    public var pair: Pair { Pair(head: pairHead, tail: pairTail) }

    /// The stream whose record caused this one: `ticks` or `history`.
    public var inputStream: Stream {
        get { inputCode == 1 ? .history : .ticks }
        set { inputCode = newValue == .history ? 1 : 0 }
    }

    /// - Returns: `nil` if the record holds no valid timeframe: a `FEED` record, or damage.
    public var series: Series? {
        guard timeframeSeconds % 60 == 0, let timeframe = Timeframe(minutes: Int(timeframeSeconds / 60)) else {
            return nil
        }
        return Series(pair, timeframe)
    }

    /// The kinds of record in these streams.
    public enum Content: Sendable {
        /// In all of them.
        case candle(CandleRecord)
        /// In `forming`.
        case forming(CandleRecord)
        /// In `history` and `candles`.
        case empty(EmptyRecord)
        case request(RequestRecord)
        case reply(ReplyRecord)
        /// In `history`.
        case part(PartRecord)
        /// In `candles`.
        case feed(PassedFeedRecord)
        /// Of a later version, or without a valid timeframe.
        case unknown
    }

    public var content: Content {
        if kind == .feed { return .feed(PassedFeedRecord(self)) }
        guard series != nil else { return .unknown }
        switch kind {
        case .candle: return .candle(CandleRecord(self))
        case .forming: return .forming(CandleRecord(self))
        case .empty: return .empty(EmptyRecord(self))
        case .part: return .part(PartRecord(self))
        case .request: return .request(RequestRecord(self))
        case .reply: return ReplyRecord(self).map { .reply($0) } ?? .unknown
        default: return .unknown
        }
    }

    /// The candle of a `CNDL` record; `nil` for other kinds, and without a valid timeframe.
    public var candle: CandleRecord? { kind == .candle && series != nil ? CandleRecord(self) : nil }

    /// The candle of a `FORM` record; `nil` for other kinds, and without a valid timeframe.
    public var forming: CandleRecord? { kind == .forming && series != nil ? CandleRecord(self) : nil }

    /// The event of a `FEED` record; `nil` for other kinds.
    public var feedEvent: FeedEvent? { kind == .feed ? PassedFeedRecord(self).event : nil }
}
