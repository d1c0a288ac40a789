public import CandleReader
internal import GRDB
public import MarketData
internal import Wire

/// How whole the feed was, as far as the database keeps its events.
public struct Continuity: Hashable, Sendable {
    public struct Sessions: Hashable, Sendable {
        /// Begun after a start of ingest-stream.
        public var new = 0
        /// Bound anew as the broker asked.
        public var preserved = 0
        /// Recovered after a cut.
        public var recovered = 0
        /// Lost, with a hole before the one that took its place.
        public var replaced = 0
    }

    public var sessions = Sessions()
    /// Notifications that recoveries brought again or late.
    public var resent: UInt64 = 0
    /// Updates that the broker declared lost.
    public var lostUpdates: UInt64 = 0
    /// What is not known of the whole feed.
    public var feed = Blindness()
    /// What is not known of single pairs besides, by name; those alone of which it was ever told.
    public var pairs: [String: Blindness] = [:]
    /// Why the pairs that are blind now are: the last event that tells a reason.
    public var reasons: [String: CandleReader.Event] = [:]
    /// The last time that the broker's wrong time was taken back; `nil`: never.
    public var clockReset: CandleReader.ClockReset?
    /// The newest feed time that an event tells, ns since 1970; 0 without any. What was told before the broker's wrong
    /// time was taken back does not count.
    public var newest: Int64 = 0

    public init() {}

    /// Stretches of the whole feed of which nothing is known; see `Blindness`.
    public var holes: [Range<Int64>] { feed.holes }
    /// Since when nothing is known of the whole feed; see `Blindness`.
    public var blindSince: Int64? { feed.since }

    /// A pair of which nothing is known at present, although the feed may be seen.
    public struct BlindPair: Hashable, Sendable {
        public let pair: String
        /// ns since 1970; 0: since ever.
        public let since: Int64
        /// The last event that tells why; `nil` when none does.
        public let reason: CandleReader.Event?
    }

    /// By name.
    public var blindPairs: [BlindPair] {
        pairs.sorted { $0.key < $1.key }.compactMap { pair, blindness in
            blindness.since.map { BlindPair(pair: pair, since: $0, reason: reasons[pair]) }
        }
    }

    /// The feed's holes that end after `time`, cut off there.
    public func holes(after time: Int64) -> [Range<Int64>] {
        holes.filter { $0.upperBound > time }.map { max($0.lowerBound, time)..<$0.upperBound }
    }
}

extension CandleReader {
    /// An event of the feed, as the database keeps it.
    public struct Event: Hashable, Sendable {
        /// Of its record in the ticks stream.
        public let position: UInt64
        /// Feed time.
        public let time: UTCNanos
        /// `nil`: of the whole feed.
        public let pair: String?
        /// `FeedEvent.name`.
        public let event: String
        /// `FeedEvent.details`.
        public let detail: Int64
        public let until: Int64

        fileprivate init(_ row: Row) {
            position = UInt64(bitPattern: row["position"])
            time = UTCNanos(rawValue: row["time"])
            pair = row["pair"]
            event = row["event"]
            detail = row["detail"]
            until = row["until"]
        }
    }

    /// The newest events of the feed, newest first.
    public func events(last count: Int) throws -> [Event] {
        let sql = "SELECT * FROM feed_event ORDER BY position DESC, event LIMIT ?"
        return try read { try Row.fetchAll($0, sql: sql, arguments: [count]).map(Event.init) }
    }

    /// The events that were told in a range of feed time, or that speak of it, oldest first.
    public func events(in range: Range<UTCNanos>) throws -> [Event] {
        let sql = """
            SELECT * FROM feed_event e
            WHERE time >= :from AND time < :until
                OR event = 'blind ended' AND detail < :until AND until > :from
                OR event = 'blind began' AND detail < :until AND NOT EXISTS (
                    SELECT 1 FROM feed_event l
                    WHERE l.pair IS e.pair AND l.event IN ('blind began', 'blind ended') AND l.position > e.position)
            ORDER BY position, event
            """
        let arguments: StatementArguments = ["from": range.lowerBound.rawValue, "until": range.upperBound.rawValue]
        return try read { try Row.fetchAll($0, sql: sql, arguments: arguments).map(Event.init) }
    }

    /// When the feed was seen for the first time: the first end of a blindness of the whole; `nil` before it.
    public func firstSight() throws -> UTCNanos? {
        let sql = "SELECT MIN(until) FROM feed_event WHERE event = 'blind ended' AND pair IS NULL"
        return try read { try Int64.fetchOne($0, sql: sql).map(UTCNanos.init(rawValue:)) }
    }

    /// That the broker's wrong time was taken back: what was told before it may be ahead.
    public struct ClockReset: Hashable, Sendable {
        /// Of its record in the ticks stream.
        public let position: UInt64
        /// The right time, ns since 1970.
        public let time: Int64

        fileprivate init(_ row: Row) {
            position = UInt64(bitPattern: row["position"])
            time = row["until"]
        }
    }

    /// What the feed's events tell, all of them.
    public func continuity() throws -> Continuity {
        try read { db in
            var result = Continuity()
            result.clockReset = try CandleReader.clockReset(db)
            result.newest = try CandleReader.newest(since: result.clockReset, db)
            // The details of other events are times: their sum would leave 64 bits, as a count that an older version
            // wrote would.
            let sums = """
                SELECT event, COUNT(*), SUM(CASE WHEN event IN ('session recovered', 'updates lost')
                    THEN MIN(MAX(detail, 0), \(LossCount(rawValue: .max))) ELSE 0 END)
                FROM feed_event GROUP BY event
                """
            for row in try Row.fetchAll(db, sql: sums) {
                result.take(event: row[0], count: row[1], sum: UInt64(clamping: row[2] as Int64))
            }
            try result.takeBlindness(db)
            return result
        }
    }

    static func clockReset(_ db: Database) throws -> ClockReset? {
        let sql = "SELECT * FROM feed_event WHERE event = 'clock set back' ORDER BY position DESC LIMIT 1"
        return try Row.fetchOne(db, sql: sql).map(ClockReset.init)
    }

    private static func newest(since reset: ClockReset?, _ db: Database) throws -> Int64 {
        let sql = "SELECT MAX(time) FROM feed_event WHERE position > ?"
        let position = reset.map { Int64(bitPattern: $0.position) } ?? -1
        return max(try Int64.fetchOne(db, sql: sql, arguments: [position]) ?? 0, reset?.time ?? 0)
    }
}

extension Continuity {
    fileprivate mutating func takeBlindness(_ db: Database) throws {
        let sql = """
            SELECT pair, event, detail, until, time FROM feed_event
            WHERE event IN ('blind began', 'blind ended', 'clock set back') ORDER BY position, event DESC
            """
        var told: [String?: [Blindness.Told]] = [:]
        let rows = try Row.fetchCursor(db, sql: sql)
        while let row = try rows.next() {
            let name: String = row[1]
            let kind: Blindness.Told.Kind =
                name == "blind began" ? .began : name == "blind ended" ? .ended : .clockSetBack
            let event = Blindness.Told(kind: kind, from: row[2], until: row[3], time: row[4])
            guard kind == .clockSetBack else {
                told[row[0] as String?, default: []].append(event)
                continue
            }
            for key in told.keys { told[key]?.append(event) }
        }
        for (pair, events) in told {
            if let pair { pairs[pair] = Blindness(events) } else { feed = Blindness(events) }
        }
        for pair in blindPairs.map(\.pair) { reasons[pair] = try Continuity.reason(pair, db) }
    }

    private static func reason(_ pair: String, _ db: Database) throws -> CandleReader.Event? {
        let sql = """
            SELECT * FROM feed_event WHERE pair = ? AND event IN
                ('instrument refused', 'subscription ended', 'updates limited', 'subscription frozen', 'updates lost')
            ORDER BY position DESC LIMIT 1
            """
        return try Row.fetchOne(db, sql: sql, arguments: [pair]).map(CandleReader.Event.init)
    }

    fileprivate mutating func take(event: String, count: Int, sum: UInt64) {
        switch event {
        case FeedEvent.sessionNew.name: sessions.new = count
        case FeedEvent.sessionPreserved.name: sessions.preserved = count
        case FeedEvent.sessionReplaced.name: sessions.replaced = count
        case FeedEvent.sessionRecovered(resent: 0).name: (sessions.recovered, resent) = (count, sum)
        case FeedEvent.updatesLost(count: 0).name: lostUpdates = sum
        default: break
        }
    }
}
