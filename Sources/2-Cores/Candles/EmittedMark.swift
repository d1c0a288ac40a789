internal import MarketData
public import Wire

/// What the aggregator's own journal holds of one input stream: replaying that gives it again, so it is left out.
///
/// Candles are known by how far the journal reaches without a gap, and one by one from there on. Events are known
/// one by one: after a power cut a replay may report a hole at positions that the journal passed long ago.
public struct EmittedMark {
    /// The newest input position; 0 for none.
    public private(set) var position: UInt64 = 0
    private var oldest = UInt64.max
    /// Candles of older input positions are all there.
    private var certain: UInt64 = 0
    /// Those from there on that are there.
    private var candles: Set<Content> = []
    private var others: Set<Other> = []

    /// Of a journal that holds nothing.
    public init() {}

    /// Of a journal that holds all that was made of the records up to a position.
    init(allUpTo position: UInt64) { (self.position, oldest, certain) = (position, 0, position + 1) }

    /// The values that distinguish candles.
    private struct Content: Hashable {
        let pair: Pair
        let timeframe: Timeframe?
        let start: UTCNanos
        let source: CandleSource
        let revision: UInt16
        /// An interval may be bought twice; 0 of a streamed candle, which the revision tells from all others.
        let inputPosition: UInt64

        init(_ record: CandleEnvelope) {
            (pair, timeframe, start) = (record.pair, record.series?.timeframe, record.start)
            (source, revision) = (record.source, record.revision)
            inputPosition = record.source == .streamed ? 0 : record.inputPosition
        }
    }

    /// Known one by one. Of derived candles there may be new ones at old positions, since a timeframe was added.
    private static func isOther(_ record: CandleEnvelope) -> Bool {
        record.kind != .candle || record.source == .derived
    }

    /// The values that distinguish all else: a hole may be reported at a position whose own event was lost after it was
    /// emitted.
    private struct Other: Hashable {
        let inputPosition: UInt64
        let kind: RecordKind
        let timeframe: Timeframe?
        let event: FeedEvent?

        init(_ record: CandleEnvelope) {
            (inputPosition, kind) = (record.inputPosition, record.kind)
            (timeframe, event) = (record.series?.timeframe, record.feedEvent)
        }
    }

    fileprivate mutating func note(_ record: CandleEnvelope, hasGap: Bool) {
        if oldest == .max { oldest = hasGap ? 0 : record.inputPosition }
        if record.inputPosition > position {
            position = record.inputPosition
            if !hasGap {
                certain = position
                candles.removeAll(keepingCapacity: true)
            }
        }
        if EmittedMark.isOther(record) {
            others.insert(Other(record))
        } else if record.inputPosition >= certain {
            candles.insert(Content(record))
        }
    }

    /// Whether the journal holds this record, or held it before it was dropped by age.
    func covers(_ record: CandleEnvelope) -> Bool {
        if record.inputPosition < oldest { return position > 0 }
        if EmittedMark.isOther(record) { return others.contains(Other(record)) }
        return record.inputPosition < certain || candles.contains(Content(record))
    }

    /// Hands out what the journal does not hold, and empties `output`.
    /// - Parameter publishTime: asked once, and only if there is a record.
    func takeNew(
        of output: inout [CandleEnvelope], publishTime: @autoclosure () -> UTCNanos,
        _ emit: (CandleEnvelope) throws -> Void
    ) throws {
        guard !output.isEmpty else { return }
        let publishTime = publishTime()
        for var record in output where !covers(record) {
            record.publishTime = publishTime
            try emit(record)
        }
        output.removeAll(keepingCapacity: true)
    }
}

/// Both marks of an aggregator's journal, gathered from its records in order.
public struct EmittedMarks {
    public private(set) var ticks = EmittedMark()
    public private(set) var history = EmittedMark()
    /// The position of the last record; 0 for none.
    public private(set) var lastRecord: UInt64 = 0
    private var lastPosition: UInt64
    private var hasGap = false

    /// - Parameter first: the position of the first record that the journal may hold.
    public init(first: UInt64) { lastPosition = first - 1 }

    /// Of what the journal holds after a record of its own. It and those before it hold all that was made of the inputs up
    /// to two positions.
    /// - Parameters:
    ///   - position: that record's.
    ///   - ticks: the last position of the ticks stream of which all is there.
    ///   - history: the same of the history stream.
    public init(after position: UInt64, ticks: UInt64, history: UInt64) {
        (lastRecord, lastPosition) = (position, position)
        self.ticks = EmittedMark(allUpTo: ticks)
        self.history = EmittedMark(allUpTo: history)
    }

    public mutating func note(_ record: CandleEnvelope) {
        if record.position != lastPosition + 1 { hasGap = true }
        (lastRecord, lastPosition) = (record.position, record.position)
        if record.inputStream == .history {
            history.note(record, hasGap: hasGap)
        } else {
            ticks.note(record, hasGap: hasGap)
        }
    }
}
