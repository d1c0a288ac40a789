/// Subscriptions: how they are asked for, answered, renewed and ended.
extension ClientSession {
    /// Queues the request for a subscription under a new number.
    mutating func ask(for handle: Int, now: Duration) {
        let number = routes.add(handle: handle)
        subscriptions[handle].number = number
        subscriptions[handle].answer = .pending
        subscriptions[handle].askedAt = now
        controls.add(.add(subscriptions[handle].request), handle: handle, subscription: number)
    }

    mutating func subscribed(_ number: Int, items: Int, fields: Int, now: Duration, _ sink: inout some SessionSink) {
        guard let handle = routes.handle(of: number), isCurrent(number, of: handle) else {
            // An end that is on its way, or what we never asked for.
            return retired.contains(number) ? () : endZombie(number, &sink)
        }
        let request = subscriptions[handle].request
        guard items == request.items.count, fields == request.fields.count else {
            endSilently(number)
            guard subscriptions[handle].renewal != number else {
                subscriptions[handle].renewal = nil
                return
            }
            // 61 is the code that the official client gives to this.
            let text = "\(items) items and \(fields) fields confirmed, not the requested ones"
            return refuse(handle, code: 61, text: text, now: now, &sink)
        }
        routes.activate(number, request)
        if subscriptions[handle].renewal == number { return renewed(handle, number, &sink) }
        guard subscriptions[handle].answer != .active else { return }
        subscriptions[handle].answer = .active
        subscriptions[handle].since = now
        sink.happened(.subscribed(handle))
        checkAllAnswered(&sink)
    }

    /// Whether a number is that of the handle's subscription, or of the one that is to take its place.
    private func isCurrent(_ number: Int, of handle: Int) -> Bool {
        subscriptions[handle].number == number || subscriptions[handle].renewal == number
    }

    private mutating func renewed(_ handle: Int, _ number: Int, _ sink: inout some SessionSink) {
        endSilently(subscriptions[handle].number)
        subscriptions[handle].number = number
        subscriptions[handle].renewal = nil
        sink.happened(.renewed(handle))
    }

    /// Ends a reserved subscription and forgets how it was answered.
    mutating func drop(_ handle: Int) {
        let (number, answer) = (subscriptions[handle].number, subscriptions[handle].answer)
        (subscriptions[handle].number, subscriptions[handle].answer) = (0, .none)
        (subscriptions[handle].failures, subscriptions[handle].refusals) = (0, 0)
        guard identity != nil, answer == .active || answer == .pending else { return }
        endSilently(number)
    }

    /// Asks for the reserved subscriptions that waited, once nothing is on its way out.
    mutating func openWaiting(now: Duration) {
        guard phase == .bound, retired.isEmpty else { return }
        for handle in subscriptions.indices {
            if case .waiting = subscriptions[handle].answer { ask(for: handle, now: now) }
        }
        sendControls()
    }

    /// Ends a subscription whose updates are not wanted any more.
    private mutating func endSilently(_ number: Int) {
        routes.deactivate(number)
        retired.insert(number)
        controls.add(.delete(cause: nil), subscription: number)
        sendControls()
    }

    mutating func unsubscribed(_ number: Int, now: Duration, _ sink: inout some SessionSink) {
        routes.deactivate(number)
        zombies.remove(number)
        if retired.remove(number) != nil { return openWaiting(now: now) }
        guard let handle = routes.handle(of: number) else { return }
        if subscriptions[handle].renewal == number {
            subscriptions[handle].renewal = nil
            return
        }
        guard subscriptions[handle].number == number else { return }
        endRenewal(handle)
        let held = now - subscriptions[handle].since
        if subscriptions[handle].answer == .active, held >= options.askAgainCeiling {
            subscriptions[handle].refusals = 0
        }
        subscriptions[handle].answer = .none
        // Other answers under this number are ignored: the next request has another number.
        subscriptions[handle].number = 0
        if subscriptions[handle].isWanted { askLater(handle, now: now) }
        sink.happened(.unsubscribed(handle))
        checkAllAnswered(&sink)
    }

    private mutating func refuse(
        _ handle: Int, code: Int, text: String, now: Duration, _ sink: inout some SessionSink
    ) {
        askLater(handle, now: now)
        sink.happened(.refused(handle, code: code, text: text))
        checkAllAnswered(&sink)
    }

    /// Without end: at IG a market that is shut refuses, and takes it again later. Source: `ig-api` § 14.
    private mutating func askLater(_ handle: Int, now: Duration) {
        var pause = options.askAgainBase
        for _ in 0..<min(subscriptions[handle].refusals, 32) where pause < options.askAgainCeiling { pause *= 2 }
        subscriptions[handle].refusals += 1
        subscriptions[handle].answer = .askAgain(at: now + min(pause, options.askAgainCeiling))
    }

    /// An update did not fit: the item's values are uncertain. Only this subscription is renewed: at once, and after a
    /// pause if that happens again soon.
    mutating func loseItem(_ handle: Int, reason: String, now: Duration, _ sink: inout some SessionSink) {
        endRenewal(handle)
        endSilently(subscriptions[handle].number)
        sink.happened(.itemLost(handle, reason: reason))
        let isRepeated = subscriptions[handle].spoiltAt.map { now - $0 < options.askAgainBase } ?? false
        subscriptions[handle].spoiltAt = now
        if isRepeated { return askLater(handle, now: now) }
        ask(for: handle, now: now)
        sendControls()
    }

    /// A request that nothing answers must not keep the others waiting.
    mutating func endUnanswered(now: Duration, _ sink: inout some SessionSink) {
        for handle in subscriptions.indices where now >= subscriptions[handle].askedAt + options.subscribeWithin {
            if subscriptions[handle].renewal != nil { subscriptions[handle].renewal = nil }
            guard subscriptions[handle].answer == .pending else { continue }
            refuse(handle, code: 0, text: "no answer in time", now: now, &sink)
        }
    }

    private mutating func endRenewal(_ handle: Int) {
        guard let number = subscriptions[handle].renewal else { return }
        subscriptions[handle].renewal = nil
        endSilently(number)
    }

    private mutating func checkAllAnswered(_ sink: inout some SessionSink) {
        guard !allWereAnswered else { return }
        for subscription in subscriptions where subscription.isWanted && !subscription.isOptional {
            switch subscription.answer {
            case .active, .askAgain: continue
            case .none, .pending, .retry, .waiting: return
            }
        }
        allWereAnswered = true
        sink.happened(.allAnswered)
    }

    mutating func requestRefused(
        _ request: Int, code: Int, text: String, now: Duration, _ sink: inout some SessionSink
    ) {
        guard let control = controls.answered(request) else {
            return sink.happened(.oddLine("REQERR of unknown request \(request)"))
        }
        var isDelete = false
        if case .delete = control.operation { isDelete = true }
        switch RequestDisposition(code: code, isDelete: isDelete) {
        case .newSession: finish(.newSession, code: code, text: text, now: now, &sink)
        case .done:
            // Not there, or not yet: if it is granted after all, it is ended then.
            if isDelete, let number = control.subscription, retired.remove(number) != nil { openWaiting(now: now) }
        case .retry:
            guard let handle = refusedHandle(control) else { return }
            subscriptions[handle].failures += 1
            // One item that never gets an answer must not keep all the others waiting.
            if subscriptions[handle].failures > Self.retriesMax {
                return refuse(handle, code: code, text: text, now: now, &sink)
            }
            subscriptions[handle].answer = .retry(at: now + options.retryBase * 5)
        case .refuse:
            guard let handle = refusedHandle(control) else {
                return sink.happened(.oddLine("REQERR,\(code) \(text)"))
            }
            refuse(handle, code: code, text: text, now: now, &sink)
        }
    }

    /// The subscription that a refusal concerns; `nil` if it is active all the same, since the request was sent twice,
    /// or if another has taken its place.
    private mutating func refusedHandle(_ control: ControlQueue.Control) -> Int? {
        guard let handle = control.handle, case .add = control.operation else { return nil }
        if subscriptions[handle].renewal == control.subscription {
            subscriptions[handle].renewal = nil
            return nil
        }
        let isOpen = subscriptions[handle].number == control.subscription && subscriptions[handle].answer != .active
        return isOpen ? handle : nil
    }

    /// How often a subscription is repeated if the server reports a temporary failure.
    private static var retriesMax: Int { 3 }
}
