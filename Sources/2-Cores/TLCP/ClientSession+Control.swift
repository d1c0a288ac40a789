extension ClientSession {
    // MARK: Subscriptions

    /// Queues the request for a subscription under a new number.
    mutating func ask(for handle: Int, now: Duration) {
        let number = routes.add(handle: handle)
        subscriptions[handle].number = number
        subscriptions[handle].answer = .pending
        subscriptions[handle].askedAt = now
        pendingControls.append(
            Control(operation: .add(subscriptions[handle].request), handle: handle, subscription: number))
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
        pendingControls.append(Control(operation: .delete(cause: nil), handle: nil, subscription: number))
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
        guard let control = sentControls.removeValue(forKey: request) else {
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
    private mutating func refusedHandle(_ control: Control) -> Int? {
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

    // MARK: Sending

    /// Sends what is queued, as few messages as the server's limit allows. Over HTTP one POST at a time.
    mutating func sendControls() {
        guard phase == .bound || isDestroying, let transport, let identity, !pendingControls.isEmpty else { return }
        // Lines resent after a recovery may answer queued requests.
        guard isDestroying || !awaitsProgress && catchUp == nil else { return }
        if transport.isWebSocket {
            let lines = pendingControls.map { number($0, identity: identity).line }
            pendingControls.removeAll()
            for request in Request.batches(of: lines, limit: identity.requestLimit) {
                actions.append(.send(transport.id, message: request.message))
            }
            return
        }
        guard post == nil, postRetry == nil else { return }
        let numbered = pendingControls.map { number($0, identity: identity) }
        let batches = Request.batches(of: numbered.map(\.line), limit: identity.requestLimit)
        guard let first = batches.first else { return }
        for late in numbered.dropFirst(first.lines.count) { sentControls[late.request] = nil }
        pendingControls.removeFirst(first.lines.count)
        lastTransport += 1
        let id = TransportID(number: lastTransport)
        post = (id, numbered.prefix(first.lines.count).map(\.request))
        let path = first.path(protocolVersion: options.protocolVersion, session: identity.session)
        actions.append(.post(id, identity.link, path: path, body: first.body))
    }

    private mutating func number(_ control: Control, identity: Identity) -> (request: Int, line: Parameters) {
        lastRequest += 1
        sentControls[lastRequest] = control
        let session = transport?.isWebSocket == true ? nil : identity.session
        return (
            lastRequest,
            control.operation.parameters(request: lastRequest, subscription: control.subscription, session: session)
        )
    }

    /// The body that answered a POST; its lines are treated as those of the stream.
    public mutating func postAnswered(
        _ id: TransportID, body: UnsafeRawBufferPointer, now: Duration, into sink: inout some SessionSink
    ) {
        guard post?.id == id else { return }
        post = nil
        var lines = LineReader(lengthMax: options.lineLengthMax)
        var rest = body
        while let piece = lines.next(&rest) {
            guard case .line(let text) = piece, !text.isEmpty, let line = try? ServerLine(text) else {
                // A malformed answer: its request stays unanswered, as if the answer were lost.
                continue
            }
            switch line {
            case .requestAccepted(let request?): sentControls[request] = nil
            case .requestRefused(let request, let code, let text):
                requestRefused(request, code: code, text: text, now: now, &sink)
            case .requestNotUnderstood(let code, let text):
                return fail("ERROR,\(code) \(text)", now: now, &sink)
            case .sessionRefused(let code, let text), .ended(let code, let text):
                return finish(SessionDisposition(ending: code), code: code, text: text, now: now, &sink)
            default: break
            }
        }
        sendControls()
    }

    /// A POST that got no answer: its requests are sent again under new numbers, after a pause.
    public mutating func postFailed(_ id: TransportID, now: Duration) {
        guard let failed = post, failed.id == id else { return }
        post = nil
        for request in failed.requests.reversed() {
            if let control = sentControls.removeValue(forKey: request) { requeue(control) }
        }
        postRetry = now + options.retryBase
    }

    /// After a cut it is unknown which requests arrived: those without effect so far are sent again, once what was sent
    /// before the cut had time to come.
    mutating func requeueSentControls(now: Duration) {
        let controls = sentControls.keys.sorted().compactMap { sentControls[$0] }
        sentControls = [:]
        guard !controls.isEmpty else { return }
        doubtful = ((doubtful?.controls ?? []) + controls, .zero)
    }

    /// The recovery is over: what is doubtful waits a little longer for its answer.
    mutating func waitForAnswers(now: Duration) { doubtful?.resendAt = now + options.requeueAfter }

    /// Sends the doubtful requests again that had no effect.
    mutating func resendDoubtful() {
        guard let controls = doubtful?.controls else { return }
        doubtful = nil
        for control in controls.reversed() { requeue(control) }
        sendControls()
    }

    private mutating func requeue(_ control: Control) {
        if case .add = control.operation, let handle = control.handle {
            let isRenewal = subscriptions[handle].renewal == control.subscription
            guard
                isRenewal
                    || subscriptions[handle].number == control.subscription && subscriptions[handle].answer == .pending
            else { return }
        }
        pendingControls.insert(control, at: 0)
    }
}
