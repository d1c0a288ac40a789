public import Host
public import MarketData
public import Store
package import Streams
package import Wire

/// The candles that `store-writer` has just committed, as it publishes them on the `stored` stream: a reader that
/// receives one can read it. Subscribe first, then read what is there, so that none falls between.
///
/// Only what is stored from the subscription on comes, and what a reader takes too late may be dropped: the database
/// has it. The store-writer may come and go meanwhile.
///
/// - Note: One thread only.
public final class StoredCandles {
    /// A stored candle and its place. Its collector is `nil` if several are at work: the message does not say.
    public typealias Stored = (series: Series, candle: CandleReader.Candle)

    /// What the messages come from, for a wait for several streams.
    package let subscriber: Subscriber
    private let timeframe: Timeframe?

    /// - Parameters:
    ///   - paths: whose runtime folder has the socket.
    ///   - pair: only candles of this one; `nil`: of all.
    ///   - timeframe: only candles of this one; `nil`: of all.
    /// - Throws: `BusError`; `Failure` (78) where the socket's path is too long.
    public init(paths: Paths, pair: Pair? = nil, timeframe: Timeframe? = nil) throws {
        self.timeframe = timeframe
        subscriber = try Subscriber(
            context: try BusContext(), endpoint: try paths.endpoint(.stored),
            topics: [RecordKind.candle.topic(of: pair)])
    }

    /// Waits for the next stored candle, complete or partial.
    /// - Parameter milliseconds: how long at most.
    /// - Returns: `nil` where none came in time.
    public func next(milliseconds: Int) -> Stored? {
        let deadline = Deadline(milliseconds: milliseconds)
        while true {
            if let record = take() { return (record.series, CandleReader.Candle(record)) }
            guard subscriber.wait(until: deadline) else { return nil }
        }
    }

    /// The record of one that has already come; `nil` without any.
    package func take() -> CandleRecord? {
        var record: CandleRecord?
        while record == nil, subscriber.receive({ record = decode($0) }) {}
        return record
    }

    private func decode(_ message: UnsafeRawBufferPointer) -> CandleRecord? {
        guard let candle = CandleEnvelope(bytes: message)?.candle, timeframe ?? candle.timeframe == candle.timeframe
        else { return nil }
        return candle
    }
}

@available(*, unavailable)
extension StoredCandles: Sendable {}
