public import Host
public import Logging
public import Settings
public import Streams
public import Wire

/// A folder, a bus and a clock for stages that run inside a test.
public final class StageWorld {
    public let folder = TemporaryFolder()
    public let paths: Paths
    public let bus = MemoryBus()
    public let clock = SteppedClock()
    public var configuration = Configuration()
    public let logger = quietLogger()
    /// What the stages published on each stream, a record each.
    public private(set) var published: [Wire.Stream: [[UInt8]]] = [:]

    public init() throws {
        paths = try Paths(state: folder.path)
        configuration.journal.retentionDays = 0
        configuration.journal.syncMilliseconds = 60_000
        bus.published = { [unowned self] bytes, stream in
            // Records of two sizes, but a message each.
            let size = stream == .forming ? bytes.count : stream.recordSize
            for start in stride(from: 0, to: bytes.count, by: size) {
                published[stream, default: []].append(Array(bytes[start..<(start + size)]))
            }
        }
    }

    public func service() throws -> ServiceNotifier {
        try ServiceNotifier(environment: Environment([:]), clock: clock.clock)
    }

    /// Writes a collector's stream in the place of its stage.
    public func writer(_ stream: Wire.Stream, of collector: Collector = .main) throws -> StreamWriter {
        try StreamWriter(
            stream: stream, paths: paths.of(collector), settings: configuration.journal, bus: bus.of(collector),
            logger: logger)
    }

    public func candles(_ stream: Wire.Stream) -> [CandleEnvelope] {
        (published[stream] ?? []).compactMap { bytes in bytes.withUnsafeBytes { CandleEnvelope(bytes: $0) } }
    }

    /// The last one.
    public func status(_ stage: Stage) -> StageStatus? { bus.statuses[stage]?.last }
}
