internal import MarketData
internal import Wire

/// How far the broker's clock is ahead of the host's, as the heartbeats show it. The least delayed one is nearest to the
/// truth: the lead is too small by that one's way here.
struct BrokerLead {
    /// The last minute: a heartbeat comes each second. Without heartbeats the last lead stays.
    private static let count = 60

    private var leads: [Int64] = []
    private var place = 0
    private var last: ClockRecord?

    /// ns; `nil` before the first heartbeat.
    var nanos: Int64? { leads.max() }

    /// - Parameter heartbeat: no stand-in.
    mutating func note(_ heartbeat: ClockRecord) {
        // The times of clock records step back only if the ones before were wrong.
        if let last, heartbeat.brokerTime < last.brokerTime { (leads, place) = ([], 0) }
        last = heartbeat
        let lead = heartbeat.brokerTime.rawValue &- heartbeat.receiveTime.rawValue
        if leads.count < BrokerLead.count { leads.append(lead) } else { leads[place] = lead }
        place = (place + 1) % BrokerLead.count
    }
}
