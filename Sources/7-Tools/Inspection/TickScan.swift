internal import Archive
package import Host
package import MarketData
internal import Streams
package import Wire

/// The ticks of a pair in a stretch of the broker's time, out of archive and journal. Reads little more than that part of
/// the stream.
///
/// - Note: One thread only.
package struct TickScan {
    private let source: ArchivedStream
    private let pair: Pair
    private let times: Range<UTCNanos>
    /// Where the records began that are of a later time.
    private var laterSince: UInt64?

    /// Times in a stream are in order but for so much. Source: docs/architecture.md § Times.
    private static let margin: Duration = .seconds(180)
    /// A wrong time of the broker's is taken back within a minute, which has fewer records.
    private static let laterMax: UInt64 = 100_000

    /// - Parameter position: where to go on; `nil`: at the beginning.
    /// - Throws: `JournalError`; `Failure` (65) if the archive is damaged.
    package init(_ pair: Pair, in times: Range<UTCNanos>, _ paths: Paths, from position: UInt64? = nil) throws {
        (self.pair, self.times) = (pair, times)
        let first = try position ?? ArchivedStream.position(of: .ticks, paths, at: times.lowerBound - TickScan.margin)
        source = try ArchivedStream(.ticks, paths, from: first, narrowing: .init(pairs: [pair], times: times))
    }

    /// Where the next batch begins.
    package var nextPosition: UInt64 { source.nextPosition }

    /// Hands out the ticks of some thousand records, in the stream's order.
    /// - Returns: false if no more can follow.
    /// - Throws: as `init`.
    package mutating func readBatch(_ body: (TickRecord) -> Void) throws -> Bool {
        let end = times.upperBound + TickScan.margin
        let count = try source.read(TickEnvelope.self) { record in
            laterSince = record.brokerTime > end ? laterSince ?? record.position : nil
            if let tick = record.tick, tick.pair == pair, times.contains(tick.brokerTime) { body(tick) }
        }
        return count > 0 && nextPosition - (laterSince ?? nextPosition) < TickScan.laterMax
    }
}

@available(*, unavailable)
extension TickScan: Sendable {}
