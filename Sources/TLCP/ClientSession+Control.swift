extension ClientSession {
    // MARK: Subscriptions

    /// Queues the request for a subscription under a new number.
    mutating func ask(for handle: Int) {
        let number = routes.add(handle: handle)
        subscriptions[handle].number = number
        subscriptions[handle].answer = .pending
        pendingControls.append(
            Control(operation: .add(subscriptions[handle].request), handle: handle, subscription: number))
    }

    mutating func subscribed(_ number: Int, items: Int, fields: Int, _ sink: inout some SessionSink) {
        guard let handle = routes.handle(of: number), subscriptions[handle].number == number else { return }
        let request = subscriptions[handle].request
        guard items == request.items.count, fields == request.fields.count else {
            // 61 is the code that the official client gives to this.
            refuse(handle, code: 61, text: "\(items) items and \(fields) fields instead of those asked for", &sink)
            let control = Control(operation: .delete(cause: nil), handle: nil, subscription: number)
            pendingControls.append(control)
            return sendControls()
        }
        routes.activate(number, request)
        guard subscriptions[handle].answer != .active else { return }
        subscriptions[handle].answer = .active
        sink.happened(.subscribed(handle))
        checkAllAnswered(&sink)
    }

    mutating func unsubscribed(_ number: Int, _ sink: inout some SessionSink) {
        routes.deactivate(number)
        guard let handle = routes.handle(of: number), subscriptions[handle].number == number else { return }
        subscriptions[handle].answer = .none
        sink.happened(.unsubscribed(handle))
    }

    private mutating func refuse(_ handle: Int, code: Int, text: String, _ sink: inout some SessionSink) {
        subscriptions[handle].answer = .refused
        sink.happened(.refused(handle, code: code, text: text))
        checkAllAnswered(&sink)
    }

    private mutating func checkAllAnswered(_ sink: inout some SessionSink) {
        guard !allWereAnswered else { return }
        for subscription in subscriptions where subscription.isWanted {
            guard subscription.answer == .active || subscription.answer == .refused else { return }
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
        case .done: break
        case .retry:
            guard let handle = control.handle, case .add = control.operation,
                subscriptions[handle].number == control.subscription
            else { return }
            subscriptions[handle].failures += 1
            // One item that never gets an answer must not keep all the others waiting.
            if subscriptions[handle].failures > Self.retriesMax { return refuse(handle, code: code, text: text, &sink) }
            subscriptions[handle].answer = .retry(at: now + options.retryBase * 5)
        case .refuse:
            guard let handle = control.handle, case .add = control.operation,
                subscriptions[handle].number == control.subscription
            else { return sink.happened(.oddLine("REQERR,\(code) \(text)")) }
            refuse(handle, code: code, text: text, &sink)
        }
    }

    /// How often a subscription is asked for again where the server says that it failed for now.
    private static var retriesMax: Int { 3 }

    // MARK: Sending

    /// Sends what is queued, as few messages as the server's limit allows. Over HTTP one POST at a time.
    mutating func sendControls() {
        guard phase == .bound || isDestroying, let transport, let identity, !pendingControls.isEmpty else { return }
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

    /// After a cut nobody knows which requests arrived: those without effect so far are sent again.
    mutating func requeueSentControls() {
        for request in sentControls.keys.sorted(by: >) {
            if let control = sentControls.removeValue(forKey: request) { requeue(control) }
        }
    }

    private mutating func requeue(_ control: Control) {
        if case .add = control.operation, let handle = control.handle {
            guard subscriptions[handle].number == control.subscription, subscriptions[handle].answer == .pending else {
                return
            }
        }
        pendingControls.insert(control, at: 0)
    }
}
