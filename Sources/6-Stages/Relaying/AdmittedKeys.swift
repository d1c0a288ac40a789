internal import Host
internal import Logging
internal import MarketData
internal import Streams

/// Who may connect, as the key files say, and whose keys were admitted.
///
/// - Note: One thread only.
final class AdmittedKeys {
    private let keys: KeyFolder
    private let clock: Clock
    private let logger: Logger
    /// What the files said, until when that holds, and the folder's last change before they were read.
    private var known = (names: [CurveKey: String](), endTime: Int64.min, change: UTCNanos?.none)
    /// The keys that were admitted, and may be connected still, with their names.
    private var admitted: [CurveKey: String] = [:]
    /// When a line about a key may be logged again: a client that is refused comes back without end.
    private var nextLines: [CurveKey: Int64] = [:]
    private var nextErrorLine = Int64.min
    private var refused = (logged: UInt64(0), nextTime: Int64.min)

    private static let validity = UTCNanos.perSecond
    /// A folder that changed so recently may change again without another time of change, and its new file may be
    /// empty yet: it is read at each connection.
    private static let restDistance = 100 * UTCNanos.perMillisecond
    private static let lineDistance = 60 * UTCNanos.perSecond
    private static let linesMax = 256

    init(_ keys: KeyFolder, _ clock: Clock, _ logger: Logger) {
        (self.keys, self.clock, self.logger) = (keys, clock, logger)
    }

    /// The names by their keys. The files are read again if the folder changed, and once a second: a change inside a
    /// file does not change the folder.
    private func allowed() -> [CurveKey: String] {
        let change = keys.allowedChange
        guard clock.monotonic() >= known.endTime || change != known.change else { return known.names }
        let isAtRest = change.map { clock.now().rawValue - $0.rawValue >= AdmittedKeys.restDistance } ?? true
        known = (readFiles(), isAtRest ? clock.monotonic() + AdmittedKeys.validity : .min, change)
        return known.names
    }

    private func readFiles() -> [CurveKey: String] {
        do {
            return Dictionary(try keys.allowed().map { ($0.key, $0.name) }, uniquingKeysWith: { first, _ in first })
        } catch {
            if clock.monotonic() >= nextErrorLine {
                logger.error("The allowed keys cannot be read: no client is admitted", metadata: ["error": "\(error)"])
                nextErrorLine = clock.monotonic() + AdmittedKeys.lineDistance
            }
            return [:]
        }
    }

    /// The name under which a key may connect; `nil`: it may not.
    func name(of key: CurveKey, at address: String) -> String? {
        let name = allowed()[key]
        admitted[key] = name ?? admitted[key]
        guard mayLog(key) else { return name }
        if let name {
            logger.info("Client admitted", metadata: ["name": "\(name)", "address": "\(address)"])
        } else {
            logger.warning(
                "Client refused: its key is not allowed", metadata: ["key": "\(key)", "address": "\(address)"])
        }
        return name
    }

    private func mayLog(_ key: CurveKey) -> Bool {
        let now = clock.monotonic()
        guard now >= nextLines[key, default: .min] else { return false }
        if nextLines.count >= AdmittedKeys.linesMax { nextLines = nextLines.filter { $0.value > now } }
        guard nextLines.count < AdmittedKeys.linesMax else { return false }
        nextLines[key] = now + AdmittedKeys.lineDistance
        return true
    }

    /// The names of the keys that are allowed no more and may be connected still; they are forgotten.
    func revoked() -> [String] {
        if admitted.isEmpty { return [] }
        let present = allowed()
        let gone = admitted.filter { present[$0.key] == nil }
        guard !gone.isEmpty else { return [] }
        // Those that stay show their keys again.
        admitted = [:]
        nextLines = [:]
        return gone.values.sorted()
    }

    /// Says at most once a minute that connections were turned away.
    func logRefused(_ count: UInt64) {
        guard count > refused.logged, clock.monotonic() >= refused.nextTime else { return }
        logger.warning(
            "Connections refused: too many, or too much data from one client",
            metadata: ["count": "\(count - refused.logged)"])
        refused = (count, clock.monotonic() + AdmittedKeys.lineDistance)
    }
}

@available(*, unavailable)
extension AdmittedKeys: Sendable {}
