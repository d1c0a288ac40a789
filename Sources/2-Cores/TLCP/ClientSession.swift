/// A Lightstreamer client session: bytes and times in, actions and updates out. It owns no socket and no
/// clock, so that every turn of it can be tested.
///
/// The owner feeds it with what its transports bring and with the time (any monotonic one), then carries
/// out `takeActions()` and comes back at `nextDeadline`. Bytes of transports that were closed or replaced
/// are ignored, so late calls do no harm.
///
/// Source: TLCP § Session model, § Liveness, § LOOP and rebind, § Recovery after a cut.
public struct ClientSession: ~Copyable {
    enum Attempt: Hashable {
        case create
        /// After `LOOP`: a plain bind, nothing is resent.
        case rebind
        /// After a cut: with the count of what was received.
        case recover
    }

    enum Phase: Hashable {
        case idle
        case waiting(until: Duration, Attempt)
        /// The transport is being opened.
        case opening(Attempt, since: Duration)
        /// The request is sent; `CONOK` is awaited.
        case binding(Attempt, since: Duration)
        case bound
        case suspended
        case destroying(until: Duration)
        case stopped
    }

    struct Transport: Hashable {
        let id: TransportID
        let isWebSocket: Bool
        /// `WSOK` came: WebSockets work here.
        var isProven = false
    }

    /// The server's facts about the present session.
    struct Identity: Hashable {
        let session: String
        var link: Endpoint
        var requestLimit: Int
        var keepaliveMillis: Int
        let beganAt: Duration
    }

    enum Answer: Hashable {
        case none, pending, active
        /// A reserved one that waits until those that were ended are gone; asked for then at the latest.
        case waiting(until: Duration)
        /// The server failed for now: not answered yet.
        case retry(at: Duration)
        /// Ended or refused by the server: asked for again then.
        case askAgain(at: Duration)
    }

    struct Subscription {
        let request: SubscriptionRequest
        var number = 0
        var answer = Answer.none
        var isWanted = true
        /// Reserved: its owner opens and closes it, and `allAnswered` does not wait for it.
        var isOptional = false
        /// Answers of this session that said: try again.
        var failures = 0
        /// The number of a subscription that is to take the place of the active one.
        var renewal: Int?
        /// How often it was ended or refused since it last held.
        var refusals = 0
        /// When it was asked for, or its renewal was.
        var askedAt = Duration.zero
        /// When an update did not fit.
        var spoiltAt: Duration?
        /// When it became active.
        var since = Duration.zero

        /// When it is to be asked for again.
        var askAt: Duration? {
            switch answer {
            case .retry(let at), .askAgain(let at), .waiting(let at): at
            case .none, .pending, .active: nil
            }
        }
    }

    public internal(set) var options: SessionOptions
    var phase = Phase.idle
    var transport: Transport?
    var identity: Identity?
    var lostSession: String?
    var subscriptions: [Subscription] = []
    var allWereAnswered = false

    /// Data notifications received since the session began, and the number of the last one the present
    /// connection brought. Lower than `received`: known ones are coming again.
    var received: UInt64 = 0
    var serverAt: UInt64 = 0
    var awaitsProgress = false
    /// Bound, and the count is sure: updates may be taken.
    var takesUpdates = false
    var catchUp: CatchUp?
    var flags: FieldUpdate.Flags = []

    var lastLine = Duration.zero
    var isStalled = false
    var recoveryDeadline = Duration.zero
    var attemptStart = Duration.zero
    /// When the present connection was bound.
    var boundAt = Duration.zero
    var recoverOverHTTP = false

    var reader: LineReader
    var routes = RouteTable()
    var actions: [SessionAction] = []
    var controls = ControlQueue()
    var lastTransport = 0
    var zombies: Set<Int> = []
    /// Numbers whose updates are not wanted any more: their end is on its way.
    var retired: Set<Int> = []
    var random: Jitter
    var backoff: Backoff
    var longBackoff: Backoff

    /// The stretch after a recovery in which what comes may be from before the cut. The protocol marks no
    /// end of it on a streaming bind; ours is the end of the first read that brought data.
    struct CatchUp: Hashable {
        /// The count to which the server went back.
        let from: UInt64
        let until: Duration
    }

    /// - Parameter seed: of the random part of the pauses.
    public init(options: SessionOptions, seed: UInt64) {
        self.options = options
        reader = LineReader(lengthMax: options.lineLengthMax)
        random = Jitter(seed: seed)
        backoff = Backoff(base: options.retryBase, ceiling: options.retryCeiling)
        longBackoff = Backoff(base: options.longRetryBase, ceiling: options.longRetryCeiling)
    }

    // MARK: What the owner asks for

    /// Adds a subscription to this session and all that follow it.
    /// - Returns: the number under which updates and events name it, from 0.
    public mutating func subscribe(_ request: SubscriptionRequest, now: Duration) -> Int {
        precondition(!request.items.isEmpty && !request.fields.isEmpty)
        subscriptions.append(Subscription(request: request))
        allWereAnswered = false
        if phase == .bound {
            ask(for: subscriptions.count - 1, now: now)
            sendControls()
        }
        return subscriptions.count - 1
    }

    /// Makes room for a subscription that comes and goes: `open` and `close` it. `allAnswered` does not wait for it.
    /// - Returns: the number under which updates and events name it.
    public mutating func reserve(_ request: SubscriptionRequest) -> Int {
        precondition(!request.items.isEmpty && !request.fields.isEmpty)
        var subscription = Subscription(request: request)
        (subscription.isWanted, subscription.isOptional) = (false, true)
        subscriptions.append(subscription)
        return subscriptions.count - 1
    }

    /// Asks for a reserved subscription, in this session and in all that follow it, until it is closed. Waits for the
    /// end of those that were closed: servers count items, and handle requests in any order (`tlcp` § Requests).
    public mutating func open(_ handle: Int, now: Duration) {
        guard subscriptions[handle].isOptional, !subscriptions[handle].isWanted else { return }
        subscriptions[handle].isWanted = true
        guard identity != nil else { return }
        subscriptions[handle].answer = .waiting(until: now + options.endWithin)
        openWaiting(now: now)
    }

    /// Ends a reserved subscription: nothing more comes of it, no `unsubscribed` either.
    public mutating func close(_ handle: Int) {
        guard subscriptions[handle].isOptional, subscriptions[handle].isWanted else { return }
        subscriptions[handle].isWanted = false
        drop(handle)
    }

    /// Ends a subscription; `unsubscribed` follows after its last update.
    public mutating func unsubscribe(_ handle: Int) {
        guard subscriptions.indices.contains(handle), subscriptions[handle].isWanted else { return }
        subscriptions[handle].isWanted = false
        guard identity != nil, subscriptions[handle].answer == .active || subscriptions[handle].answer == .pending
        else { return }
        controls.add(.delete(cause: nil), handle: handle, subscription: subscriptions[handle].number)
        sendControls()
    }

    /// Subscribes to the same anew while the present subscription goes on, and then ends that one: the snapshot shows
    /// whether the present one is dead. `renewed` follows; nothing if the server refuses.
    public mutating func renew(_ handle: Int, now: Duration) {
        guard phase == .bound, subscriptions.indices.contains(handle), subscriptions[handle].answer == .active,
            subscriptions[handle].renewal == nil
        else { return }
        let number = routes.add(handle: handle)
        subscriptions[handle].renewal = number
        subscriptions[handle].askedAt = now
        controls.add(.add(subscriptions[handle].request), handle: handle, subscription: number)
        sendControls()
    }

    /// Asks now for what the server ended or refused.
    public mutating func askAgain(now: Duration) {
        guard phase == .bound else { return }
        for handle in subscriptions.indices {
            if case .askAgain = subscriptions[handle].answer { ask(for: handle, now: now) }
        }
        sendControls()
    }

    /// Sends another control request, such as `forceRebind`.
    public mutating func control(_ operation: ControlOperation, subscription handle: Int? = nil) {
        let number = handle.map { subscriptions[$0].number }
        controls.add(operation, subscription: number)
        sendControls()
    }

    /// Begins: creates the first session.
    public mutating func start(now: Duration, into sink: inout some SessionSink) {
        guard phase == .idle else { return }
        open(.create, isWebSocket: options.transports != .httpOnly, now: now, &sink)
    }

    /// Goes on with new credentials, after `credentialsRefused`; in any other state the present session is
    /// given up for a new one.
    public mutating func resume(
        endpoint: Endpoint, user: String?, password: String?, now: Duration, into sink: inout some SessionSink
    ) {
        options.endpoint = endpoint
        options.user = user
        options.password = password
        if phase == .stopped || isDestroying { return }
        if identity != nil { giveUp(reason: "new credentials", now: now, &sink) }
        closeTransport()
        open(.create, isWebSocket: options.transports != .httpOnly, now: now, &sink)
    }

    /// Ends the session on the server too; `destroyed` follows within a second.
    public mutating func stop(now: Duration, into sink: inout some SessionSink) {
        switch phase {
        case .stopped, .destroying: return
        case .bound:
            controls.addOnly(.destroy)
            sendControls()
            phase = .destroying(until: now + .seconds(1))
            takesUpdates = false
        case .idle, .waiting, .opening, .binding, .suspended:
            closeTransport()
            phase = .stopped
            sink.happened(.destroyed)
        }
    }

    /// The actions due now, in order; each is returned once.
    public mutating func takeActions() -> [SessionAction] {
        if actions.isEmpty { return [] }
        defer { actions.removeAll() }
        return actions
    }

    /// Whether there is something in `takeActions()`.
    public var hasActions: Bool { !actions.isEmpty }

    /// Whether a session is bound and flows.
    public var isBound: Bool { phase == .bound }

    /// Whether the present transport is a WebSocket; `nil` without one.
    public var isOnWebSocket: Bool? { transport?.isWebSocket }

    var isDestroying: Bool { if case .destroying = phase { true } else { false } }
}
