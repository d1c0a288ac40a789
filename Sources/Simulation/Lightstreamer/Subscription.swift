/// What a client asked for with `LS_op=add`.
final class Subscription {
    enum Dispatching { case filtered, unfiltered }

    let id: Int
    let dispatching: Dispatching
    fileprivate(set) var items: [SubscribedItem] = []
    let fieldCount: Int

    init(id: Int, dispatching: Dispatching, fieldCount: Int) {
        self.id = id
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
    /// A fault keeps this item silent.
    var isSilent = false
    private unowned let session: StreamSession

    init(
        item: MarketItem, in subscription: Subscription, number: Int, schema: [Int], heldMax: Int,
        session: StreamSession
    ) {
        self.item = item
        self.subscription = subscription.id
        self.number = number
        self.heldMax = heldMax
        self.session = session
        dispatching = subscription.dispatching
        encoder = DeltaEncoder(subscription: subscription.id, item: number, schema: schema)
    }

    func itemChanged() { session.itemChanged(self) }
    func itemNoted(_ notice: ItemNotice) { if !isSilent { session.write(notice, of: self) } }
}
