public import MarketData
public import Wire

/// The fold of the ticks stream, taken up again, from the beginning or from a state: what the candles journal already
/// holds comes out of the fold a second time and is left out. Source: docs/decisions/0004, docs/decisions/0040.
public struct ResumedFold {
    public private(set) var builder: CandleBuilder
    private let emitted: EmittedMark

    public init(options: CandleBuilder.Options, emitted: EmittedMark) {
        builder = CandleBuilder(options: options)
        self.emitted = emitted
    }

    /// Goes on with a state.
    public init(_ state: FoldState, emitted: EmittedMark) { (builder, self.emitted) = (state.builder, emitted) }

    /// Takes the next record of the stream.
    public mutating func fold(_ record: TickEnvelope) { builder.fold(record) }

    /// Takes a run of records, as their bytes.
    public mutating func fold(_ records: UnsafeRawBufferPointer) { builder.fold(records) }

    /// Hands out what became final since the last call, but for what an earlier run emitted.
    /// - Parameter publishTime: asked once, and only if there is a record.
    public mutating func takeNew(
        publishTime: @autoclosure () -> UTCNanos, _ emit: (CandleEnvelope) throws -> Void
    ) throws {
        try emitted.takeNew(of: &builder.output, publishTime: publishTime(), emit)
    }
}
