internal import IG
internal import Host
internal import MarketData
internal import Streams
internal import Yams

/// Values out of YAML nodes; every error names the line.
struct YAMLReader {
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
                let document = Document.path("configuration.md")
                throw refuse(keyNode, "unknown key '\(key)' (\(document) lists the known ones)")
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

    /// `off`, or where to listen.
    func relayAddress(_ node: Node) throws -> RelayAddress? {
        let word = text(node)
        if word == "off" { return nil }
        guard let address = RelayAddress(word) else {
            throw refuse(node, "'\(word)' is neither off nor an address and a port, such as '*:7411'")
        }
        return address
    }

    func listenAddress(_ node: Node) throws -> ListenAddress {
        let word = text(node)
        guard let address = ListenAddress(word) else {
            throw refuse(
                node,
                "'\(word)' is neither an address and a port, such as '127.0.0.1:9641', nor unix: and a path of at most \(ListenAddress.pathLimit) bytes"
            )
        }
        return address
    }

    func origins(_ node: Node) throws -> [String] {
        guard let items = node.sequence else {
            throw refuse(node, "expected a list such as [https://charts.example.org]")
        }
        return try items.map { item in
            let origin = text(item)
            let host = origin.split(separator: "://", maxSplits: 1).last ?? ""
            let isOrigin =
                (origin.hasPrefix("https://") || origin.hasPrefix("http://"))
                && hostAndPort(host.contains(":") && !host.hasSuffix("]") ? String(host) : "\(host):0") != nil
            guard isOrigin, !host.contains("*") else {
                throw refuse(
                    item,
                    "origin '\(origin)' is not http:// or https:// with a host and no path, such as https://charts.example.org"
                )
            }
            return origin.lowercased()
        }
    }

    func timeframes(_ node: Node) throws -> [Timeframe] {
        guard let items = node.sequence, !items.isEmpty else { throw refuse(node, "expected a list such as [5m, 15m]") }
        let all = try items.map { item in
            guard let timeframe = Timeframe(text(item)) else {
                throw refuse(item, Timeframe.refusal(of: text(item)))
            }
            return timeframe
        }
        return Array(Set(all)).sorted()
    }

    func instruments(_ node: Node) throws -> [Instrument] {
        guard let items = node.sequence, !items.isEmpty else { throw refuse(node, "expected a list of instruments") }
        var all: [Instrument] = []
        for item in items {
            let next = try instrument(item)
            if all.contains(where: { $0.pair == next.pair }) { throw refuse(item, "\(next.pair) is listed twice") }
            if all.contains(where: { $0.epic == next.epic }) {
                throw refuse(item, "epic \(next.epic) is listed twice")
            }
            all.append(next)
        }
        return all
    }

    private func instrument(_ node: Node) throws -> Instrument {
        var pair: Pair?
        var epic: String?
        var scale = 1
        var hours = TradingHours.fx
        if node.scalar != nil {
            pair = try self.pair(node)
        } else {
            try eachKey(of: node) { key, value in
                switch key {
                case "pair": pair = try self.pair(value)
                case "epic": epic = try self.epic(value)
                case "scale": scale = try self.scale(value)
                case "hours": hours = try self.hours(value)
                default: return false
                }
                return true
            }
        }
        guard let pair else { throw refuse(node, "an instrument needs its pair") }
        guard let instrument = Instrument(pair: pair, listedAs: epic, scale: scale, hours: hours) else {
            throw refuse(
                node, "\(pair) is not a pair of two currencies, so it needs its epic: {pair: \(pair), epic: …}")
        }
        return instrument
    }

    private func pair(_ node: Node) throws -> Pair {
        guard let pair = Pair(text(node)) else {
            throw refuse(node, "'\(text(node))' is not a pair such as EUR_USD, or a name of 1 to 12 of A-Z 0-9 _")
        }
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

    // MARK: Hours

    /// A calendar's name, or a mapping of zone and sessions.
    private func hours(_ node: Node) throws -> TradingHours {
        guard node.mapping != nil else {
            let name = text(node)
            guard let calendar = TradingHours.calendars.first(where: { $0.text == name }) else {
                let known = TradingHours.calendars.map(\.text).joined(separator: ", ")
                throw refuse(node, "hours '\(name)' is not one of \(known), and no zone with sessions")
            }
            return calendar
        }
        var zone: (rule: ZoneRule, name: String)?
        var sessions: [WeeklySession] = []
        try eachKey(of: node) { key, value in
            switch key {
            case "zone": zone = (try self.zone(value), text(value))
            case "sessions": sessions = try self.sessions(value)
            default: return false
            }
            return true
        }
        guard let zone, !sessions.isEmpty else {
            throw refuse(
                node, "hours need zone and sessions: {zone: Europe/London, sessions: [\"Mon-Fri 08:00-16:30\"]}")
        }
        return TradingHours(zone: zone.rule, named: zone.name, sessions: sessions)
    }

    private func zone(_ node: Node) throws -> ZoneRule {
        guard let zone = ZoneRule(text(node)) else {
            throw refuse(
                node,
                """
                zone '\(text(node))' is not one of \(Document.path("configuration.md")), and no rule such as \
                CET-1CEST,M3.5.0,M10.5.0/3
                """
            )
        }
        return zone
    }

    private func sessions(_ node: Node) throws -> [WeeklySession] {
        guard let items = node.sequence, !items.isEmpty else {
            throw refuse(node, "expected a list of sessions such as [\"Mon-Fri 08:00-16:30\"]")
        }
        return try items.map { item in
            guard let session = WeeklySession(text(item)) else {
                throw refuse(item, "session '\(text(item))' is not like 'Mon-Fri 08:00-16:30' or 'Sun 17:00-Fri 17:00'")
            }
            return session
        }
    }

    func text(_ node: Node) -> String { node.scalar?.string ?? "a list or mapping" }
}
