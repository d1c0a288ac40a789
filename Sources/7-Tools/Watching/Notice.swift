package import MarketData
package import Reports

/// A finding and its time.
package struct WatchedFinding: Codable, Hashable, Sendable {
    package let finding: Finding
    /// When it was seen first, Unix seconds.
    package let since: Int64
    /// When it was away first; `nil` while it is there.
    package var until: Int64?

    package init(_ finding: Finding, since: Int64, until: Int64? = nil) {
        (self.finding, self.since, self.until) = (finding, since, until)
    }

    private enum Key: String, CodingKey {
        case since, until
    }

    /// The finding's keys and its own are in one object.
    package func encode(to encoder: any Encoder) throws {
        try finding.encode(to: encoder)
        var own = encoder.container(keyedBy: Key.self)
        try own.encode(since, forKey: .since)
        try own.encodeIfPresent(until, forKey: .until)
    }

    package init(from decoder: any Decoder) throws {
        let own = try decoder.container(keyedBy: Key.self)
        self.init(
            try Finding(from: decoder), since: try own.decode(Int64.self, forKey: .since),
            until: try own.decodeIfPresent(Int64.self, forKey: .until))
    }

    var identity: FindingIdentity { FindingIdentity(finding) }
}

/// What makes two findings the same one, however its numbers and its sentence change.
struct FindingIdentity: Hashable, Comparable {
    let collector: String
    let check: String
    let subject: String

    init(_ finding: Finding) {
        (collector, check, subject) = (finding.collector ?? "", finding.check, finding.subject)
    }

    static func < (a: FindingIdentity, b: FindingIdentity) -> Bool {
        (a.collector, a.check, a.subject) < (b.collector, b.check, b.subject)
    }
}

/// One message to a person: what is true now, and what has happened since the last one.
package struct Notice: Codable, Hashable, Sendable {
    /// Unix seconds.
    package let time: Int64
    /// The machine's name.
    package let host: String
    /// New ones.
    package let appeared: [WatchedFinding]
    /// Those that are over.
    package let ended: [WatchedFinding]
    /// Those that an earlier message told of.
    package let still: [WatchedFinding]
    /// Since when anything has been bad, Unix seconds; `nil` if nothing was.
    package let badSince: Int64?
    /// Of a message that tells of no finding.
    package let note: String?

    /// How many ended ones a message may hold: the newest.
    private static let endedMax = 50

    package init(
        time: Int64, host: String, appeared: [WatchedFinding] = [], ended: [WatchedFinding] = [],
        still: [WatchedFinding] = [], badSince: Int64? = nil, note: String? = nil
    ) {
        (self.time, self.host, self.note, self.badSince) = (time, host, note, badSince)
        (self.appeared, self.still) = (appeared, still)
        self.ended = Array(ended.suffix(Notice.endedMax))
    }

    /// The message that tests every way.
    package static func test(at moment: UTCNanos, host: String) -> Notice {
        Notice(time: moment.seconds.rawValue, host: host, note: "test message: it arrives")
    }

    /// The worst of what is true now.
    package var state: Finding.State {
        let now = (appeared + still).map(\.finding.state)
        return now.contains(.failed) ? .failed : now.isEmpty ? .ok : .warning
    }

    /// One message in the place of two that follow each other: the state of the later one, and what happened in both.
    package func followed(by later: Notice) -> Notice {
        let untold = Set(appeared.map(\.identity))
        let told = later.still.filter { !untold.contains($0.identity) }
        let new = later.still.filter { untold.contains($0.identity) } + later.appeared
        return Notice(
            time: later.time, host: later.host, appeared: new, ended: ended + later.ended, still: told,
            badSince: [badSince, later.badSince].compactMap { $0 }.min(), note: later.note)
    }
}
