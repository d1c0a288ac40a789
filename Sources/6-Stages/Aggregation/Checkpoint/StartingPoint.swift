public import Candles
internal import FoundationEssentials
internal import Host
internal import Logging
internal import Settings
internal import Streams
internal import Wire

/// Where an aggregator begins: at its checkpoint if the journals still hold the records at which that was made, else at
/// the beginning of both.
struct StartingPoint {
    let fold: ResumedFold
    let bought: ResumedHistory
    /// What the candles journal holds.
    let emitted: EmittedMarks
    /// The last records that were taken; the position of the last candle.
    let place: CheckpointKeeper.Place
    /// The position of the candles record behind which the candles journal was read; 0: it was read whole.
    let base: UInt64

    /// - Throws: `Failure`, `JournalError`.
    init(_ paths: Paths, _ configuration: Configuration, _ logger: Logger) throws {
        do {
            guard FileManager.default.fileExists(atPath: paths.checkpoint) else {
                self = try StartingPoint(atBeginning: paths, configuration)
                return
            }
            self = try StartingPoint(atCheckpoint: paths, configuration)
            let position = place.tick?.position ?? 0
            logger.notice("Began at the checkpoint", metadata: ["position": "\(position)"])
        } catch let refusal as CheckpointRefusal {
            logger.notice(
                "Checkpoint not used: the journals are read from their beginning",
                metadata: ["file": "\(paths.checkpoint)", "reason": "\(refusal.rawValue)"])
            self = try StartingPoint(atBeginning: paths, configuration)
        }
    }

    private init(atBeginning paths: Paths, _ configuration: Configuration) throws {
        emitted = try EmittedMarks(journalFolder: paths.journal(.candles))
        fold = ResumedFold(options: CandleBuilder.Options(configuration), emitted: emitted.ticks)
        bought = ResumedHistory(
            timeframes: configuration.timeframes, calendar: configuration.calendar, emitted: emitted.history)
        place = CheckpointKeeper.Place(candle: emitted.lastRecord)
        base = 0
    }

    /// - Throws: `CheckpointRefusal`, `JournalError`.
    init(atCheckpoint paths: Paths, _ configuration: Configuration) throws {
        guard let bytes = readFile(paths.checkpoint) else {
            throw CheckpointRefusal.unreadable
        }
        let checkpoint = try Checkpoint(bytes)
        guard checkpoint.settings == configuration.checkpointSettings else { throw CheckpointRefusal.otherSettings }
        try StartingPoint.expect(checkpoint.ticks, in: paths.journal(.ticks), .otherTicks)
        try StartingPoint.expect(checkpoint.history, in: paths.journal(.history), .otherHistory)
        try StartingPoint.expect(checkpoint.candles, in: paths.journal(.candles), .otherCandles)
        let state = try checkpoint.state(configuration)
        emitted = try StartingPoint.marks(checkpoint, paths.journal(.candles))
        fold = ResumedFold(state, emitted: emitted.ticks)
        bought = ResumedHistory(state, emitted: emitted.history)
        place = CheckpointKeeper.Place(
            tick: checkpoint.ticks, bought: checkpoint.history, candle: emitted.lastRecord)
        base = checkpoint.candles?.position ?? 0
    }

    /// Every byte counts: after a power cut another record may have come to be where one was lost.
    private static func expect<Record: StreamEnvelope>(
        _ record: Record?, in folder: String, _ refusal: CheckpointRefusal
    ) throws {
        guard let record else { return }
        let found = try JournalTail.record(Record.self, at: record.position, folder: folder)
        guard found?.bytes == record.bytes else { throw refusal }
    }

    private static func marks(_ checkpoint: Checkpoint, _ folder: String) throws -> EmittedMarks {
        guard let last = checkpoint.candles else { return try EmittedMarks(journalFolder: folder) }
        var marks = EmittedMarks(
            after: last.position, ticks: checkpoint.ticks?.position ?? 0, history: checkpoint.history?.position ?? 0)
        let journal = try JournalReader(
            folder: folder, recordSize: CandleEnvelope.byteCount, from: last.position + 1)
        while try journal.read(CandleEnvelope.self, { marks.note($0) }) > 0 {}
        return marks
    }
}

// MARK: What else must fit

extension StartingPoint {
    /// If an input's journal was taken away or replaced, its new records would count as emitted already.
    /// - Throws: `Failure` (75); `JournalError`.
    func checkInputs(_ paths: Paths) throws {
        try check(TickEnvelope.self, .ticks, emitted.ticks, paths)
        try check(CandleEnvelope.self, .history, emitted.history, paths)
    }

    private func check<Record: StreamEnvelope>(
        _ type: Record.Type, _ stream: Stream, _ emitted: EmittedMark, _ paths: Paths
    ) throws {
        let last = try JournalTail.lastPosition(type, folder: paths.journal(stream))
        guard emitted.position <= last else {
            // Its writer skips what a consumer has taken, also when the mark beside the journal was put back with it.
            try ConsumerMark(folder: paths.journal(stream), consumer: .aggregator).note(emitted.position)
            throw Failure(
                .temporary,
                """
                the candles journal in \(paths.journal(.candles)) was made from the \(stream.rawValue) stream up to position \
                \(emitted.position), but the journal in \(paths.journal(stream)) ends at \(last): start the stage that \
                writes it, or restart it if it runs: it continues behind that position and records the hole; if it cannot, \
                put the journal back or begin with a new state folder
                """)
        }
    }
}

extension EmittedMarks {
    /// Reads the aggregator's own journal.
    /// - Throws: `JournalError`.
    public init(journalFolder: String) throws {
        let journal = try JournalReader(folder: journalFolder, recordSize: CandleEnvelope.byteCount, from: nil)
        self.init(first: journal.nextPosition)
        while try journal.read(CandleEnvelope.self, { note($0) }) > 0 {}
    }
}
