public import Host
internal import MarketData
internal import Streams
internal import Wire

/// Listens to the status sockets of all stages for as long as it lives. The stages may come and go.
///
/// - Note: One thread only.
public final class StageListener {
    private let subscribers: [Subscriber]
    private let clock: Clock
    private var latest: [Heard?]

    private struct Heard {
        let json: [UInt8]
        let at: UTCNanos
        let monotonic: Int64
    }

    /// After so long without a word a stage counts as down; it speaks once a second.
    private static let patience = 4 * UTCNanos.perSecond

    /// - Throws: `BusError`; `Failure` (78) where a socket's path is too long.
    public init(paths: Paths, clock: Clock) throws {
        let context = try BusContext()
        subscribers = try Stage.daemons.map {
            try Subscriber(context: context, endpoint: try paths.statusEndpoint($0), topics: ["STAT"])
        }
        latest = subscribers.map { _ in nil }
        self.clock = clock
    }

    /// Waits until a stage speaks, `stop` becomes readable or the time is over, and takes what came.
    public func listen(milliseconds: Int, stop: Int32 = -1) {
        _ = Subscriber.wait(for: subscribers, milliseconds: milliseconds, stop: stop)
        for (index, subscriber) in subscribers.enumerated() {
            while subscriber.receive({ message in
                guard let json = StatusMessage.json(message) else { return }
                latest[index] = Heard(json: json, at: clock.now(), monotonic: clock.monotonic())
            }) {}
        }
    }

    /// What each stage said last, in the order of `Stage.daemons`.
    public var statuses: [StageStatus] {
        let oldest = clock.monotonic() - StageListener.patience
        return zip(Stage.daemons, latest).map { stage, heard in
            let fresh = heard.flatMap { $0.monotonic >= oldest ? $0 : nil }
            return StageStatus(stage: stage, json: fresh?.json, receivedAt: fresh?.at)
        }
    }
}

@available(*, unavailable)
extension StageListener: Sendable {}
