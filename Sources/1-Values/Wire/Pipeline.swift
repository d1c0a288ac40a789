/// A stream of records: one writer, any number of readers. The name is that of its socket, its journal's folder and its
/// position in the database. Source: docs/formats.md § 4.
public enum Stream: String, CaseIterable, Sendable {
    /// Ticks, the feed's time and its events.
    case ticks
    /// Candles that were bought or imported, and the requests for them.
    case history
    /// The broker's own candles, for comparison.
    case native
    /// Candles of the past in further timeframes, made again of ticks and smaller candles.
    case refold
    /// Candles, and the events of the feed in their place between.
    case candles
    /// Candles that can just now be read from the database. Has no journal.
    case stored
    /// Candles of intervals that are not over, and the last tick of each pair (`TickRecord`). Has no journal.
    case forming

    /// The streams that have a journal.
    public static let journaled: [Stream] = [.ticks, .candles, .history, .native, .refold]

    /// Whether each collector has one of its own; store-writer's is one for all.
    public var isCollected: Bool { self != .stored }

    /// The bytes of each record.
    public var recordSize: Int { self == .ticks ? TickEnvelope.byteCount : CandleEnvelope.byteCount }
}

/// A stage of the pipeline: the program that turns its input streams into its output streams.
public enum Stage: String, CaseIterable, Sendable {
    case ingestStream = "ingest-stream"
    case aggregator
    case storeWriter = "store-writer"
    /// Runs while it buys.
    case ingestBackfill = "ingest-backfill"

    /// The stages that run all the time, in the order of the data's way; each publishes its status.
    public static let daemons: [Stage] = [.ingestStream, .aggregator, .storeWriter]

    /// Of its program, its sockets and its unit.
    public var name: String { rawValue }

    /// Whether each collector has one of its own; store-writer is one for all.
    public var isOfCollector: Bool { self != .storeWriter }

    public var inputs: [Stream] {
        switch self {
        case .ingestStream, .ingestBackfill: []
        case .aggregator: [.ticks, .history]
        case .storeWriter: [.candles, .native, .refold]
        }
    }
}

extension Stage: CustomStringConvertible {
    public var description: String { name }
}

/// The consumers of a stream: its journal keeps records until they have read them.
public enum Consumer: String, Sendable {
    case aggregator
    case storeWriter = "store-writer"
    /// `candlewick archive run`.
    case archiver
    /// The position of its own stream that `ingest-backfill` finds in the database.
    case database
}
