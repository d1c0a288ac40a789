internal import MarketData
internal import Wire

/// How far the broker's clock is ahead of the host's, as clock records show it: heartbeats, and the predicted ones, since
/// the clock of the ticks may be ahead of the heartbeat's. The least delayed record is nearest to the truth: the lead is
/// too small by that one's way here.
struct BrokerLead {
    /// Of two minutes: a heartbeat comes each second, a predicted clock each minute. Without them the last lead stays.
    private static let count = 130

    private var leads: [Int64] = []
    private var place = 0
    private var last: ClockRecord?

    /// ns; `nil` before the first record.
    var nanos: Int64? { leads.max() }

    /// - Parameter clock: no stand-in.
    mutating func note(_ clock: ClockRecord) {
        // The times of clock records step back only if the ones before were wrong.
        if let last, clock.brokerTime < last.brokerTime { (leads, place) = ([], 0) }
        last = clock
        let lead = clock.brokerTime.rawValue &- clock.receiveTime.rawValue
        if leads.count < BrokerLead.count { leads.append(lead) } else { leads[place] = lead }
        place = (place + 1) % BrokerLead.count
    }
}
