public import Candles
internal import Journal
public import MarketData
public import Wire

/// The fold of the ticks stream, taken up again: what the candles journal already holds comes out of the fold a
/// second time at every start and is left out. Source: docs/decisions/0004.
public final class ResumedFold {
    public let builder: CandleBuilder
    private let emitted: EmittedMark

    /// - Parameter candlesFolder: the aggregator's own journal.
    /// - Throws: `JournalError`.
    public init(options: CandleBuilder.Options, candlesFolder: String) throws {
        builder = CandleBuilder(options: options)
        emitted = try EmittedMark(journalFolder: candlesFolder)
    }

    /// The position of the tick record that gave the candles journal its last record; 0 for none.
    public var resumedFrom: UInt64 { emitted.position }

    @inline(__always)
    public func fold(_ record: TickRecord) { builder.fold(record) }

    /// Hands out what became final since the last call, but for what an earlier run emitted.
    /// - Parameter publishTime: asked once, and only where there is something.
    public func takeNew(
        publishTime: @autoclosure () -> UTCNanos, _ emit: (CandleRecord) throws -> Void
    ) throws {
        guard !builder.output.isEmpty else { return }
        let publishTime = publishTime()
        for var record in builder.output where !emitted.covers(record) {
            record.publishTime = publishTime
            try emit(record)
        }
        builder.output.removeAll(keepingCapacity: true)
    }
}

@available(*, unavailable)
extension ResumedFold: Sendable {}

/// What the aggregator's own journal holds: replaying the ticks gives it again, so it is left out.
///
/// Candles are known by how far the journal reaches without a gap, and one by one from there on. Events are known
/// one by one: after a power cut a replay may tell a hole where the journal has long been further.
struct EmittedMark {
    /// The newest input position.
    private(set) var position: UInt64 = 0
    private var oldest = UInt64.max
    /// Candles of older input positions are all there.
    private var certain: UInt64 = 0
    /// Those from there on that are there.
    private var candles: Set<Content> = []
    private var events: Set<Event> = []
    private var lastPosition: UInt64
    private var hasGap = false

    /// What tells apart the candles.
    private struct Content: Hashable {
        let pair: Pair
        let timeframe: Timeframe?
        let start: UTCNanos
        let revision: UInt16

        init(_ record: CandleRecord) {
            (pair, timeframe, start) = (record.pair, record.timeframe, record.start)
            revision = record.revision
        }
    }

    /// What tells apart the events: a hole may be told at a position whose own event was lost after it was emitted.
    private struct Event: Hashable {
        let inputPosition: UInt64
        let event: FeedEvent?

        init(_ record: CandleRecord) { (inputPosition, event) = (record.inputPosition, record.feedEvent) }
    }

    init(journalFolder: String) throws {
        let journal = try JournalReader(folder: journalFolder, recordSize: CandleRecord.byteCount, from: nil)
        lastPosition = journal.nextPosition - 1
        while try journal.read(CandleRecord.self, { note($0) }) > 0 {}
    }

    private mutating func note(_ record: CandleRecord) {
        if record.position != lastPosition + 1 { hasGap = true }
        lastPosition = record.position
        if oldest == .max { oldest = hasGap ? 0 : record.inputPosition }
        if record.inputPosition > position {
            position = record.inputPosition
            if !hasGap {
                certain = position
                candles.removeAll(keepingCapacity: true)
            }
        }
        if record.kind == .feed {
            events.insert(Event(record))
        } else if record.inputPosition >= certain {
            candles.insert(Content(record))
        }
    }

    /// Whether the journal holds this record, or held it before it was dropped by age.
    func covers(_ record: CandleRecord) -> Bool {
        if record.inputPosition < oldest { return position > 0 }
        if record.kind == .feed { return events.contains(Event(record)) }
        return record.inputPosition < certain || candles.contains(Content(record))
    }
}
