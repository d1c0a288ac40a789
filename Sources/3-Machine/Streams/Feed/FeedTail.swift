public import MarketData
public import Wire

/// The state of the feed at the end of the ticks journal.
public enum FeedTail {
    /// How far back a heartbeat is looked for: some seconds of a busy feed.
    private static let heartbeatReach = 20_000
    /// Enough records that the broker timed: ticks of different pairs are out of order by fewer.
    private static let timedRecords = 100

    /// The newest time from the broker; 0 for an empty journal. Stand-in and predicted clocks and snapshots do
    /// not count: the broker sent none of these times just then.
    public static func newestTime(folder: String) throws -> UTCNanos {
        var newest = UTCNanos(rawValue: 0)
        var left = timedRecords
        try JournalTail.readBackward(TickEnvelope.self, folder: folder) { record in
            switch record.content {
            case .feed(let feed):
                guard case .clockSetBack(_, let time) = feed.event else { return true }
                // The earlier times were wrong.
                newest = max(newest, time)
                return false
            case .tick(let tick): if tick.flags.contains(.snapshot) { return true }
            case .clock(let clock): if !clock.isHeartbeat { return true }
            case .unknown: return true
            }
            newest = max(newest, record.brokerTime)
            left -= 1
            return left > 0
        }
        return newest
    }

    /// How far back to search for a pair's blindness: it is recorded again every 10 minutes.
    private static let blindReach = 11 * 60 * UTCNanos.perSecond
    private static let blindRecords = 2_000_000

    /// Sight and time in the last minutes of a journal.
    public struct Sight: Sendable {
        /// Since when each pair is blind that was not seen again, feed time.
        public var blindPairs: [Pair: UTCNanos] = [:]
        /// The time from which the feed's time was never set back in these minutes; `nil` if it began before.
        public var steadySince: UTCNanos?
    }

    public static func sight(folder: String) throws -> Sight {
        var sight = Sight()
        var decided: Set<Pair> = []
        var newest: Int64?
        var oldest: UTCNanos?
        var left = blindRecords
        var isOver = false
        try JournalTail.readBackward(TickEnvelope.self, folder: folder) { record in
            left -= 1
            if let time = record.heartbeat?.brokerTime {
                newest = newest ?? time.rawValue
                oldest = time
                isOver = time.rawValue < (newest ?? 0) - blindReach
            }
            sight.take(record, &decided)
            if left == 0 { isOver = true }
            return !isOver
        }
        // The journal has no more.
        if !isOver { sight.steadySince = sight.steadySince ?? oldest }
        return sight
    }

    /// When the last record was received, by the host's clock; 0 for a fresh journal.
    public static func lastReceived(folder: String) throws -> UTCNanos {
        var last = UTCNanos(rawValue: 0)
        try JournalTail.readBackward(TickEnvelope.self, folder: folder) { record in
            last = record.receiveTime
            return false
        }
        return last
    }

    /// The broker's last heartbeat; `nil` if none is in reach.
    public static func newestHeartbeat(folder: String) throws -> ClockRecord? {
        var heartbeat: ClockRecord?
        var left = heartbeatReach
        try JournalTail.readBackward(TickEnvelope.self, folder: folder) { record in
            left -= 1
            heartbeat = record.heartbeat
            return heartbeat == nil && left > 0
        }
        return heartbeat
    }
}

extension FeedTail.Sight {
    /// Records come newest first: the last word of each pair decides.
    fileprivate mutating func take(_ record: TickEnvelope, _ decided: inout Set<Pair>) {
        switch record.feedEvent {
        case .clockSetBack(_, let time): steadySince = steadySince ?? time
        case .blindBegan(let since) where record.pair != .none && decided.insert(record.pair).inserted:
            blindPairs[record.pair] = since
        case .blindEnded where record.pair != .none: decided.insert(record.pair)
        default: break
        }
    }
}
