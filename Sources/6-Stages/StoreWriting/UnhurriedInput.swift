internal import Host
internal import Logging
internal import MarketData
internal import Streams
internal import Wire

/// One of a collector's streams that nobody waits for: out of its journal, a batch at a time, looked for once a second, or
/// at once while there is more. So a live candle waits no longer than one such batch, however many there are.
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

    /// - Parameters:
    ///   - committed: its position in the database.
    ///   - batch: the most records taken at once.
    /// - Returns: `nil` if it cannot be read.
    init?(
        _ stream: Wire.Stream, _ paths: Paths, committed position: UInt64, batch: Int, clock: Clock, logger: Logger
    ) {
        (self.stream, collector, self.batch) = (stream, paths.collector, batch)
        (self.clock, self.logger) = (clock, logger)
        do {
            let folder = paths.journal(stream)
            let last = try JournalTail.lastPosition(CandleEnvelope.self, folder: folder)
            // A journal that begins anew is read anew.
            let journal = try JournalReader(
                folder: folder, recordSize: stream.recordSize, from: position <= last ? position + 1 : nil,
                batch: batch)
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
    func take() -> [CandleEnvelope] {
        let now = clock.monotonic()
        guard let reader, now >= nextLook else { return [] }
        var records: [CandleEnvelope] = []
        do {
            _ = try reader.take(CandleEnvelope.self, looksIntoJournal: true) { records.append($0) }
        } catch {
            report("Stream cannot be read any more", error)
            self.reader = nil
        }
        nextLook = records.count < batch ? now + UTCNanos.perSecond : .min
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
