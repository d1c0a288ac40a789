internal import CPlatform
internal import FoundationEssentials
internal import Host
public import Logging
public import Wire

/// Publishes a stage's status on the bus, once a second: `STAT`, the stage's name in 12 bytes (cut or NUL-padded),
/// then one `StageStatus` in JSON. Not journaled. Source: docs/formats.md § 4.
public final class StatusPublisher {
    private let live: any LiveSink
    private let topic: [UInt8]
    private let logger: Logger
    private var nextTime = Int64.min
    /// Refused peers, as logged last, and the time of the next line at the earliest, ns.
    private var refused = (told: UInt64(0), nextTime: Int64.min)

    /// - Throws: as `Bus.publishStatus`.
    public init(_ stage: Stage, bus: any Bus, logger: Logger) throws {
        self.logger = logger
        live = try bus.publishStatus(stage)
        let name = Array(stage.name.utf8.prefix(12))
        topic = Array("STAT".utf8) + name + [UInt8](repeating: 0, count: 12 - name.count)
    }

    /// Publishes a status if a second has passed since the last one.
    /// - Parameter monotonic: the time now, ns.
    /// - Returns: whether it did.
    @discardableResult
    public func publishEverySecond(monotonic: Int64, _ status: () throws -> StageStatus) throws -> Bool {
        guard monotonic >= nextTime else { return false }
        nextTime = monotonic + 1_000_000_000
        tellRefused(monotonic)
        try publish(try status())
        return true
    }

    /// At most once a minute.
    private func tellRefused(_ monotonic: Int64) {
        let count = candlewick_peers_refused()
        guard count > refused.told, monotonic >= refused.nextTime else { return }
        logger.warning(
            "Readers refused: too many connections, or too much data from one reader",
            metadata: ["count": "\(count - refused.told)"])
        refused = (count, monotonic + 60_000_000_000)
    }

    /// Publishes one status object, with what the process uses.
    /// - Throws: if a number in it is not finite.
    public func publish(_ status: StageStatus) throws {
        var status = status
        status.metrics.note(ProcessUsage())
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let message = topic + [UInt8](try encoder.encode(status))
        message.withUnsafeBytes { live.send($0) }
    }
}

@available(*, unavailable)
extension StatusPublisher: Sendable {}
