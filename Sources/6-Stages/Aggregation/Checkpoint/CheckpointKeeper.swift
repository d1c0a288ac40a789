internal import Candles
internal import Host
internal import Logging
internal import Settings
internal import Streams
internal import Wire

/// Decides when a checkpoint is made, and makes its bytes between two turns.
///
/// - Note: Data thread only.
final class CheckpointKeeper {
    private let writer: CheckpointWriter
    private let settings: String
    private let historyFolder: String
    /// So many records of both inputs are taken between two checkpoints; 0: none is made.
    private let interval: Int
    /// Where the candles journal must be read from as long as the inputs are not read beyond what it was made of; 0: whole.
    private let base: UInt64
    private let emittedTicks: UInt64
    private let emittedHistory: UInt64
    /// Records since the last one.
    private var taken = 0

    init(
        _ start: StartingPoint, paths: Paths, configuration: Configuration, interval: Int,
        candles: JournalDurability, logger: Logger
    ) {
        writer = CheckpointWriter(path: paths.checkpoint, candles: candles, logger: logger)
        settings = configuration.checkpointSettings
        historyFolder = paths.journal(.history)
        self.interval = interval
        base = start.base
        (emittedTicks, emittedHistory) = (start.emitted.ticks.position, start.emitted.history.position)
    }

    /// Takes how many records a turn took.
    /// - Parameter isNow: one is made although not so many records were taken yet.
    /// - Returns: whether to make one now.
    func isDue(taken count: Int, isNow: Bool) -> Bool {
        taken += count
        return interval > 0 && (taken >= interval || isNow && taken > 0) && !writer.isBusy
    }

    /// Makes one of the state between two turns.
    func make(_ fold: ResumedFold, _ bought: inout ResumedHistory, _ place: Place) throws {
        if let oldest = try JournalTail.oldestPosition(recordSize: CandleEnvelope.byteCount, folder: historyFolder) {
            bought.forget(before: oldest)
        }
        let head = Checkpoint.head(ticks: place.tick, history: place.bought, settings: settings)
        let bytes = FoldState.bytes(of: fold, bought, after: head)
        taken = 0
        writer.start(CheckpointWriter.Draft(bytes: bytes, candles: candles(place)))
    }

    /// The last records of each stream.
    struct Place {
        var tick: TickEnvelope?
        var bought: CandleEnvelope?
        /// Of the candles stream, the last record's position; 0: none.
        var candle: UInt64
    }

    /// The candles of inputs that are still to come must not count as those of inputs that are taken.
    private func candles(_ place: Place) -> UInt64 {
        let isBeyond = place.tick?.position ?? 0 >= emittedTicks && place.bought?.position ?? 0 >= emittedHistory
        return isBeyond ? place.candle : base
    }

    /// Waits until the last one is on the disk.
    func finish() { writer.finish() }
}

@available(*, unavailable)
extension CheckpointKeeper: Sendable {}
