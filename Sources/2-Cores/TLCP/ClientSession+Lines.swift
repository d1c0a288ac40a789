extension ClientSession {
    /// Bytes of a transport: any piece of the stream.
    public mutating func received(
        _ bytes: UnsafeRawBufferPointer, from id: TransportID, now: Duration, into sink: inout some SessionSink
    ) {
        guard transport?.id == id, !bytes.isEmpty else { return }
        var rest = bytes
        while let piece = reader.next(&rest) {
            // Whole lines alone show that the server lives.
            lastLine = now
            if isStalled {
                isStalled = false
                sink.happened(.flowing)
            }
            switch piece {
            case .line(let line):
                if takesUpdates, UpdateLine.matches(line) {
                    guard takeUpdate(line, now: now, &sink) else { return }
                } else {
                    take(line, now: now, &sink)
                    // Nothing after the end of a session, or of its connection, is valid.
                    if transport?.id != id { return }
                }
            case .overlong:
                return fail("line longer than \(options.lineLengthMax) bytes", now: now, &sink)
            }
        }
    }

    /// A burst of reads is over: call it once all bytes that were there are handed in.
    public mutating func burstEnded(now: Duration, into sink: inout some SessionSink) {
        if catchUp != nil, serverAt > (catchUp?.from ?? 0), serverAt >= received { endCatchUp(now: now, &sink) }
    }

    /// The hot path: one update line.
    @inline(__always)
    private mutating func takeUpdate(
        _ line: UnsafeRawBufferPointer, now: Duration, _ sink: inout some SessionSink
    ) -> Bool {
        guard let update = UpdateLine(line) else {
            fail("malformed U line", now: now, &sink)
            return false
        }
        serverAt &+= 1
        if serverAt <= received { return true }
        received = serverAt
        guard let (handle, state) = routes.find(update.subscription, update.item) else {
            return unknown(update, now: now, &sink)
        }
        var flags = flags
        if state.pointee.isSnapshot { flags.insert(.snapshot) }
        if let error = state.pointee.take(update.values) {
            loseItem(handle, reason: "update refused: \(error)", now: now, &sink)
            return true
        }
        sink.updated(
            FieldUpdate(
                subscription: handle, item: update.item, fieldCount: state.pointee.fieldCount, flags: flags,
                slots: UnsafePointer(state.pointee.slots)))
        return true
    }

    /// An update for what we do not have: ask the server once to end it, as the official client does. An
    /// item that a subscription of ours does not have spoils the subscription.
    private mutating func unknown(_ update: UpdateLine, now: Duration, _ sink: inout some SessionSink) -> Bool {
        if retired.contains(update.subscription) { return true }
        if let handle = routes.handle(of: update.subscription), subscriptions[handle].answer == .active,
            subscriptions[handle].number == update.subscription
        {
            loseItem(handle, reason: "update of unknown item \(update.item)", now: now, &sink)
            return true
        }
        endZombie(update.subscription, &sink)
        return true
    }

    mutating func endZombie(_ subscription: Int, _ sink: inout some SessionSink) {
        // A bound on what a confused server can make us remember.
        guard zombies.count < 1_000, zombies.insert(subscription).inserted else { return }
        sink.happened(.oddLine("unknown subscription \(subscription)"))
        controls.add(.delete(cause: "zombie"), subscription: subscription)
        sendControls()
    }

    private mutating func take(_ text: UnsafeRawBufferPointer, now: Duration, _ sink: inout some SessionSink) {
        if text.isEmpty { return }
        if UpdateLine.matches(text) {
            if phase == .bound { fail("data before PROG", now: now, &sink) }
            return
        }
        let line: ServerLine
        do throws(LineError) {
            line = try ServerLine(text)
        } catch {
            if error.isData || error.tag == "CONOK" || error.tag == "PROG" || error.tag == "END" {
                return fail("\(error)", now: now, &sink)
            }
            return sink.happened(.oddLine("\(error)"))
        }
        if line.isData { takeData(line, now: now, &sink) } else { takeOther(line, now: now, &sink) }
    }

    private mutating func takeOther(_ line: ServerLine, now: Duration, _ sink: inout some SessionSink) {
        switch line {
        case .webSocketProven: transport?.isProven = true
        case .sessionOpened(let session, let limit, let keepalive, let link):
            opened(session, limit: limit, keepaliveMillis: keepalive, link: link, now: now, &sink)
        case .sessionRefused(let code, let text):
            guard case .binding(let attempt, _) = phase else { return fail("CONERR,\(code)", now: now, &sink) }
            refused(attempt, code: code, text: text, now: now, &sink)
        case .ended(let code, let text): ended(code: code, text: text, now: now, &sink)
        case .progress(let count): progress(count, now: now, &sink)
        case .loop: looped(now: now, &sink)
        case .requestAccepted(let request): if let request { controls.answered(request) }
        case .requestRefused(let request, let code, let text):
            requestRefused(request, code: code, text: text, now: now, &sink)
        case .requestNotUnderstood(let code, let text): fail("ERROR,\(code) \(text)", now: now, &sink)
        case .unknown(let tag): sink.happened(.oddLine("unknown line \(tag)"))
        case .serverName, .clientAddress, .bandwidth, .filler, .probe, .synchronise: break
        case .subscribed, .subscribedCommand, .configured, .endOfSnapshot, .snapshotCleared, .updatesLost,
            .unsubscribed, .messageDone, .messageFailed:
            preconditionFailure("data lines are taken by takeData")
        }
    }

    private mutating func takeData(_ line: ServerLine, now: Duration, _ sink: inout some SessionSink) {
        // Lines that come while no session is bound belong to another connection.
        guard phase == .bound else { return }
        guard !awaitsProgress else { return fail("data before PROG", now: now, &sink) }
        serverAt &+= 1
        if serverAt <= received { return }
        received = serverAt
        switch line {
        case .subscribed(let subscription, let items, let fields),
            .subscribedCommand(let subscription, let items, let fields, _, _):
            subscribed(subscription, items: items, fields: fields, now: now, &sink)
        case .configured(let subscription, let frequency, let isFiltered):
            guard let handle = currentHandle(subscription) else { return }
            sink.happened(.configured(handle, frequency: frequency, isFiltered: isFiltered))
        case .endOfSnapshot(let subscription, let item):
            guard let (handle, state) = routes.find(subscription, item) else { return }
            state.pointee.isSnapshot = false
            sink.happened(.endOfSnapshot(handle, item: item))
        case .snapshotCleared(let subscription, let item):
            guard let (handle, _) = routes.find(subscription, item) else { return }
            sink.happened(.snapshotCleared(handle, item: item))
        case .updatesLost(let subscription, let item, let count):
            guard let handle = currentHandle(subscription) else { return }
            sink.happened(.updatesLost(handle, item: item, count: count))
        case .unsubscribed(let subscription): unsubscribed(subscription, now: now, &sink)
        default: break
        }
    }

    /// The caller's number, unless another subscription has taken the place of this one.
    private func currentHandle(_ subscription: Int) -> Int? {
        routes.handle(of: subscription).flatMap { subscriptions[$0].number == subscription ? $0 : nil }
    }

    // MARK: Heads and ends

    private mutating func opened(
        _ session: String, limit: Int, keepaliveMillis: Int, link: String, now: Duration,
        _ sink: inout some SessionSink
    ) {
        guard case .binding(let attempt, _) = phase else { return fail("CONOK out of place", now: now, &sink) }
        transport?.isProven = true
        if attempt != .create, identity?.session != session {
            return fail("bound to a session other than the requested one", now: now, &sink)
        }
        phase = .bound
        boundAt = now
        let link = options.endpoint.followed(by: link)
        // Zero means a server that never sends PROBE; then only the transport reports a cut.
        let keepalive = min(max(keepaliveMillis, 500), 300_000)
        if attempt == .create {
            identity = Identity(
                session: session, link: link, requestLimit: limit, keepaliveMillis: keepalive, beganAt: now)
            received = 0
            sink.happened(.began(replacing: lostSession != nil))
            for handle in subscriptions.indices where subscriptions[handle].isWanted {
                ask(for: handle, now: now)
            }
        } else {
            identity?.link = link
            identity?.requestLimit = limit
            identity?.keepaliveMillis = keepalive
        }
        // After a LOOP in the middle of a resend the known notifications are still not all through.
        if attempt != .rebind { serverAt = received }
        awaitsProgress = attempt == .recover
        takesUpdates = attempt != .recover
        if attempt == .recover { flags.insert(.recovered) }
        if attempt == .rebind { sink.happened(.preserved) }
        sendControls()
    }

    private mutating func progress(_ count: UInt64, now: Duration, _ sink: inout some SessionSink) {
        guard phase == .bound else { return }
        // Higher: what lies between is lost. Without a recovery the server may only confirm our count.
        guard count <= received, awaitsProgress || count == serverAt else {
            return fail("PROG,\(count) after \(received) notifications", now: now, &sink)
        }
        guard awaitsProgress else { return }
        serverAt = count
        awaitsProgress = false
        takesUpdates = true
        let from = catchUp.map { min($0.from, count) } ?? count
        catchUp = CatchUp(from: from, until: now + .milliseconds(100))
    }

    func isCaughtUp() -> Bool { serverAt >= received }

    mutating func endCatchUp(now: Duration, _ sink: inout some SessionSink) {
        guard let from = catchUp?.from, isCaughtUp() else { return }
        catchUp = nil
        flags.remove(.recovered)
        sink.happened(.recovered(resent: Int(clamping: serverAt &- from)))
        controls.waitForAnswers(until: now + options.requeueAfter)
        sendControls()
    }

    private mutating func looped(now: Duration, _ sink: inout some SessionSink) {
        guard phase == .bound, let transport else { return }
        takesUpdates = false
        if awaitsProgress { return fail("LOOP before PROG", now: now, &sink) }
        if catchUp != nil { endCatchUp(now: now, &sink) }
        if transport.isWebSocket {
            phase = .binding(.rebind, since: now)
            actions.append(.send(transport.id, message: request(for: .rebind, isWebSocket: true).message))
        } else {
            closeTransport()
            open(.rebind, isWebSocket: false, now: now, &sink)
        }
    }

    private mutating func refused(
        _ attempt: Attempt, code: Int, text: String, now: Duration, _ sink: inout some SessionSink
    ) {
        transport?.isProven = true
        if attempt == .recover { sink.happened(.recoveryRefused(code: code)) }
        finish(SessionDisposition(refusal: code), code: code, text: text, now: now, &sink)
    }

    private mutating func ended(code: Int, text: String, now: Duration, _ sink: inout some SessionSink) {
        if isDestroying { return finishDestroying(&sink) }
        finish(SessionDisposition(ending: code), code: code, text: text, now: now, &sink)
    }

    /// An error of the protocol: the session's state is not sure any more.
    mutating func fail(_ reason: String, now: Duration, _ sink: inout some SessionSink) {
        if isDestroying { return finishDestroying(&sink) }
        sink.happened(.oddLine(reason))
        finish(.backOff, code: 0, text: reason, now: now, &sink)
    }

    /// The present session, or the attempt to make one, is over.
    mutating func finish(
        _ disposition: SessionDisposition, code: Int, text: String, now: Duration, _ sink: inout some SessionSink
    ) {
        let reason = "code \(code) \(text)"
        let hadSession = identity != nil
        giveUp(reason: reason, now: now, &sink)
        switch disposition {
        case .newSession where hadSession && backoff.attempts == 0:
            _ = backoff.failed(random: &random)
            let jitter = Duration.milliseconds(Int(random.next() % 101))
            phase = .waiting(until: now + jitter, .create)
            sink.happened(.waiting(jitter, failures: 0, reason: reason))
        case .newSession, .backOff: pause(long: false, reason: reason, now: now, &sink)
        case .longBackOff: pause(long: true, reason: reason, now: now, &sink)
        case .credentials:
            phase = .suspended
            sink.happened(.credentialsRefused(code: code, text: text))
        case .stop:
            phase = .stopped
            sink.happened(.stopped(code: code, text: text))
        }
    }
}
