internal import MarketData
internal import TLCP

extension SubscriptionRequest {
    /// The heartbeat first, so that the feed's time is known before the first tick; then the ticks of each.
    static func feed(of instruments: [Instrument]) -> [SubscriptionRequest] {
        let heartbeat = SubscriptionRequest(mode: .merge, items: ["TRADE:HB.U.HEARTBEAT.IP"], fields: ["HEARTBEAT"])
        return [heartbeat]
            + instruments.map {
                SubscriptionRequest(mode: .distinct, items: [$0.tickItem], fields: ["BID", "OFR", "UTM"])
            }
    }
}
