public import MarketData

/// What the folds of both streams hold between two records, out of bytes: from there on they go on as if they had taken
/// every record before. Source: docs/formats.md § 7.1, docs/decisions/0040.
public struct FoldState {
    let builder: CandleBuilder
    let deriver: CandleDeriver

    /// Of the bytes, and of what the folds make of them: rises when one of both changes.
    public static let version: UInt32 = 1

    /// The position of the last record of the ticks stream that was folded; 0 before the first.
    public var ticksPosition: UInt64 { builder.position }

    /// - Precondition: the output of both was taken away.
    /// - Parameter head: bytes that come before those of the state.
    public static func bytes(of fold: ResumedFold, _ history: ResumedHistory, after head: [UInt8]) -> [UInt8] {
        // A closed candle takes 150 bytes, nearly always.
        StateWriter.bytes(capacity: 65_536 + 192 * fold.builder.final.count) { writer in
            for byte in head { writer.put(byte) }
            fold.builder.write(to: &writer)
            history.deriver.write(to: &writer)
        }
    }

    /// - Parameters:
    ///   - options: those of the fold that the bytes were made of; the same is true of `calendar`.
    /// - Returns: `nil` if the bytes are no such state.
    public init?(_ bytes: UnsafeRawBufferPointer, options: CandleBuilder.Options, calendar: TradingCalendar) {
        var reader = StateReader(bytes)
        do {
            builder = try CandleBuilder(options: options, from: &reader)
            deriver = try CandleDeriver(timeframes: options.timeframes, calendar: calendar, from: &reader)
        } catch { return nil }
        guard reader.isAtEnd else { return nil }
    }
}
