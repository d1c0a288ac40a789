internal import MarketData
internal import Wire

/// How far the broker's clock is ahead of the host's, as clock records show it: heartbeats, and the predicted ones, since
/// the clock of the ticks may be ahead of the heartbeat's. The least delayed record is nearest to the truth: the lead is
/// too small by that one's way here.
struct BrokerLead {
    /// The last minute: a heartbeat comes each second. Without heartbeats the last lead stays.
    private var beats = Leads(count: 60)
    /// One comes at the end of an interval.
    private var predicted = Leads(count: 3)
    private var last: ClockRecord?

    /// The newest leads, ns.
    private struct Leads {
        let count: Int
        private var values: [Int64] = []
        private var place = 0

        init(count: Int) { self.count = count }

        var largest: Int64? { values.max() }

        mutating func note(_ lead: Int64) {
            if values.count < count { values.append(lead) } else { values[place] = lead }
            place = (place + 1) % count
        }
    }

    /// ns; `nil` before the first record.
    var nanos: Int64? { [beats.largest, predicted.largest].compactMap { $0 }.max() }

    /// - Parameter clock: no stand-in.
    mutating func note(_ clock: ClockRecord) {
        // The times of clock records step back only if the ones before were wrong.
        if let last, clock.brokerTime < last.brokerTime { self = BrokerLead() }
        // A heartbeat that repeats a predicted record says nothing new.
        let isRepeated = clock.flags.contains(.predicted) && clock.brokerTime == last?.brokerTime
        last = clock
        guard !isRepeated else { return }
        let lead = clock.brokerTime.rawValue &- clock.receiveTime.rawValue
        if clock.flags.contains(.predicted) { predicted.note(lead) } else { beats.note(lead) }
    }
}
