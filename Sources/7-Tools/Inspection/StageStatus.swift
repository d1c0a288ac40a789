internal import FoundationEssentials
public import Host
public import MarketData
public import Wire

/// What the stages say of themselves, once a second, on their status sockets.
public struct StageStatus: Sendable {
    public let stage: Stage
    /// The status object as it came; `nil` where the stage said nothing in time.
    public let json: [UInt8]?

    /// When it came; `nil` as above.
    public let receivedAt: UTCNanos?

    /// Read once: a verdict asks for many numbers. `nil` if it is no object.
    private let tree: JSONTree?

    init(stage: Stage, json: [UInt8]?, receivedAt: UTCNanos?) {
        (self.stage, self.json, self.receivedAt) = (stage, json, receivedAt)
        tree = json.flatMap { try? JSONDecoder().decode(JSONTree.self, from: Data($0)) }
    }

    /// Listens to all stages until each has spoken.
    /// - Parameter milliseconds: how long at most; a stage speaks once a second.
    public static func collect(paths: Paths, milliseconds: Int, clock: Clock) throws -> [StageStatus] {
        let listener = try StageListener(paths: paths, clock: clock)
        let deadline = clock.monotonic() + Int64(milliseconds) * UTCNanos.perMillisecond
        while listener.statuses.contains(where: { $0.json == nil }),
            case let left = (deadline - clock.monotonic()) / UTCNanos.perMillisecond, left > 0
        {
            listener.listen(milliseconds: Int(left))
        }
        return listener.statuses
    }

    /// The newest time that the feed has told; `nil` where no stage says one.
    static func feedTime(_ stages: [StageStatus]) -> UTCNanos? {
        let told = [Stage.ingestStream, .aggregator].compactMap { name in stages.first { $0.stage == name } }
        return told.compactMap { $0.nanos("feedTime") }.first { $0 > 0 }.map { UTCNanos(rawValue: $0) }
    }

    /// A number in the object, by its path of keys.
    public func number(_ keys: String...) -> Double? { number(keys) }

    private func number(_ keys: [String]) -> Double? { keys.reduce(tree) { $0?.members[$1] }?.number }

    /// A whole number of nanoseconds in the object. Read as a Double it is off by less than a microsecond.
    func nanos(_ keys: String...) -> Int64? { number(keys).flatMap { abs($0) < 9e18 ? Int64($0) : nil } }

    /// A text in the object.
    public func text(_ key: String) -> String? { tree?.members[key]?.text }
}

/// Any JSON value, as far as a status needs it.
private struct JSONTree: Decodable, Sendable {
    var members: [String: JSONTree] = [:]
    var number: Double?
    var text: String?

    init(from decoder: any Decoder) throws {
        let single = try decoder.singleValueContainer()
        if let value = try? single.decode([String: JSONTree].self) {
            members = value
        } else if let value = try? single.decode(Double.self) {
            number = value
        } else if let value = try? single.decode(Bool.self) {
            number = value ? 1 : 0
        } else {
            text = try? single.decode(String.self)
        }
    }
}
