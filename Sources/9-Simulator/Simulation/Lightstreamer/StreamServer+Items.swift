internal import MarketData

/// Faults of single items and subscriptions.
extension StreamServer {
    func disturbSubscriptions(_ fault: Fault) {
        switch fault {
        case .silentItem(let name):
            faults.silentItems.insert(name)
            setGates()
        case .drop(let every):
            faults.dropsEvery = every
            setGates()
        case .filter(let epic, let limit): changeFilters { faults.filters[epic] = limit }
        case .unfilter(let epic): changeFilters { faults.filters[epic] = nil }
        case .unsubscribe(let epic, let seconds): unsubscribe(epic, seconds: seconds)
        case .lost(let count): for session in sessions.values { session.reportLoss(count) }
        case .shortUpdate: for session in sessions.values { session.sendsShortUpdate = true }
        case .zombie: for session in sessions.values { addZombie(to: session) }
        default: break
        }
    }

    // MARK: Ended by the server

    /// Source: ig-api § 14: `UNSUB` while the session lives, and refusals for a while.
    private func unsubscribe(_ epic: String?, seconds: Int?) {
        let until = seconds.map { now &+ Int64($0) &* UTCNanos.perSecond } ?? .max
        if let epic { catalogue.refusedEpics[epic] = until } else { catalogue.refusesAllUntil = until }
        catalogue.endRefusals(at: now)
        for session in sessions.values {
            let ended = session.subscriptions.values.filter { subscription in
                subscription.items.contains { $0.item.epic != nil && (epic == nil || $0.item.epic == epic) }
            }
            for subscription in ended.sorted(by: { $0.id < $1.id }) {
                _ = session.remove(subscription: subscription.id)
            }
            session.flush()
        }
    }

    // MARK: Held back

    /// Sets for every item of every session what the faults hold back of it.
    func setGates() {
        for session in sessions.values {
            for subscription in session.subscriptions.values { setGates(of: subscription) }
        }
    }

    func setGates(of subscription: Subscription) {
        var limits: [FrequencyLimit] = []
        for item in subscription.items {
            item.gate.isSilent = faults.silentItems.contains(item.item.name)
            item.gate.dropsEvery = item.item.mode == .distinct ? faults.dropsEvery : nil
            let limit = subscription.dispatching == .filtered ? item.item.epic.flatMap { faults.filters[$0] } : nil
            item.gate.interval = limit?.interval
            if let limit { limits.append(limit) }
        }
        // The highest of its items' frequencies. Source: TLCP § Modes.
        let highest = limits.count == subscription.items.count ? limits.min { $0.interval < $1.interval } : nil
        subscription.frequency = highest?.text ?? "unlimited"
    }

    /// Changes frequency limits, and informs the subscriptions whose limit changes.
    func changeFilters(_ change: () -> Void) {
        let before = sessions.values.flatMap { $0.subscriptions.values.map { ($0, $0.frequency) } }
        change()
        setGates()
        let changed = before.filter { $0.0.frequency != $0.1 }.map { ObjectIdentifier($0.0) }
        for session in sessions.values {
            for subscription in session.subscriptions.values where changed.contains(ObjectIdentifier(subscription)) {
                session.confirm(subscription)
            }
            session.flush()
        }
    }

    /// Sends the states that frequency limits have kept back and whose turn has come.
    func sendOwed() {
        guard !faults.filters.isEmpty else { return }
        for session in sessions.values {
            for subscription in session.subscriptions.values { for item in subscription.items { item.sendOwed() } }
        }
    }

    // MARK: Zombies

    /// Subscribes the session to ticks for which its client never asked.
    private func addZombie(to session: StreamSession) {
        let ticks = session.subscriptions.values.sorted { $0.id < $1.id }.flatMap(\.items)
            .first { $0.item.mode == .distinct && $0.item.epic != nil }
        let first = market.pairs.first.map { "CS.D.\($0.pair.base)\($0.pair.quote).CFD.IP" }
        guard let epic = ticks?.item.epic ?? first,
            // A refused epic shows no zombie either.
            let item = try? catalogue.item("CHART:\(epic):TICK", adapter: "DEFAULT", account: session.user)
        else { return }
        // Clients count from 1.
        let id = max(session.subscriptions.keys.max() ?? 0, 1_000_000) + 1
        let schema = ["BID", "OFR", "UTM"].compactMap { item.fields.firstIndex(of: $0) }
        let subscription = Subscription(id: id, dispatching: .filtered, fieldCount: schema.count, isZombie: true)
        subscription.add(
            SubscribedItem(
                item: item, in: subscription, number: 1, schema: schema, heldMax: limits.heldUpdatesMax,
                session: session, market: market))
        setGates(of: subscription)
        session.add(subscription, wantsSnapshot: false)
        session.flush()
    }
}
