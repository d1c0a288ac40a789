internal import Host
internal import Logging
internal import MarketData
internal import Streams
internal import Wire

/// One of a collector's streams that may wait: out of its journal, a batch at a time, looked for once a second, or
/// at once while there is more and no live candle waits. So a live candle waits no longer than one such batch, however many
/// there are.
///
/// - Note: Data thread only.
final class UnhurriedInput {
    /// The broker's own candles, and candles of the past.
    static let streams: [Wire.Stream] = [.native, .refold]

    let stream: Wire.Stream
    private let collector: Collector
    /// `nil` once it cannot be read: it stops no live candle.
    private var reader: StreamReader?
    private let batch: Int
    private let clock: Clock
    private let logger: Logger
    /// Monotonic time at which it is looked for next.
    private var nextLook: Int64 = .min
    /// Up to which live candles put it off.
    private var latestLook: Int64 = .min

    /// The most records taken at once: some 15 ms of work.
    private static let recordsMax = 500

    /// - Parameters:
    ///   - committed: its position in the database.
    ///   - batch: the most records of a transaction.
    /// - Returns: `nil` if it cannot be read.
    init?(
        _ stream: Wire.Stream, _ paths: Paths, committed position: UInt64, batch: Int, clock: Clock, logger: Logger
    ) {
        (self.stream, collector, self.batch) = (stream, paths.collector, min(batch, Self.recordsMax))
        (self.clock, self.logger) = (clock, logger)
        do {
            let folder = paths.journal(stream)
            let last = try JournalTail.lastPosition(CandleEnvelope.self, folder: folder)
            // A journal that begins anew is read anew.
            let journal = try JournalReader(
                folder: folder, recordSize: stream.recordSize, from: position <= last ? position + 1 : nil,
                batch: self.batch)
            reader = StreamReader(
                live: Silence(), journal: journal, logger: logger,
                mark: ConsumerMark(folder: folder, consumer: .storeWriter))
        } catch {
            report("Stream cannot be read", error)
            return nil
        }
    }

    /// Its journal may hold more than was taken.
    var hasMore: Bool { reader != nil && nextLook == .min }

    /// The next records, at most a batch; empty between two looks.
    /// - Parameter liveWaits: live candles wait for their commit, which comes first, for a second at most.
    func take(liveWaits: Bool) -> [CandleEnvelope] {
        let now = clock.monotonic()
        guard let reader, now >= nextLook, !liveWaits || now >= latestLook else { return [] }
        var records: [CandleEnvelope] = []
        do {
            _ = try reader.take(CandleEnvelope.self, looksIntoJournal: true) { records.append($0) }
        } catch {
            report("Stream cannot be read any more", error)
            self.reader = nil
        }
        latestLook = now + UTCNanos.perSecond
        nextLook = records.count < batch ? latestLook : .min
        return records
    }

    /// The records up to here are in the database.
    /// - Throws: `Unreadable`.
    func noteTaken(_ position: UInt64) throws {
        do { try reader?.noteTaken(position) } catch { throw Unreadable(cause: error) }
    }

    private func report(_ message: Logger.Message, _ error: any Error) {
        logger.error(
            message, metadata: ["stream": "\(stream)", "collector": "\(collector)", "error": "\(error)"])
    }

    // MARK: Status

    var progress: StageStatus.Input? { reader?.progress(of: stream, of: collector) }

    func report(into metrics: inout MetricValues) { reader?.report(stream, of: collector, into: &metrics) }
}

@available(*, unavailable)
extension UnhurriedInput: Sendable {}

/// Brings nothing live.
private final class Silence: LiveSource {
    func wait(milliseconds: Int, stop: Int32) {}

    func receive(_ body: (UnsafeRawBufferPointer) throws -> Void) -> Bool { false }
}
