public import MarketData

/// A candle, kind `CNDL`; kind `FORM` while its interval is not over.
///
/// | offset | size | field             | unit and meaning                                              |
/// |-------:|-----:|-------------------|---------------------------------------------------------------|
/// |     36 |    4 | flags             | `CandleFlags`                                                 |
/// |     40 |   32 | bid               | open, high, low, close: i64, units of 1e-9                    |
/// |     72 |   32 | ask               | the same                                                      |
/// |    104 |   32 | mid               | the same, of each tick's (bid + ask) / 2                      |
/// |    136 |    8 | firstTickTime     | i64, ns: broker time of the open; 0 if there were no ticks    |
/// |    144 |    8 | lastTickTime      | i64, ns: broker time of the close                             |
/// |    152 |    4 | tickCount         | u32: ticks that moved or repeated the price                   |
/// |    156 |    4 | blindMilliseconds | u32: time inside the interval of which nothing is known       |
/// |    160 |    4 | lostUpdates       | u32: updates the broker declared lost                         |
/// |    168 |    8 | inputPosition     | u64: the input record that made this candle final             |
/// |    184 |    4 | invertedTicks     | u32: ticks with the ask below the bid                         |
///
/// The other fields are those of `CandleEnvelope`.
@frozen
public struct CandleRecord: StreamRecord {
    public var envelope: CandleEnvelope

    init(_ envelope: CandleEnvelope) { self.envelope = envelope }

    public init(
        _ series: Series, start: UTCNanos, bid: OHLC, ask: OHLC, mid: OHLC, source: CandleSource, inputStream: Stream
    ) {
        envelope = CandleEnvelope(kind: .candle, series, start: start, source: source, inputStream: inputStream)
        (envelope.bid, envelope.ask, envelope.mid) = (bid, ask, mid)
    }

    /// The same candle as one that forms. It has a position only when its interval is over: the candle's own.
    public var asForming: CandleRecord {
        var record = self
        record.envelope.kind = .forming
        return record
    }

    public var series: Series {
        guard let series = envelope.series else { preconditionFailure("a candle has a timeframe") }
        return series
    }
    public var timeframe: Timeframe { series.timeframe }

    public var start: UTCNanos {
        get { envelope.start }
        set { envelope.start = newValue }
    }
    public var bid: OHLC {
        get { envelope.bid }
        set { envelope.bid = newValue }
    }
    public var ask: OHLC {
        get { envelope.ask }
        set { envelope.ask = newValue }
    }
    public var mid: OHLC {
        get { envelope.mid }
        set { envelope.mid = newValue }
    }
    public var firstTickTime: UTCNanos {
        get { envelope.times.0 }
        set { envelope.times.0 = newValue }
    }
    public var lastTickTime: UTCNanos {
        get { envelope.times.1 }
        set { envelope.times.1 = newValue }
    }
    public var tickCount: UInt32 {
        get { envelope.tickCount }
        set { envelope.tickCount = newValue }
    }
    public var blindMilliseconds: UInt32 {
        get { envelope.blindMilliseconds }
        set { envelope.blindMilliseconds = newValue }
    }
    public var lostUpdates: UInt32 {
        get { envelope.lostUpdates }
        set { envelope.lostUpdates = newValue }
    }
    public var source: CandleSource {
        get { envelope.source }
        set { envelope.source = newValue }
    }
    public var inputStream: Stream {
        get { envelope.inputStream }
        set { envelope.inputStream = newValue }
    }
    public var revision: UInt16 {
        get { envelope.revision }
        set { envelope.revision = newValue }
    }
    public var inputPosition: UInt64 {
        get { envelope.inputPosition }
        set { envelope.inputPosition = newValue }
    }
    public var publishTime: UTCNanos {
        get { envelope.publishTime }
        set { envelope.publishTime = newValue }
    }
    public var invertedTicks: UInt32 {
        get { envelope.invertedTicks }
        set { envelope.invertedTicks = newValue }
    }
    public var flags: CandleFlags {
        get { CandleFlags(rawValue: envelope.flags) }
        set { envelope.flags = newValue.rawValue }
    }
}

/// The origin of a candle. Raw values are stable: records and database hold them.
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

/// Marks of a candle.
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
    /// A partial candle of which an earlier revision was complete: it takes that one's place, since what was missed
    /// became known only later.
    @inlinable public static var withdrawn: CandleFlags { CandleFlags(rawValue: 8) }
    /// Of an `EMPT`: there were ticks, but the broker has no candle that can be used.
    @inlinable public static var unusable: CandleFlags { CandleFlags(rawValue: 16) }

    /// No tick of the interval had both sides: mid is missing, and the prices of a side without a tick are 0.
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
