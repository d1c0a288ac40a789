/// A client's request by `LS_op=add`.
final class Subscription {
    enum Dispatching { case filtered, unfiltered }

    let id: Int
    let dispatching: Dispatching
    /// The server made it, not the client: a fault.
    let isZombie: Bool
    /// The frequency that `CONF` shows.
    var frequency = "unlimited"
    fileprivate(set) var items: [SubscribedItem] = []
    let fieldCount: Int

    init(id: Int, dispatching: Dispatching, fieldCount: Int, isZombie: Bool = false) {
        self.id = id
        self.isZombie = isZombie
        self.dispatching = dispatching
        self.fieldCount = fieldCount
    }

    func add(_ item: SubscribedItem) { items.append(item) }
}

/// One item of a subscription: hands each state of the item to its session.
final class SubscribedItem: ItemListener {
    let item: MarketItem
    let subscription: Int
    /// From 1, in the order of the group.
    let number: Int
    let dispatching: Subscription.Dispatching
    /// The most updates that are held for a client that does not read.
    let heldMax: Int
    var encoder: DeltaEncoder
    /// Updates held now.
    var heldCount = 0
    /// Held updates that were lost since the last `OV`.
    var untoldLosses = 0
    var gate = UpdateGate()
    private unowned let session: StreamSession
    private unowned let market: Market

    init(
        item: MarketItem, in subscription: Subscription, number: Int, schema: [Int], heldMax: Int,
        session: StreamSession, market: Market
    ) {
        self.item = item
        self.subscription = subscription.id
        self.number = number
        self.heldMax = heldMax
        self.session = session
        self.market = market
        dispatching = subscription.dispatching
        encoder = DeltaEncoder(subscription: subscription.id, item: number, schema: schema)
    }

    func itemChanged() {
        if gate.admits(at: market.now, mode: item.mode) { session.itemChanged(self) }
    }

    func itemNoted(_ notice: ItemNotice) { if !gate.isSilent { session.write(notice, of: self) } }

    /// Sends the state that a frequency limit has kept back, when its turn has come.
    func sendOwed() {
        if gate.releases(at: market.now) { session.itemChanged(self) }
    }
}
