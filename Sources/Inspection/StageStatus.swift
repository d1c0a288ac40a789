internal import Bus
internal import FoundationEssentials
public import Host

/// What the stages say of themselves, once a second, on their status sockets.
public struct StageStatus: Sendable {
    /// `ingest-stream`, `aggregator` or `store-writer`.
    public let stage: String
    /// The status object as it came; `nil` where the stage said nothing in time.
    public let json: [UInt8]?

    public static let stages = ["ingest-stream", "aggregator", "store-writer"]

    /// Listens to all stages.
    /// - Parameter milliseconds: how long; a stage speaks once a second.
    public static func collect(paths: Paths, milliseconds: Int, clock: Clock) throws -> [StageStatus] {
        let context = try BusContext()
        let subscribers = try stages.map {
            try Subscriber(context: context, endpoint: try paths.statusEndpoint($0), topics: ["STAT"])
        }
        var found: [Int: [UInt8]] = [:]
        let deadline = clock.monotonic() + Int64(milliseconds) * 1_000_000
        while found.count < stages.count, case let left = (deadline - clock.monotonic()) / 1_000_000, left > 0 {
            _ = Subscriber.wait(for: subscribers, milliseconds: Int(left))
            for (index, subscriber) in subscribers.enumerated() {
                subscriber.receive { found[index] = StatusMessage.json($0) ?? found[index] }
            }
        }
        return stages.indices.map { StageStatus(stage: stages[$0], json: found[$0]) }
    }

    /// A number in the object, by its path of keys.
    public func number(_ keys: String...) -> Double? {
        guard let json else { return nil }
        let root = try? JSONDecoder().decode(JSONTree.self, from: Data(json))  // Not an object: no number.
        return keys.reduce(root) { $0?.members[$1] }?.number
    }

    /// A text in the object.
    public func text(_ key: String) -> String? {
        guard let json else { return nil }
        return (try? JSONDecoder().decode(JSONTree.self, from: Data(json)))?.members[key]?.text  // As above.
    }
}

/// Any JSON value, as far as a status needs it.
private struct JSONTree: Decodable {
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
