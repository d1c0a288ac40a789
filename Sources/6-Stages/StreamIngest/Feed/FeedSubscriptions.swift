internal import IG
internal import MarketData
internal import TLCP

extension SubscriptionRequest {
    /// The heartbeat first, so that the feed's time is known before the first tick; then the ticks of each.
    static func feed(of instruments: [Instrument]) -> [SubscriptionRequest] {
        let heartbeat = SubscriptionRequest(
            mode: .merge, items: [Instrument.heartbeatItem], fields: Instrument.heartbeatFields)
        return [heartbeat]
            + instruments.map {
                SubscriptionRequest(mode: .distinct, items: [$0.tickItem], fields: Instrument.tickFields)
            }
    }
}
