internal import Host
internal import Logging
internal import MarketData
internal import Streams

/// Who may connect, as the key files say at this moment.
///
/// - Note: One thread only.
final class Doors {
    private let keys: KeyFolder
    private let clock: Clock
    private let logger: Logger
    /// The keys that were let in, and may be connected still, with their names.
    private var inside: [CurveKey: String] = [:]
    /// When a line about a key may be logged again: a client that is refused comes back without end.
    private var nextLines: [CurveKey: Int64] = [:]
    private var refused = (told: UInt64(0), nextTime: Int64.min)

    private static let lineDistance = 60 * UTCNanos.perSecond
    private static let linesMax = 256

    init(_ keys: KeyFolder, _ clock: Clock, _ logger: Logger) {
        (self.keys, self.clock, self.logger) = (keys, clock, logger)
    }

    private func allowed() -> [KeyFolder.Allowed] {
        do {
            return try keys.allowed()
        } catch {
            logger.error("The allowed keys cannot be read: no client is let in", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// The name under which a key may connect; `nil`: it may not.
    func name(of key: CurveKey, at address: String) -> String? {
        let name = allowed().first { $0.key == key }?.name
        inside[key] = name ?? inside[key]
        guard mayLog(key) else { return name }
        if let name {
            logger.info("Client let in", metadata: ["name": "\(name)", "address": "\(address)"])
        } else {
            logger.warning(
                "Client refused: its key is not allowed", metadata: ["key": "\(key)", "address": "\(address)"])
        }
        return name
    }

    private func mayLog(_ key: CurveKey) -> Bool {
        let now = clock.monotonic()
        guard now >= nextLines[key, default: .min] else { return false }
        if nextLines.count >= Doors.linesMax { nextLines = nextLines.filter { $0.value > now } }
        guard nextLines.count < Doors.linesMax else { return false }
        nextLines[key] = now + Doors.lineDistance
        return true
    }

    /// The names of the keys that are allowed no more and may be connected still; they are forgotten.
    func takenAway() -> [String] {
        if inside.isEmpty { return [] }
        let present = Set(allowed().map(\.key))
        let gone = inside.filter { !present.contains($0.key) }
        guard !gone.isEmpty else { return [] }
        // Those that stay show their keys again.
        inside = [:]
        nextLines = [:]
        return gone.values.sorted()
    }

    /// Says at most once a minute that connections were turned away.
    func tellRefused(_ count: UInt64) {
        guard count > refused.told, clock.monotonic() >= refused.nextTime else { return }
        logger.warning(
            "Connections refused: too many, or too much data from one client",
            metadata: ["count": "\(count - refused.told)"])
        refused = (count, clock.monotonic() + Doors.lineDistance)
    }
}

@available(*, unavailable)
extension Doors: Sendable {}
