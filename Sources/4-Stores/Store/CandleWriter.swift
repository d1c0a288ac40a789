public import MarketData
public import Wire

/// The one writer of a store. Data thread only.
///
/// Every function throws `StoreError`.
public protocol CandleWriter: AnyObject {
    /// From now on only this writer is to write a collector's streams.
    /// - Parameter origin: tells the collector's journals from those of another machine.
    /// - Throws: `Failure` (75) if another process writes them, (78) if what is stored came from other journals.
    func claim(_ collector: Collector, origin: String) throws

    /// The last position of a collector's stream that is in the database; 0 before the first.
    func position(of stream: Stream, collector: Collector) throws -> UInt64

    /// Writes records and the stream's position: all of it or nothing, and durable when it returns.
    ///
    /// Idempotent, and in any order: a record that is there already, or that `CandleRank` ranks lower than the one that is
    /// there, changes nothing that a reader sees.
    /// - Parameter collector: whose stream it is, and who saw the candles and events.
    /// - Returns: the candles that a reader now sees in the place of others.
    func write(
        _ records: [CandleEnvelope], collector: Collector, stream: Stream, position: UInt64, now: UTCNanos
    ) throws -> [CandleRecord]

    /// Deletes candles and feed events from before a moment; keeps the events that say how things are now.
    /// - Parameter progressed: called now and then.
    /// - Returns: how many candles.
    func forget(before moment: UTCNanos, progressed: () -> Void) throws -> Int

    /// - Parameter progressed: called now and then.
    /// - Returns: the work that was done, a sentence without its end.
    func perform(_ task: MaintenanceTask, progressed: () -> Void) throws -> String

    /// Ends the work on the database; nothing may be called afterwards.
    func close() throws
}

extension CandleWriter {
    /// For an engine whose database belongs to one machine.
    public func claim(_ collector: Collector, origin: String) throws {}
}
