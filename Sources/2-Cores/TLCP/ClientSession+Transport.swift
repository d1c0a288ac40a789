extension ClientSession {
    // MARK: What transports bring

    /// A WebSocket is open (an HTTP stream need not say so).
    public mutating func transportOpened(_ id: TransportID, now: Duration) {
        guard transport?.id == id, case .opening(let attempt, _) = phase else { return }
        phase = .binding(attempt, since: now)
        guard transport?.isWebSocket == true else { return }
        actions.append(.send(id, message: Request.webSocketProof))
        actions.append(.send(id, message: request(for: attempt, isWebSocket: true).message))
    }

    /// A transport could not be opened, or ended.
    /// - Parameter reason: for people; no secrets.
    public mutating func transportClosed(
        _ id: TransportID, reason: String, now: Duration, into sink: inout some SessionSink
    ) {
        guard let closed = transport, closed.id == id else { return }
        transport = nil
        takesUpdates = false
        switch phase {
        case .opening(let attempt, _), .binding(let attempt, _):
            failed(attempt, on: closed, reason: reason, now: now, &sink)
        case .bound: cut(reason: reason, now: now, &sink)
        case .destroying: finishDestroying(&sink)
        case .idle, .waiting, .suspended, .stopped: break
        }
    }

    /// When `timePassed` must be called at the latest; `nil`: not before something else happens.
    public var nextDeadline: Duration? {
        switch phase {
        case .idle, .suspended, .stopped: return nil
        case .waiting(let until, _), .destroying(let until): return until
        case .opening(_, let since), .binding(_, let since): return since + options.answerWithin
        case .bound:
            var next = isStalled ? silenceLimit(options.cutAfter) : silenceLimit(options.stallAfter)
            if let catchUp, isCaughtUp() { next = min(next, max(catchUp.until, lastLine)) }
            if let retry = controls.postRetry { next = min(next, retry) }
            if awaitsProgress { next = min(next, boundAt + options.answerWithin) }
            if let resendAt = controls.resendAt { next = min(next, resendAt) }
            for subscription in subscriptions {
                if let at = subscription.askAt { next = min(next, at) }
                if waitsForAnswers, subscription.answer == .pending || subscription.renewal != nil {
                    next = min(next, subscription.askedAt + options.subscribeWithin)
                }
            }
            return next
        }
    }

    /// Gives the session the time. May be called at any moment.
    public mutating func timePassed(now: Duration, into sink: inout some SessionSink) {
        switch phase {
        case .idle, .suspended, .stopped: break
        case .waiting(let until, let attempt):
            guard now >= until else { return }
            let isWebSocket = options.transports != .httpOnly && !(attempt == .recover && recoverOverHTTP)
            open(attempt, isWebSocket: isWebSocket, now: now, &sink)
        case .opening(_, let since), .binding(_, let since):
            guard now >= since + options.answerWithin, let id = transport?.id else { return }
            actions.append(.close(id))
            transportClosed(id, reason: "no answer in time", now: now, into: &sink)
        case .destroying(let until):
            if now >= until { finishDestroying(&sink) }
        case .bound: boundTimePassed(now: now, &sink)
        }
    }

    private mutating func boundTimePassed(now: Duration, _ sink: inout some SessionSink) {
        if now >= silenceLimit(options.cutAfter) {
            closeTransport()
            return cut(reason: "silence", now: now, &sink)
        }
        if !isStalled, now >= silenceLimit(options.stallAfter) {
            isStalled = true
            sink.happened(.stalled)
        }
        if awaitsProgress, now >= boundAt + options.answerWithin { return fail("no PROG", now: now, &sink) }
        if waitsForAnswers { endUnanswered(now: now, &sink) }
        if let catchUp, now >= catchUp.until { endCatchUp(now: now, &sink) }
        if let resendAt = controls.resendAt, now >= resendAt { resendDoubtful() }
        if let retry = controls.postRetry, now >= retry {
            controls.postRetry = nil
            sendControls()
        }
        var isAsking = false
        for handle in subscriptions.indices {
            if let at = subscriptions[handle].askAt, now >= at {
                ask(for: handle, now: now)
                isAsking = true
            }
        }
        if isAsking { sendControls() }
    }

    /// The requests are on their way, and old answers of a recovery have ended.
    private var waitsForAnswers: Bool { !awaitsProgress && catchUp == nil && !controls.hasDoubtful }

    private func silenceLimit(_ extra: Duration) -> Duration {
        lastLine + .milliseconds(identity?.keepaliveMillis ?? 5_000) + extra
    }

    // MARK: Opening

    mutating func open(_ attempt: Attempt, isWebSocket: Bool, now: Duration, _ sink: inout some SessionSink) {
        lastTransport += 1
        let id = TransportID(number: lastTransport)
        transport = Transport(id: id, isWebSocket: isWebSocket)
        takesUpdates = false
        reader.reset()
        attemptStart = now
        sink.happened(.connecting(isWebSocket: isWebSocket))
        let endpoint = attempt == .create ? options.endpoint : identity?.link ?? options.endpoint
        phase = .opening(attempt, since: now)
        if isWebSocket {
            let subprotocol = "TLCP-\(options.protocolVersion).lightstreamer.com"
            actions.append(.openWebSocket(id, endpoint, subprotocol: subprotocol))
        } else {
            phase = .binding(attempt, since: now)
            let request = request(for: attempt, isWebSocket: false)
            let path = request.path(protocolVersion: options.protocolVersion)
            actions.append(.openStream(id, endpoint, path: path, body: request.body))
        }
    }

    func request(for attempt: Attempt, isWebSocket: Bool) -> Request {
        var line = Parameters()
        if attempt == .create {
            line.add("LS_adapter_set", optional: options.adapterSet)
            line.add("LS_cid", Parameters.clientKind)
            line.add("LS_user", optional: options.user)
            line.add("LS_password", optional: options.password)
            // None of the differences is wanted; both are understood if they come all the same.
            line.add("LS_supported_diffs", "")
            line.add("LS_keepalive_millis", optional: options.keepaliveMillis.map(String.init))
            line.add("LS_old_session", optional: lostSession)
        } else {
            line.add("LS_session", optional: identity?.session)
            if attempt == .recover { line.add("LS_recovery_from", received) }
            line.add("LS_keepalive_millis", optional: identity.map { String($0.keepaliveMillis) })
        }
        line.add("LS_send_sync", "false")
        if !isWebSocket { line.add("LS_content_length", options.contentLength) }
        return Request(attempt == .create ? "create_session" : "bind_session", [line])
    }

    mutating func closeTransport() {
        if let id = transport?.id { actions.append(.close(id)) }
        transport = nil
        takesUpdates = false
    }

    // MARK: Failing

    private mutating func failed(
        _ attempt: Attempt, on closed: Transport, reason: String, now: Duration, _ sink: inout some SessionSink
    ) {
        let isUnproven = closed.isWebSocket && !closed.isProven
        switch attempt {
        case .rebind: cut(reason: reason, now: now, &sink)
        case .create, .recover:
            if isUnproven, options.transports == .webSocketFirst {
                recoverOverHTTP = true
                sink.happened(.fellBackToHTTP(reason: reason))
                open(attempt, isWebSocket: false, now: now, &sink)
            } else if attempt == .create {
                pause(long: false, reason: reason, now: now, &sink)
            } else {
                if options.transports == .webSocketFirst { recoverOverHTTP = !closed.isWebSocket && closed.isProven }
                tryRecovery(at: max(now, attemptStart + options.recoverySpacing), reason: reason, now: now, &sink)
            }
        }
    }

    /// The connection is gone, the session may live: bind again with the count of what was received.
    mutating func cut(reason: String, now: Duration, _ sink: inout some SessionSink) {
        sink.happened(.cut(reason: reason))
        isStalled = false
        controls.connectionCut()
        recoveryDeadline = now + options.recoveryWindow
        attemptStart = now
        let jitter = Duration.milliseconds(Int(random.next() % 101))
        tryRecovery(at: now + jitter, reason: reason, now: now, &sink)
    }

    private mutating func tryRecovery(
        at next: Duration, reason: String, now: Duration, _ sink: inout some SessionSink
    ) {
        guard identity != nil, next <= recoveryDeadline else {
            giveUp(reason: reason, now: now, &sink)
            return pause(long: false, reason: reason, now: now, &sink)
        }
        phase = .waiting(until: next, .recover)
    }

    /// The session is lost: forget all about it.
    mutating func giveUp(reason: String, now: Duration, _ sink: inout some SessionSink) {
        closeTransport()
        if let identity {
            if now - identity.beganAt >= options.provenAfter {
                backoff.succeeded()
                longBackoff.succeeded()
            }
            sink.happened(.lost(reason: reason))
            lostSession = identity.session
        }
        identity = nil
        isStalled = false
        catchUp = nil
        flags = []
        awaitsProgress = false
        recoverOverHTTP = false
        received = 0
        serverAt = 0
        routes.removeAll()
        zombies = []
        retired = []
        controls.removeAll()
        allWereAnswered = false
        for handle in subscriptions.indices {
            subscriptions[handle].answer = .none
            subscriptions[handle].failures = 0
            subscriptions[handle].renewal = nil
        }
    }

    /// Creates a new session after a pause.
    mutating func pause(long: Bool, reason: String, now: Duration, _ sink: inout some SessionSink) {
        let pause = long ? longBackoff.failed(random: &random) : backoff.failed(random: &random)
        phase = .waiting(until: now + pause, .create)
        sink.happened(.waiting(pause, failures: long ? longBackoff.attempts : backoff.attempts, reason: reason))
    }

    mutating func finishDestroying(_ sink: inout some SessionSink) {
        closeTransport()
        phase = .stopped
        sink.happened(.destroyed)
    }
}
