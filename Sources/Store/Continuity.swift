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
    public var resent: Int64 = 0
    /// Updates that the broker declared lost.
    public var lostUpdates: Int64 = 0
    /// Stretches `[from, until)` of feed time of which nothing is known, ns since 1970: sorted, apart from
    /// each other. What was before the first start is none.
    public var holes: [Range<Int64>] = []
    /// Since when nothing is known, ns since 1970; 0: since ever; `nil` while the feed is seen.
    public var blindSince: Int64?
    /// The newest feed time that an event tells, ns since 1970; 0 without any.
    public var newest: Int64 = 0

    public init() {}

    /// The holes that end after `time`, cut off there.
    public func holes(after time: Int64) -> [Range<Int64>] {
        holes.filter { $0.upperBound > time }.map { max($0.lowerBound, time)..<$0.upperBound }
    }

    /// Adds a hole that does not begin before those that are there.
    mutating func add(hole: Range<Int64>) {
        if let last = holes.last, last.upperBound >= hole.lowerBound {
            holes[holes.count - 1] = last.lowerBound..<max(last.upperBound, hole.upperBound)
        } else {
            holes.append(hole)
        }
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
            SELECT * FROM feed_event
            WHERE time >= :from AND time < :until
                OR event = 'blind ended' AND detail < :until AND until > :from
            ORDER BY position, event
            """
        let arguments: StatementArguments = ["from": range.lowerBound.rawValue, "until": range.upperBound.rawValue]
        return try read { try Row.fetchAll($0, sql: sql, arguments: arguments).map(Event.init) }
    }

    /// When the feed was seen for the first time: the first end of a blindness; `nil` before it.
    public func firstSight() throws -> UTCNanos? {
        let sql = "SELECT MIN(until) FROM feed_event WHERE event = 'blind ended'"
        return try read { try Int64.fetchOne($0, sql: sql).map(UTCNanos.init(rawValue:)) }
    }

    /// What the feed's events tell, all of them.
    public func continuity() throws -> Continuity {
        try read { db in
            var result = Continuity()
            // The details of other events are times: their sum would leave 64 bits.
            let sums = """
                SELECT event, COUNT(*), SUM(CASE WHEN event IN ('session recovered', 'updates lost') THEN detail ELSE 0 END),
                    MAX(time)
                FROM feed_event GROUP BY event
                """
            for row in try Row.fetchAll(db, sql: sums) {
                result.take(event: row[0], count: row[1], sum: row[2], newest: row[3])
            }
            let blindness = """
                SELECT event, detail, until FROM feed_event
                WHERE event IN ('blind began', 'blind ended') ORDER BY position, event DESC
                """
            result.take(blindness: try Row.fetchAll(db, sql: blindness).map { ($0[0], $0[1], $0[2]) })
            return result
        }
    }
}

extension Continuity {
    /// Each `blind ended` is a hole; a `blind began` in the dark closes the stretch before it as one. Of two at one
    /// position the end comes first: a hole in the dark, which goes on.
    fileprivate mutating func take(blindness: [(event: String, from: Int64, until: Int64)]) {
        var stretches: [Range<Int64>] = []
        for (event, from, until) in blindness {
            if event == FeedEvent.blindBegan(since: UTCNanos(rawValue: 0)).name {
                if let since = blindSince, since > 0, from > since { stretches.append(since..<from) }
                blindSince = from
            } else {
                blindSince = nil
                if from > 0, until > from { stretches.append(from..<until) }
            }
        }
        for stretch in stretches.sorted(by: { $0.lowerBound < $1.lowerBound }) { add(hole: stretch) }
    }

    fileprivate mutating func take(event: String, count: Int, sum: Int64, newest: Int64) {
        self.newest = max(self.newest, newest)
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
