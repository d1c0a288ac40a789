internal import FoundationEssentials
public import Host
public import MarketData
public import Wire

/// Listens to the status sockets of all daemons for as long as it lives. They may come and go.
///
/// - Note: One thread only.
public final class StatusListener {
    /// The last status of a stage.
    public struct Heard: Sendable {
        public let stage: Stage
        /// `nil` if it said nothing in time.
        public let status: StageStatus?
        /// When it came, by the host's clock; `nil` as above.
        public let receivedAt: UTCNanos?

        public init(_ stage: Stage, _ status: StageStatus?, receivedAt: UTCNanos?) {
            (self.stage, self.status, self.receivedAt) = (stage, status, receivedAt)
        }
    }

    private let subscribers: [(stage: Stage, subscriber: Subscriber)]
    private let clock: Clock
    private var latest: [Stage: (heard: Heard, monotonic: Int64)] = [:]

    /// After this long without a status a stage counts as down; it sends one a second.
    private static let patience = 4 * UTCNanos.perSecond

    /// - Throws: `BusError`; `Failure` (78) if a socket's path is too long.
    public init(paths: Paths, clock: Clock) throws {
        let context = try BusContext()
        subscribers = try Stage.daemons.map {
            ($0, try Subscriber(context: context, endpoint: try paths.statusEndpoint($0), topics: ["STAT"]))
        }
        self.clock = clock
    }

    /// Waits until a stage speaks, `stop` becomes readable or the time is over, and takes what came.
    /// - Parameter body: gets each message's stage and JSON object, as they come.
    public func listen(
        milliseconds: Int, stop: Int32 = -1, _ body: (Stage, UnsafeRawBufferPointer) -> Void = { _, _ in }
    ) {
        _ = Subscriber.wait(for: subscribers.map(\.subscriber), milliseconds: milliseconds, stop: stop)
        for (stage, subscriber) in subscribers {
            while subscriber.receive({ message in
                guard message.count > 16, message.prefix(4).elementsEqual("STAT".utf8) else { return }
                let json = UnsafeRawBufferPointer(rebasing: message.dropFirst(16))
                body(stage, json)
                let status = try? JSONDecoder().decode(StageStatus.self, from: Data(json))
                latest[stage] = (Heard(stage, status, receivedAt: clock.now()), clock.monotonic())
            }) {}
        }
    }

    /// The stage of a `STAT` message, and its JSON object; `nil` if the message is none.
    public static func stageAndJSON(_ message: UnsafeRawBufferPointer) -> (Stage, UnsafeRawBufferPointer)? {
        guard message.count > 16, message.prefix(4).elementsEqual("STAT".utf8) else { return nil }
        let name = message[4..<16].prefix { $0 != 0 }
        return Stage.allCases.first { name.elementsEqual($0.name.utf8.prefix(12)) }
            .map { ($0, UnsafeRawBufferPointer(rebasing: message.dropFirst(16))) }
    }

    /// The last status of each daemon, in the order of `Stage.daemons`.
    public var heard: [Heard] {
        let oldest = clock.monotonic() - StatusListener.patience
        return Stage.daemons.map { stage in
            guard let last = latest[stage], last.monotonic >= oldest else { return Heard(stage, nil, receivedAt: nil) }
            return last.heard
        }
    }

    /// Listens to all daemons until each has spoken.
    /// - Parameter milliseconds: how long at most; a stage speaks once a second.
    public static func collect(paths: Paths, milliseconds: Int, clock: Clock) throws -> [Heard] {
        let listener = try StatusListener(paths: paths, clock: clock)
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
