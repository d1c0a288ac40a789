internal import Host
internal import MarketData
internal import Streams
internal import Wire

/// The stage that sends what a command waits for: looked for while nothing comes, so that silence has a reason.
struct Sender {
    private let listener: StatusListener
    private let stages: [Stage]
    /// What is waited for.
    private let subject: String
    /// The stages that do not run, or what else sends it.
    private let absence: String
    private let began = Clock.system.monotonic()
    private var isSaid = false

    /// A stage speaks once a second.
    private static let patience = 5 * UTCNanos.perSecond / 2

    /// - Throws: as `StatusListener.init`.
    init(_ stream: Stream, _ paths: Paths) throws {
        let stage = stream.sender
        try self.init(
            stage.map { [$0] } ?? [], of: [paths.collector], paths, subject: stream.rawValue,
            absence: stage.map { "\($0) does not run" } ?? stream.occasion)
    }

    /// All stages of these collectors, for their status.
    init(statusOf collectors: [Collector], _ paths: Paths) throws {
        try self.init(Stage.daemons, of: collectors, paths, subject: "status", absence: "no stage runs")
    }

    private init(
        _ stages: [Stage], of collectors: [Collector], _ paths: Paths, subject: String, absence: String
    ) throws {
        listener = try StatusListener(paths: paths, collectors: collectors, clock: .system)
        (self.stages, self.subject, self.absence) = (stages, subject, absence)
    }

    private var isRunning: Bool { listener.heard.contains { stages.contains($0.stage) && $0.status != nil } }

    /// While nothing has come: says once for whom the command waits.
    mutating func wait() {
        guard !isSaid else { return }
        listener.listen(milliseconds: 0)
        guard Clock.system.monotonic() - began > Sender.patience else { return }
        isSaid = true
        let reason = isRunning ? "\(stages[0]) runs and has sent nothing yet" : absence
        Program.write(standardError: "candlewick: waiting for \(subject): \(reason)\n")
    }

    /// After a time in which nothing came.
    /// - Throws: `Failure` (69) if its sender does not run.
    func expectRunning() throws {
        let deadline = Clock.system.monotonic() + Sender.patience
        while !stages.isEmpty, !isRunning, case let left = deadline - Clock.system.monotonic(), left > 0 {
            listener.listen(milliseconds: Int(left / UTCNanos.perMillisecond) + 1)
        }
        guard !isRunning else { return }
        throw Failure(.unavailable, "nothing of \(subject) came in this time: \(absence)")
    }
}

extension Stream {
    /// The stage that sends it all the time; `nil` if it is sent on occasion only.
    fileprivate var sender: Stage? {
        switch self {
        case .ticks, .native: .ingestStream
        case .candles, .forming: .aggregator
        case .stored: .storeWriter
        case .history, .refold: nil
        }
    }

    fileprivate var occasion: String {
        self == .history ? "ingest-backfill sends it while it buys" : "candlewick refold sends it while it works"
    }
}
