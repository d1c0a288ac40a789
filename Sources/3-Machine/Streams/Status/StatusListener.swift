internal import FoundationEssentials
public import Host
public import MarketData
public import Wire

/// Listens to the status sockets of all daemons of some collectors for as long as it lives. They may come and go.
///
/// - Note: One thread only.
public final class StatusListener {
    /// The last status of a stage.
    public struct Heard: Sendable {
        public let stage: Stage
        /// Whose it is; `nil` of `store-writer`, which is one for all.
        public let collector: Collector?
        /// `nil` if it said nothing in time.
        public let status: StageStatus?
        /// When it came, by the host's clock; `nil` as above.
        public let receivedAt: UTCNanos?

        public init(
            _ stage: Stage, of collector: Collector = .main, _ status: StageStatus?, receivedAt: UTCNanos?
        ) {
            (self.stage, self.collector) = (stage, stage.isOfCollector ? collector : nil)
            (self.status, self.receivedAt) = (status, receivedAt)
        }
    }

    private struct Line {
        let stage: Stage
        let collector: Collector
        let subscriber: Subscriber
        var latest: (heard: Heard, monotonic: Int64)?
    }

    private let paths: Paths
    private let context: BusContext
    private let clock: Clock
    /// In the order of `heard`.
    private var lines: [Line] = []

    /// After this long without a status a stage counts as down; it sends one a second.
    private static let patience = 4 * UTCNanos.perSecond

    /// - Parameter collectors: those that are listened to; see `listen(to:)`.
    /// - Throws: `BusError`; `Failure` (78) if a socket's path is too long.
    public init(paths: Paths, collectors: [Collector], clock: Clock) throws {
        context = try BusContext()
        (self.paths, self.clock) = (paths, clock)
        try listen(to: collectors)
    }

    /// From now on listens to these collectors, and to no others.
    /// - Throws: as `init`.
    public func listen(to collectors: [Collector]) throws {
        let own = Stage.daemons.filter(\.isOfCollector)
        let shared = Stage.daemons.filter { !$0.isOfCollector }.map { ($0, Collector.main) }
        lines = try (collectors.flatMap { collector in own.map { ($0, collector) } } + shared).map { stage, collector in
            if let line = lines.first(where: { $0.stage == stage && $0.collector == collector }) { return line }
            let endpoint = try paths.of(collector).statusEndpoint(stage)
            return Line(
                stage: stage, collector: collector,
                subscriber: try Subscriber(context: context, endpoint: endpoint, topics: ["STAT"]))
        }
    }

    /// Waits until a stage speaks, `stop` becomes readable or the time is over, and takes what came.
    /// - Parameter body: gets whose message came, and its JSON object, as they come.
    public func listen(
        milliseconds: Int, stop: Int32 = -1, _ body: (Heard, UnsafeRawBufferPointer) -> Void = { _, _ in }
    ) {
        _ = Subscriber.wait(for: lines.map(\.subscriber), milliseconds: milliseconds, stop: stop)
        for index in lines.indices {
            let line = lines[index]
            while line.subscriber.receive({ message in
                guard let (_, json) = StatusListener.stageAndJSON(message) else { return }
                let status = try? JSONDecoder().decode(StageStatus.self, from: Data(json))
                let heard = Heard(line.stage, of: line.collector, status, receivedAt: clock.now())
                lines[index].latest = (heard, clock.monotonic())
                body(heard, json)
            }) {}
        }
    }

    /// The stage of a `STAT` message, and its JSON object; `nil` if the message is another.
    public static func stageAndJSON(_ message: UnsafeRawBufferPointer) -> (Stage, UnsafeRawBufferPointer)? {
        guard message.count > 16, message.prefix(4).elementsEqual("STAT".utf8) else { return nil }
        let name = message[4..<16].prefix { $0 != 0 }
        return Stage.allCases.first { name.elementsEqual($0.name.utf8.prefix(12)) }
            .map { ($0, UnsafeRawBufferPointer(rebasing: message.dropFirst(16))) }
    }

    /// The last status of each daemon, collector by collector in the order of `Stage.daemons`; that of `store-writer` last.
    public var heard: [Heard] {
        let oldest = clock.monotonic() - StatusListener.patience
        return lines.map { line in
            guard let last = line.latest, last.monotonic >= oldest else {
                return Heard(line.stage, of: line.collector, nil, receivedAt: nil)
            }
            return last.heard
        }
    }

    /// Listens to all daemons until each has spoken.
    /// - Parameter milliseconds: how long at most; a stage speaks once a second.
    public static func collect(
        paths: Paths, collectors: [Collector], milliseconds: Int, clock: Clock
    ) throws -> [Heard] {
        let listener = try StatusListener(paths: paths, collectors: collectors, clock: clock)
        let deadline = clock.monotonic() + Int64(milliseconds) * UTCNanos.perMillisecond
        while listener.heard.contains(where: { $0.status == nil }),
            case let left = (deadline - clock.monotonic()) / UTCNanos.perMillisecond, left > 0
        {
            listener.listen(milliseconds: Int(left))
        }
        return listener.heard
    }
}

@available(*, unavailable)
extension StatusListener: Sendable {}
