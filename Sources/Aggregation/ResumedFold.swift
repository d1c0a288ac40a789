public import Candles
internal import Journal
public import MarketData
public import Wire

/// The fold of the ticks stream, taken up again: what the candles journal already holds comes out of the fold a
/// second time at every start and is left out. Source: docs/decisions/0004.
public final class ResumedFold {
    public let builder: CandleBuilder
    private var emitted: EmittedMark

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
    public func takeNew(publishTime: UTCNanos, _ emit: (CandleRecord) throws -> Void) throws {
        guard !builder.output.isEmpty else { return }
        for var record in builder.output where !emitted.covers(record) {
            record.publishTime = publishTime
            try emit(record)
        }
        builder.output.removeAll(keepingCapacity: true)
    }
}

@available(*, unavailable)
extension ResumedFold: Sendable {}

/// How far the aggregator's own journal reaches: the input position of its last record, and how many
/// records that position gave. Replaying gives the same records in the same order, so those are left out.
struct EmittedMark {
    let position: UInt64
    private var remaining: Int

    init(journalFolder: String) throws {
        var last: UInt64 = 0
        var count = 0
        try JournalTail.readBackward(CandleRecord.self, folder: journalFolder) { record in
            if count == 0 { last = record.inputPosition }
            guard record.inputPosition == last else { return false }
            count += 1
            return true
        }
        position = last
        remaining = count
    }

    /// Whether the journal already holds this record; ask once for each, in order.
    mutating func covers(_ record: CandleRecord) -> Bool {
        if record.inputPosition != position { return record.inputPosition < position }
        remaining -= 1
        return remaining >= 0
    }
}
