internal import FoundationEssentials
public import Host
internal import MarketData
internal import Streams
internal import Yams

extension Configuration {
    /// Reads the file that `CANDLEWICK_CONFIG` names, else `candlewick.yaml` in systemd's
    /// `CONFIGURATION_DIRECTORY`, where it is there; without both, the defaults.
    /// - Throws: `Failure` (78) with file, line and reason.
    public static func load(environment: Environment) throws -> Configuration {
        let named = environment["CANDLEWICK_CONFIG"]
        guard let path = named ?? installedFile(environment) else { return Configuration() }
        guard let data = FileManager.default.contents(atPath: path) else {
            let origin = named == nil ? "CONFIGURATION_DIRECTORY" : "CANDLEWICK_CONFIG"
            throw Failure(.configuration, "configuration \(path) cannot be read (named by \(origin))")
        }
        guard let text = String(bytes: data, encoding: .utf8) else {
            throw Failure(.configuration, "configuration \(path) is not UTF-8 text")
        }
        return try Configuration(yaml: text, path: path)
    }

    /// The file of an installation under systemd; `nil` where there is none.
    private static func installedFile(_ environment: Environment) -> String? {
        guard let folder = environment["CONFIGURATION_DIRECTORY"] else { return nil }
        let path = "\(folder)/candlewick.yaml"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    /// - Parameter path: stands in the errors.
    /// - Throws: `Failure` (78): `path:line: reason`.
    public init(yaml: String, path: String) throws {
        self.init()
        let reader = YAMLReader(path: path)
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch let error as YamlError {
            throw Failure(.configuration, "\(path): \(YAMLReader.oneLine("\(error)"))")
        }
        guard let root, root.null == nil else { return }
        try reader.eachKey(of: root) { key, value in
            switch key {
            case "instruments": instruments = try reader.instruments(value)
            case "timeframes": timeframes = try reader.timeframes(value)
            case "grace_milliseconds": graceMilliseconds = Int64(try reader.integer(value, 0...60_000))
            case "late_reach_minutes": lateReachMinutes = Int64(try reader.integer(value, 10...10_080))
            case "second_opinion": secondOpinion = try reader.secondOpinion(value)
            case "stream": try readStream(value, reader)
            case "journal": try readJournal(value, reader)
            case "store": try readStore(value, reader)
            case "history": try readHistory(value, reader)
            default: return false
            }
            return true
        }
        guard history.reservePoints < history.weeklyPoints else {
            throw Failure(
                .configuration,
                "\(path): history.reserve_points \(history.reservePoints) leaves nothing of history.weekly_points \(history.weeklyPoints)"
            )
        }
        // A day more than late ticks reach: what the aggregator needs at its start must still be there.
        let needed = lateReachMinutes / 1_440 + 1
        if journal.retentionDays > 0, journal.retentionDays < needed {
            throw Failure(
                .configuration,
                "\(path): late_reach_minutes \(lateReachMinutes) needs journal.retention_days \(needed) or more, or 0")
        }
    }

    private mutating func readStream(_ node: Node, _ reader: YAMLReader) throws {
        try reader.eachKey(of: node) { key, value in
            switch key {
            case "login_spacing_seconds": stream.loginSpacingSeconds = try reader.integer(value, 0...3_600)
            default: return false
            }
            return true
        }
    }

    private mutating func readJournal(_ node: Node, _ reader: YAMLReader) throws {
        try reader.eachKey(of: node) { key, value in
            switch key {
            case "segment_records": journal.segmentRecords = try reader.integer(value, 1_024...16_777_216)
            case "sync_milliseconds": journal.syncMilliseconds = try reader.integer(value, 1...60_000)
            case "retention_days": journal.retentionDays = try reader.integer(value, 0...36_500)
            case "retention_megabytes": journal.retentionMegabytes = try reader.integer(value, 0...1_000_000_000)
            default: return false
            }
            return true
        }
    }

    private mutating func readHistory(_ node: Node, _ reader: YAMLReader) throws {
        try reader.eachKey(of: node) { key, value in
            switch key {
            case "depth": history.depth = try reader.integer(value, 1...10_000)
            case "weekly_points": history.weeklyPoints = try reader.integer(value, 1...100_000_000)
            case "reserve_points": history.reservePoints = try reader.integer(value, 0...100_000_000)
            case "repair_days": history.repairDays = try reader.integer(value, 1...360)
            case "repair_points": history.repairPoints = try reader.integer(value, 1...100_000_000)
            case "repair_week_percent": history.repairWeekPercent = try reader.integer(value, 1...100)
            case "request_spacing_milliseconds":
                history.requestSpacingMilliseconds = try reader.integer(value, 0...60_000)
            case "request_burst": history.requestBurst = try reader.integer(value, 1...100)
            default: return false
            }
            return true
        }
    }

    private mutating func readStore(_ node: Node, _ reader: YAMLReader) throws {
        try reader.eachKey(of: node) { key, value in
            switch key {
            case "batch_rows": store.batchRows = try reader.integer(value, 1...100_000)
            case "batch_milliseconds": store.batchMilliseconds = try reader.integer(value, 1...200)
            case "retention_days": store.retentionDays = try reader.integer(value, 0...36_500)
            default: return false
            }
            return true
        }
    }
}

/// Values out of YAML nodes; every error names the line.
private struct YAMLReader {
    let path: String

    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    func refuse(_ node: Node, _ reason: String) -> Failure {
        Failure(.configuration, "\(path):\(node.mark?.line ?? 0): \(Self.oneLine(reason))")
    }

    /// Hands each key and value to `read`, which answers whether it knows the key; refuses unknown ones.
    /// (Repeated keys are refused by the YAML parser.)
    func eachKey(of node: Node, _ read: (String, Node) throws -> Bool) throws {
        guard let mapping = node.mapping else { throw refuse(node, "expected 'key: value' lines here") }
        for (keyNode, value) in mapping {
            let key = text(keyNode)
            guard try read(key, value) else {
                throw refuse(keyNode, "unknown key '\(key)' (docs/configuration.md lists the known ones)")
            }
        }
    }

    func integer(_ node: Node, _ range: ClosedRange<Int>) throws -> Int {
        guard let value = node.int else { throw refuse(node, "expected a whole number, found '\(text(node))'") }
        guard range.contains(value) else {
            throw refuse(node, "\(value) is out of range: \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func timeframes(_ node: Node) throws -> [Timeframe] {
        guard let items = node.sequence, !items.isEmpty else { throw refuse(node, "expected a list such as [5m, 15m]") }
        let all = try items.map { item in
            guard let timeframe = Timeframe(text(item)) else {
                throw refuse(
                    item, "timeframe '\(text(item))' is not a whole number of minutes that divides a day (5m, 1h)")
            }
            return timeframe
        }
        return Array(Set(all)).sorted()
    }

    func secondOpinion(_ node: Node) throws -> Configuration.SecondOpinion {
        guard let word = Configuration.SecondOpinion(rawValue: text(node)) else {
            let known = Configuration.SecondOpinion.allCases.map(\.rawValue).joined(separator: ", ")
            throw refuse(node, "second_opinion '\(text(node))' is not one of \(known)")
        }
        return word
    }

    func instruments(_ node: Node) throws -> [Instrument] {
        guard let items = node.sequence, !items.isEmpty else { throw refuse(node, "expected a list of instruments") }
        var all: [Instrument] = []
        for item in items {
            let next = try instrument(item)
            if all.contains(where: { $0.pair == next.pair }) { throw refuse(item, "\(next.pair) stands here twice") }
            if all.contains(where: { $0.epic == next.epic }) {
                throw refuse(item, "epic \(next.epic) stands here twice")
            }
            all.append(next)
        }
        return all
    }

    private func instrument(_ node: Node) throws -> Instrument {
        var pair: Pair?
        var epic: String?
        var scale = 1
        if node.scalar != nil {
            pair = try self.pair(node)
        } else {
            try eachKey(of: node) { key, value in
                switch key {
                case "pair": pair = try self.pair(value)
                case "epic": epic = try self.epic(value)
                case "scale": scale = try self.scale(value)
                default: return false
                }
                return true
            }
        }
        guard let pair else { throw refuse(node, "an instrument needs its pair") }
        return Instrument(pair: pair, epic: epic ?? "CS.D.\(pair.base)\(pair.quote).CFD.IP", scale: scale)
    }

    private func pair(_ node: Node) throws -> Pair {
        guard let pair = Pair(text(node)) else { throw refuse(node, "'\(text(node))' is not a pair such as EUR_USD") }
        return pair
    }

    private func epic(_ node: Node) throws -> String {
        let epic = text(node)
        let allowed = epic.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard allowed, (1...60).contains(epic.utf8.count) else {
            throw refuse(node, "'\(epic)' is not an epic such as CS.D.EURUSD.CFD.IP")
        }
        return epic
    }

    private func scale(_ node: Node) throws -> Int {
        guard let scale = node.int, Instrument.pointShifts[scale] != nil else {
            let known = Instrument.pointShifts.keys.sorted().map(String.init).joined(separator: ", ")
            throw refuse(node, "scale '\(text(node))' is not one of \(known)")
        }
        return scale
    }

    private func text(_ node: Node) -> String { node.scalar?.string ?? "a list or mapping" }
}
