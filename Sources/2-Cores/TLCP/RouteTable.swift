/// The subscriptions of one session by the session's own numbers, and the state of their items.
///
/// Flat and without reference counts: every update line passes here.
struct RouteTable: ~Copyable {
    struct Route: BitwiseCopyable {
        /// The caller's number of the subscription.
        var handle: Int
        var itemCount = 0
        var items: UnsafeMutablePointer<ItemState>?
    }

    private var routes: UnsafeMutablePointer<Route>
    private var capacity = 64
    /// The number given last; the next is one higher. Never reused in a session.
    private(set) var count = 0

    init() { routes = .allocate(capacity: capacity) }

    deinit {
        for index in 0..<count { RouteTable.release(routes[index]) }
        routes.deallocate()
    }

    /// - Returns: the session's number of the new subscription, from 1.
    mutating func add(handle: Int) -> Int {
        if count == capacity {
            let larger = UnsafeMutablePointer<Route>.allocate(capacity: capacity * 2)
            larger.initialize(from: routes, count: count)
            routes.deallocate()
            routes = larger
            capacity *= 2
        }
        (routes + count).initialize(to: Route(handle: handle))
        count += 1
        return count
    }

    /// The caller's number; `nil` for a subscription that this session does not have.
    func handle(of subscription: Int) -> Int? {
        guard subscription > 0, subscription <= count else { return nil }
        return routes[subscription - 1].handle
    }

    /// Makes the items' state once the server has confirmed the counts.
    mutating func activate(_ subscription: Int, _ request: SubscriptionRequest) {
        guard subscription > 0, subscription <= count, routes[subscription - 1].items == nil else { return }
        let items = UnsafeMutablePointer<ItemState>.allocate(capacity: request.items.count)
        let hasSnapshot = request.wantsSnapshot && request.mode != .raw
        for index in 0..<request.items.count {
            let state = ItemState(
                fieldCount: request.fields.count, hasSnapshot: hasSnapshot, snapshotIsOneUpdate: request.mode == .merge)
            (items + index).initialize(to: state)
        }
        routes[subscription - 1].items = items
        routes[subscription - 1].itemCount = request.items.count
    }

    /// Forgets the items' state: no more updates come.
    mutating func deactivate(_ subscription: Int) {
        guard subscription > 0, subscription <= count else { return }
        RouteTable.release(routes[subscription - 1])
        routes[subscription - 1].items = nil
        routes[subscription - 1].itemCount = 0
    }

    /// The route with the state of an item, counted from 1.
    @inline(__always)
    func find(_ subscription: Int, _ item: Int) -> (handle: Int, state: UnsafeMutablePointer<ItemState>)? {
        let index = subscription &- 1
        guard index >= 0, index < count else { return nil }
        let route = routes + index
        guard item > 0, item <= route.pointee.itemCount, let items = route.pointee.items else { return nil }
        return (route.pointee.handle, items + (item &- 1))
    }

    mutating func removeAll() {
        for index in 0..<count { RouteTable.release(routes[index]) }
        count = 0
    }

    private static func release(_ route: Route) {
        for index in 0..<route.itemCount { route.items?[index].deallocate() }
        route.items?.deallocate()
    }
}
