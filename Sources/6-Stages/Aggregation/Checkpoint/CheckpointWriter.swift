internal import Glibc
internal import Host
internal import Logging
internal import Streams
internal import Synchronization
internal import Wire

/// Puts checkpoints on the disk from threads of their own, one at a time: the data thread only makes the bytes.
///
/// The candles that a checkpoint builds upon are durable before it is: a power cut cannot take them and leave it.
final class CheckpointWriter: Sendable {
    /// A checkpoint that lacks its candles record and its checksum.
    struct Draft: Sendable {
        var bytes: [UInt8]
        /// Of the candles record; 0: none.
        let candles: UInt64
    }

    private let path: String
    private let candles: JournalDurability
    private let logger: Logger
    private let thread = Mutex<pthread_t?>(nil)
    private let busy = Atomic<Bool>(false)

    init(path: String, candles: JournalDurability, logger: Logger) {
        (self.path, self.candles, self.logger) = (path, candles, logger)
    }

    /// The last draft is not yet on the disk.
    var isBusy: Bool { busy.load(ordering: .acquiring) }

    /// What a thread takes with it. The draft is taken out, so that its bytes are not copied when they change.
    private final class Work: Sendable {
        let writer: CheckpointWriter
        private let draft: Mutex<Draft?>

        init(_ writer: CheckpointWriter, _ draft: consuming Draft) {
            self.writer = writer
            self.draft = Mutex(draft)
        }

        func take() -> Draft? {
            draft.withLock { draft in
                defer { draft = nil }
                return draft
            }
        }
    }

    /// Takes a draft that is to be put on the disk.
    /// - Precondition: it is not busy.
    func start(_ draft: consuming Draft) {
        precondition(!isBusy)
        finish()
        busy.store(true, ordering: .releasing)
        let work = Unmanaged.passRetained(Work(self, draft))
        var started = pthread_t()
        let code = pthread_create(
            &started, nil,
            { context in
                let work = Unmanaged<Work>.fromOpaque(context!).takeRetainedValue()
                if let draft = work.take() { work.writer.write(draft) }
                return nil
            }, work.toOpaque())
        guard code == 0 else {
            work.release()
            busy.store(false, ordering: .releasing)
            return report(systemMessage(code))
        }
        thread.withLock { $0 = started }
    }

    /// Waits until the last draft is on the disk.
    func finish() {
        let last = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let last { pthread_join(last, nil) }
    }

    private func write(_ draft: consuming Draft) {
        defer { busy.store(false, ordering: .releasing) }
        do {
            try candles.wait()
            var record: CandleEnvelope?
            if draft.candles > 0 {
                record = try JournalTail.record(CandleEnvelope.self, at: draft.candles, folder: candles.folder)
                guard record != nil else {
                    return report("position \(draft.candles) cannot be read in \(candles.folder)")
                }
            }
            Checkpoint.seal(&draft.bytes, candles: record)
            try replaceFile(path, durablyWith: draft.bytes)
        } catch { report("\(error)") }
    }

    private func report(_ error: String) {
        logger.warning(
            "Checkpoint not made: a restart reads more of the tick journal",
            metadata: ["file": "\(path)", "error": "\(error)"])
    }
}
