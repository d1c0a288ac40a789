internal import Reports
internal import Host
internal import MarketData
internal import Store
internal import Streams
internal import Wire

/// How complete the feed was and is: sessions, lost updates, holes, blindness.
struct ContinuityReport: Report, Encodable {
    private let continuity: Continuity
    /// Feed time: the end of the last 24 hours.
    private let now: UTCNanos
    /// Whether ingest-stream answers: if it does not, no process records blindness.
    private let isIngesting: Bool
    /// `nil`: there is no other.
    private let collector: String?

    private static let day = Duration.seconds(86_400)

    /// - Parameter collector: whose feed it is, if there are several.
    init(_ continuity: Continuity, _ ingest: StageStatus?, of collector: String? = nil) {
        (self.continuity, self.collector) = (continuity, collector)
        isIngesting = ingest != nil
        now = max(continuity.newest, UTCNanos(rawValue: ingest?.metrics.nanos(.feedTime) ?? 0))
    }

    private var lastDay: [Range<UTCNanos>] { continuity.holes(after: now - Self.day) }

    private static func milliseconds(_ holes: [Range<UTCNanos>]) -> Int64 {
        // Apart from each other and after 1970: their sum has room, and rounding up may not.
        (holes.reduce(0) { $0 + ($1.upperBound - $1.lowerBound).nanoseconds } - 1) / UTCNanos.perMillisecond
            + (holes.isEmpty ? 0 : 1)
    }

    private struct BlindLine: Encodable {
        let pair: String
        /// ns since 1970; 0: since ever.
        let since: Int64
        /// The last event that gives the reason, and its first detail.
        let reason: String?
        let detail: Int64?
    }

    private struct Sessions: Encodable {
        let new: Int
        let preserved: Int
        let recovered: Int
        let replaced: Int
    }

    private struct Holes: Encodable {
        let count: Int
        let blindMilliseconds: Int64

        init(_ holes: [Range<UTCNanos>]) {
            (count, blindMilliseconds) = (holes.count, ContinuityReport.milliseconds(holes))
        }
    }

    private enum Key: CodingKey {
        case sessions, resent, lostUpdates, holes, holesOfLastDay, blindSince, blindPairs
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Key.self)
        let sessions = continuity.sessions
        try object.encode(
            Sessions(
                new: sessions.new, preserved: sessions.preserved, recovered: sessions.recovered,
                replaced: sessions.replaced), forKey: .sessions)
        try object.encode(continuity.resent, forKey: .resent)
        try object.encode(continuity.lostUpdates, forKey: .lostUpdates)
        try object.encode(Holes(continuity.holes), forKey: .holes)
        try object.encode(Holes(lastDay), forKey: .holesOfLastDay)
        try object.encode(continuity.blindSince?.rawValue, forKey: .blindSince)
        let blindPairs = continuity.blindPairs.map {
            BlindLine(pair: $0.pair, since: $0.since.rawValue, reason: $0.reason?.event, detail: $0.reason?.detail)
        }
        try object.encode(blindPairs, forKey: .blindPairs)
    }

    func text(_ style: TextStyle) -> String {
        let sessions = continuity.sessions
        let rows = [
            (
                "sessions",
                """
                \(sessions.new) new, \(sessions.preserved) preserved, \
                \(sessions.recovered) recovered (\(continuity.resent) updates resent), \(sessions.replaced) replaced
                """
            ), ("lost updates", "\(continuity.lostUpdates)"), ("holes", holes(continuity.holes)),
            ("last 24 h", holes(lastDay)), ("feed", sight),
        ]
        let head = ["continuity" + (collector.map { " of \($0)" } ?? ""), ""]
        return TextTable(head: head, rows: rows.map { [$0.0, $0.1] } + blindRows, leftAligned: Set(head)).text(style)
    }

    /// The pairs that are blind now, though the feed may be seen, a line each.
    private var blindRows: [[String]] {
        continuity.blindPairs.map { [$0.pair, $0.text] }
    }

    private func holes(_ holes: [Range<UTCNanos>]) -> String {
        guard let last = holes.last else { return "none" }
        let blind = Duration.milliseconds(Self.milliseconds(holes))
        let time = last.lowerBound.text()
        return "\(holes.count), \(blind.exact) blind, the last from \(time)"
    }

    private var sight: String {
        switch (continuity.blindSince, isIngesting) {
        case (let since?, _): blindText(since: since)
        case (nil, true): "seen"
        case (nil, false): "not seen: ingest-stream is down"
        }
    }
}

extension Continuity.BlindPair {
    /// Such as `blind since 2026-05-12 07:58:59: instrument refused code 17`.
    var text: String {
        let reason = reason.map { ": \($0.event)\($0.detailText.isEmpty ? "" : " \($0.detailText)")" } ?? ""
        return blindText(since: since) + reason
    }
}

/// - Parameter since: 0: since ever.
private func blindText(since: UTCNanos) -> String {
    since.rawValue == 0 ? "blind from the start" : "blind since \(since.text())"
}
