internal import Journal
internal import MarketData
internal import Wire

/// What the aggregator's own journal holds of one input stream: replaying that gives it again, so it is left out.
///
/// Candles are known by how far the journal reaches without a gap, and one by one from there on. Events are known
/// one by one: after a power cut a replay may tell a hole where the journal has long been further.
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

    /// What tells apart the candles.
    private struct Content: Hashable {
        let pair: Pair
        let timeframe: Timeframe?
        let start: UTCNanos
        let source: CandleSource
        let revision: UInt16

        init(_ record: CandleRecord) {
            (pair, timeframe, start) = (record.pair, record.timeframe, record.start)
            (source, revision) = (record.source, record.revision)
        }
    }

    /// Known one by one. Of derived candles there may be new ones at old positions, since a timeframe was added.
    private static func isOther(_ record: CandleRecord) -> Bool {
        record.kind != .candle || record.source == .derived
    }

    /// What tells apart all else: a hole may be told at a position whose own event was lost after it was emitted.
    private struct Other: Hashable {
        let inputPosition: UInt64
        let kind: RecordKind
        let timeframe: Timeframe?
        let event: FeedEvent?

        init(_ record: CandleRecord) {
            (inputPosition, kind) = (record.inputPosition, record.kind)
            (timeframe, event) = (record.timeframe, record.feedEvent)
        }
    }

    /// Reads the journal once, for both input streams.
    /// - Throws: `JournalError`.
    public static func read(journalFolder: String) throws -> (ticks: EmittedMark, history: EmittedMark) {
        let journal = try JournalReader(folder: journalFolder, recordSize: CandleRecord.byteCount, from: nil)
        var marks = (ticks: EmittedMark(), history: EmittedMark())
        var lastPosition = journal.nextPosition - 1
        var hasGap = false
        while try journal.read(
            CandleRecord.self,
            { record in
                if record.position != lastPosition + 1 { hasGap = true }
                lastPosition = record.position
                if record.inputStream == .history {
                    marks.history.note(record, hasGap)
                } else {
                    marks.ticks.note(record, hasGap)
                }
            }) > 0
        {}
        return marks
    }

    private mutating func note(_ record: CandleRecord, _ hasGap: Bool) {
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
    func covers(_ record: CandleRecord) -> Bool {
        if record.inputPosition < oldest { return position > 0 }
        if EmittedMark.isOther(record) { return others.contains(Other(record)) }
        return record.inputPosition < certain || candles.contains(Content(record))
    }

    /// Hands out what the journal does not hold, and empties `output`.
    /// - Parameter publishTime: asked once, and only where there is something.
    func takeNew(
        of output: inout [CandleRecord], publishTime: @autoclosure () -> UTCNanos, _ emit: (CandleRecord) throws -> Void
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
