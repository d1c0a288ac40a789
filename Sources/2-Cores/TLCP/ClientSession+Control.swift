/// Control requests: sent in as few messages as the server's limit allows, and again if a connection took them along.
extension ClientSession {
    /// Sends what is queued. Over HTTP one POST at a time.
    mutating func sendControls() {
        guard phase == .bound || isDestroying, let transport, let identity, !controls.isEmpty else { return }
        // Lines resent after a recovery may answer queued requests.
        guard isDestroying || !awaitsProgress && catchUp == nil else { return }
        if transport.isWebSocket {
            for request in controls.takeAll(limit: identity.requestLimit) {
                actions.append(.send(transport.id, message: request.message))
            }
            return
        }
        let id = TransportID(number: lastTransport + 1)
        guard let request = controls.takePost(id, session: identity.session, limit: identity.requestLimit) else {
            return
        }
        lastTransport = id.number
        let path = request.path(protocolVersion: options.protocolVersion, session: identity.session)
        actions.append(.post(id, identity.link, path: path, body: request.body))
    }

    /// The body that answered a POST; its lines are treated as those of the stream.
    public mutating func postAnswered(
        _ id: TransportID, body: UnsafeRawBufferPointer, now: Duration, into sink: inout some SessionSink
    ) {
        guard controls.postEnded(id) != nil else { return }
        var lines = LineReader(lengthMax: options.lineLengthMax)
        var rest = body
        while let piece = lines.next(&rest) {
            guard case .line(let text) = piece, !text.isEmpty, let line = try? ServerLine(text) else {
                // A malformed answer: its request stays unanswered, as if the answer were lost.
                continue
            }
            switch line {
            case .requestAccepted(let request?): controls.answered(request)
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
        guard let requests = controls.postEnded(id) else { return }
        for request in requests.reversed() {
            if let control = controls.answered(request) { requeue(control) }
        }
        controls.postRetry = now + options.retryBase
    }

    /// Sends the doubtful requests again that had no effect.
    mutating func resendDoubtful() {
        for control in controls.takeDoubtful().reversed() { requeue(control) }
        sendControls()
    }

    private mutating func requeue(_ control: ControlQueue.Control) {
        if case .add = control.operation, let handle = control.handle {
            let isRenewal = subscriptions[handle].renewal == control.subscription
            guard
                isRenewal
                    || subscriptions[handle].number == control.subscription && subscriptions[handle].answer == .pending
            else { return }
        }
        controls.addFirst(control)
    }
}
