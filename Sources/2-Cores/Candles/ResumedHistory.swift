public import MarketData
public import Wire

/// The `history` stream on its way into the `candles` stream, taken up again: bought candles, what the broker does not
/// have, requests and replies are passed on; larger candles are derived.
public struct ResumedHistory {
    private(set) var deriver: CandleDeriver
    private var output: [CandleEnvelope] = []
    private let emitted: EmittedMark

    public init(timeframes: [Timeframe], calendar: TradingCalendar = TradingCalendar(), emitted: EmittedMark) {
        deriver = CandleDeriver(timeframes: timeframes, calendar: calendar)
        self.emitted = emitted
    }

    /// Goes on with a state.
    public init(_ state: FoldState, emitted: EmittedMark) { (deriver, self.emitted) = (state.deriver, emitted) }

    /// Forgets the parts of larger candles about which no record from a position on says anything.
    public mutating func forget(before position: UInt64) { deriver.forget(before: position) }

    /// Takes the next record of the stream.
    public mutating func take(_ record: CandleEnvelope) {
        if record.kind != .part {
            var passed = record
            passed.inputStream = .history
            passed.inputPosition = record.position
            output.append(passed)
        }
        deriver.take(record)
        output += deriver.output
        deriver.output.removeAll(keepingCapacity: true)
    }

    /// Hands out what is new since the last call, but for what an earlier run emitted.
    /// - Parameter publishTime: asked once, and only if there is a record.
    public mutating func takeNew(
        publishTime: @autoclosure () -> UTCNanos, _ emit: (CandleEnvelope) throws -> Void
    ) throws {
        try emitted.takeNew(of: &output, publishTime: publishTime(), emit)
    }
}
