internal import NIOCore

/// One Lightstreamer session: subscriptions, the count of data notifications, what was sent and what
/// waits. The caller gives it the time (monotonic nanoseconds). Owns no timer and no socket.
final class StreamSession {
    enum State {
        case bound(BoundConnection)
        /// Without a client; kept until the deadline.
        case unbound(deadline: Int64)
        case gone
    }

    let id: String
    let user: String
    let version: ProtocolVersion
    let limits: StreamLimits
    private(set) var state = State.unbound(deadline: .max)
    private(set) var subscriptions: [Int: Subscription] = [:]
    private var lines: DataLines
    private var held = HeldUpdates()

    /// The time of the last `tick`, for lines written between ticks.
    private var now: Int64 = 0
    /// No data goes out: a fault.
    var isSilent = false {
        didSet {
            guard !isSilent else { return }
            if case .bound(let connection) = state { connection.endLine() }
            drain()
        }
    }
    /// Not even `PROBE`s go out.
    var withholdsProbes = false
    /// A fault that breaks the connection.
    var interruption: Interruption?
    /// The next update has a field too few: a fault.
    var sendsShortUpdate = false
    /// Called when updates can no longer go straight to the client.
    var onStall: () -> Void = {}

    init(id: String, user: String, version: ProtocolVersion, limits: StreamLimits, now: Int64) {
        self.id = id
        self.user = user
        self.version = version
        self.limits = limits
        self.now = now
        lines = DataLines(bytesMax: limits.recoveryBytes)
    }

    /// Data notifications so far, sent or about to be.
    var count: Int { lines.count }
    var outlet: (any StreamOutlet)? { if case .bound(let connection) = state { connection.outlet } else { nil } }
    var isGone: Bool { if case .gone = state { true } else { false } }
    var itemCount: Int { subscriptions.values.reduce(0) { $0 + ($1.isZombie ? 0 : $1.items.count) } }

    /// Whether more updates can go straight to the client.
    var isReady: Bool {
        guard let outlet, !isSilent else { return false }
        return held.isEmpty && outlet.isWritable
    }

    /// Whether anything waits for the client.
    var hasWaiting: Bool { !held.isEmpty || lines.areWaiting }

    // MARK: Binding

    /// Binds a connection and sends the head of the stream.
    /// - Parameter resend: after a cut, what to send again, and the count it starts behind.
    func bind(
        to outlet: any StreamOutlet, _ binding: Binding, head: [String],
        resend: (position: Int, lines: [ByteBuffer])?, now: Int64
    ) {
        self.now = now
        let polledFrom = (resend?.lines.isEmpty ?? true) ? lines.sent : lines.sent - 1
        state = .bound(BoundConnection(outlet, binding, polledFrom: polledFrom, now: now))
        let progress = resend.map { ["PROG,\($0.position)"] } ?? []
        sendNow((head + progress).joined(separator: "\r\n") + "\r\n")
        for buffer in resend?.lines ?? [] { transmit(buffer) }
        flush()
        drain()
        endPollIfDone()
    }

    /// The data to resend to a client that has received `position` notifications; `nil` if it is not kept.
    func recover(from position: Int) -> [ByteBuffer]? { lines.sent(after: position) }

    /// The outlet's connection is gone. The session waits to be recovered.
    func outletClosed(_ closed: any StreamOutlet, now: Int64) {
        guard let outlet, outlet === closed else { return }
        state = .unbound(deadline: now + Int64(limits.sessionRecoveryMillis) * 1_000_000)
        onStall()
    }

    /// Asks the client to bind again and lets go of the connection.
    func loop(closingSocket: Bool = false) {
        guard case .bound(let connection) = state else { return }
        let (outlet, binding) = (connection.outlet, connection.binding)
        flushPending()
        sendNow("LOOP,\(binding.isPolling ? binding.pollingMillis : 0)\r\n")
        let wait = limits.sessionTimeoutMillis + (binding.isPolling ? binding.pollingMillis : 0)
        state = .unbound(deadline: now + Int64(wait) * 1_000_000)
        onStall()
        outlet.flush()
        outlet.endStream()
        if closingSocket { outlet.close() }
    }

    /// Ends the session for good.
    func end(code: Int, text: String, closingSocket: Bool = false) {
        if let outlet {
            flushPending()
            sendNow("END,\(code),\(percentEncoded(text))\r\n")
            outlet.flush()
            outlet.endStream()
            if closingSocket { outlet.close() }
        }
        leave()
    }

    private func leave() {
        state = .gone
        for subscription in subscriptions.values { stopListening(subscription) }
        subscriptions = [:]
    }

    // MARK: Subscriptions

    /// Announces a subscription and sends its snapshot. Source: TLCP § Order of answers.
    func add(_ subscription: Subscription, wantsSnapshot: Bool) {
        subscriptions[subscription.id] = subscription
        writeData("SUBOK,\(subscription.id),\(subscription.items.count),\(subscription.fieldCount)\r\n")
        confirm(subscription)
        for item in subscription.items {
            item.item.add(item)
            guard wantsSnapshot else { continue }
            if item.item.hasValues { writeUpdate(item, item.item.values) }
            if item.item.mode == .distinct, !item.item.playsSnapshot { write(.endOfSnapshot, of: item) }
        }
    }

    /// - Returns: whether there was such a subscription.
    func remove(subscription id: Int) -> Bool {
        guard let subscription = subscriptions.removeValue(forKey: id) else { return false }
        stopListening(subscription)
        held.removeAll(ofSubscription: id)
        writeData("UNSUB,\(id)\r\n")
        return true
    }

    func confirm(_ subscription: Subscription) {
        writeData("CONF,\(subscription.id),\(subscription.frequency),\(subscription.dispatching)\r\n")
    }

    private func stopListening(_ subscription: Subscription) {
        for item in subscription.items { item.item.remove(item) }
    }

    // MARK: Updates

    func itemChanged(_ item: SubscribedItem) {
        if isReady {
            writeUpdate(item, item.item.values)
            return
        }
        let lost = held.add(item)
        if item.dispatching == .unfiltered { item.untoldLosses += lost }
    }

    func write(_ notice: ItemNotice, of item: SubscribedItem) {
        switch notice {
        case .endOfSnapshot: writeData("EOS,\(item.subscription),\(item.number)\r\n")
        case .snapshotCleared: writeData("CS,\(item.subscription),\(item.number)\r\n")
        case .updatesLost(let count): writeOverflow(item, lost: count)
        }
    }

    func writeOverflow(_ item: SubscribedItem, lost: Int) {
        writeData("OV,\(item.subscription),\(item.number),\(lost)\r\n")
    }

    /// Reports to the client, as if the server had lost them, that updates of every item are missing.
    func reportLoss(_ lost: Int) {
        for subscription in subscriptions.values {
            for item in subscription.items { writeOverflow(item, lost: lost) }
        }
        flush()
    }

    private func writeUpdate(_ item: SubscribedItem, _ values: [FieldValue]) {
        let isShort = sendsShortUpdate && item.encoder.canBeShort
        if isShort { sendsShortUpdate = false }
        item.encoder.encode(values, into: &lines.waiting, leavingOut: isShort ? 1 : 0)
        dataLineWritten()
    }

    private func writeData(_ line: String) {
        lines.waiting.writeString(line)
        dataLineWritten()
    }

    private func dataLineWritten() {
        lines.countOne()
        if let interruption, count >= interruption.at { return interrupt(interruption) }
        if lines.fillsFrame { flushPending() }
        if case .bound(let connection) = state, connection.isFull(with: lines.waiting.readableBytes) { loop() }
    }

    private func interrupt(_ interruption: Interruption) {
        self.interruption = interruption.next
        switch interruption.kind {
        case .cut:
            flush()
            outlet?.cut()
        case .cutInFrame:
            guard let outlet, !isSilent else { return }
            outlet.cut(within: lines.take())
        case .loop: loop()
        }
    }

    /// Sends what was held, as far as the client reads.
    func drain() {
        while !held.isEmpty, !isSilent, let outlet, outlet.isWritable, let entry = held.next() {
            if entry.item.untoldLosses > 0 {
                writeOverflow(entry.item, lost: entry.item.untoldLosses)
                entry.item.untoldLosses = 0
            }
            writeUpdate(entry.item, entry.values)
        }
        flush()
    }

    // MARK: Sending

    /// Sends waiting lines and pushes them onto the wire.
    func flush() {
        flushPending()
        outlet?.flush()
    }

    private func flushPending() {
        guard lines.areWaiting, outlet != nil, !isSilent else { return }
        transmit(lines.take())
    }

    private func transmit(_ buffer: ByteBuffer) {
        guard case .bound(let connection) = state else { return }
        connection.send(buffer, now: now)
        if !connection.outlet.isWritable { onStall() }
    }

    private func sendNow(_ text: String) { transmit(ByteBuffer(string: text)) }

    /// Sends more of a line that never ends; when something else is to be sent, it ends as a `NOOP`.
    func drip(_ count: Int) {
        if case .bound(let connection) = state { connection.drip(count) }
    }

    /// A line other than a data notification, in order behind the written ones.
    func sendLine(_ line: String) {
        flushPending()
        sendNow(line + "\r\n")
        outlet?.flush()
    }

    // MARK: Time

    /// Does what is due: keep-alive, `SYNC`, the end of a poll, the end of waiting.
    func tick(now: Int64) {
        self.now = now
        switch state {
        case .gone: return
        case .unbound(let deadline):
            if now >= deadline { leave() }
        case .bound(let connection):
            switch connection.due(now: now, withholdsProbes: withholdsProbes) {
            case .nothing: break
            case .rebind: loop()
            case .line(let line): sendLine(line)
            }
        }
    }

    /// A poll is over once it has delivered something, or when it may not wait.
    func endPollIfDone() {
        if case .bound(let connection) = state, connection.isPollDone(sent: lines.sent) { loop() }
    }
}
