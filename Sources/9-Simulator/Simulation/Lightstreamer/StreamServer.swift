internal import Logging
internal import MarketData
internal import NIOCore

/// A connection that sends requests: a WebSocket, or one HTTP exchange.
protocol StreamPeer: StreamOutlet {
    var isHTTP: Bool { get }
    var version: ProtocolVersion { get }
    var address: String { get }
    /// The session bound last on this connection: a WebSocket's control requests mean it.
    var lastSession: String? { get set }
    /// Answers the request; on HTTP the lines of one batch make one body.
    func reply(_ line: String)
}

/// The Lightstreamer server: sessions, and what clients ask of them. The caller gives it the time. Owns no socket.
final class StreamServer {
    let catalogue: ItemCatalogue
    let market: Market
    var limits: StreamLimits
    var faults = FaultState()
    private(set) var sessions: [String: StreamSession] = [:]
    /// Checks `LS_user` and `LS_password`; gives the account.
    var authenticate: (_ user: String, _ password: String) -> String?
    /// The limit of an account, if it has one of its own.
    var itemsMax: (_ account: String) -> Int? = { _ in nil }
    /// Called when something happened after which the market may go on.
    var onProgress: () -> Void = {}
    /// Set when a session cannot take more: at full speed the market then stops behind the present event.
    var isStalled = false
    /// Monotonic nanoseconds: when a client or the clock was last heard.
    private(set) var now: Int64 = 0
    let logger: Logger
    private var random: SeededRandom
    private var lineChance: SeededRandom
    private var sessionNumber = 0

    init(
        market: Market, limits: StreamLimits, seed: UInt64, logger: Logger,
        authenticate: @escaping (String, String) -> String?
    ) {
        self.market = market
        self.limits = limits
        self.logger = logger
        self.authenticate = authenticate
        catalogue = ItemCatalogue(market: market)
        random = SeededRandom(seed: seed ^ 0x5e55)
        lineChance = SeededRandom(seed: seed ^ 0x11e)
        market.capture?.breakOff = { [unowned self] fault in
            flush()
            apply(fault)
        }
        market.onSecond = { [unowned self] in sendOwed() }
    }

    func handle(_ request: StreamRequest, from peer: any StreamPeer, now: Int64) {
        advance(to: now)
        switch request.name {
        case .wsok: peer.reply("WSOK")
        case .createSession: create(request, from: peer, now: now)
        case .bindSession: bind(request.batch.first ?? RequestParameters(), from: peer, now: now)
        case .control: for parameters in request.batch { control(parameters, from: peer) }
        case .msg: for parameters in request.batch { message(parameters, from: peer) }
        case .heartbeat: if peer.isHTTP { peer.reply("REQOK") }
        }
        onProgress()
    }

    // MARK: Streams

    private func create(_ request: StreamRequest, from peer: any StreamPeer, now: Int64) {
        do throws(Refusal) {
            try admit(peer)
            let parameters = request.batch.first ?? RequestParameters()
            guard request.batch.count == 1, parameters["LS_op"] == nil else {
                throw Refusal(code: 64, text: "Requests in one with create_session are not served")
            }
            guard parameters["LS_cid"]?.isEmpty == false else { throw Refusal(code: 65, text: "Missing LS_cid") }
            guard ["DEFAULT", ""].contains(parameters["LS_adapter_set"] ?? "") else {
                throw Refusal(code: 2, text: "Requested Adapter Set not available")
            }
            if let code = faults.refusedCreation { throw Refusal(code: code, text: "Session refused") }
            guard let account = authenticate(parameters["LS_user"] ?? "", parameters["LS_password"] ?? "") else {
                throw Refusal(code: 1, text: "User/password check failed")
            }
            let session = StreamSession(
                id: makeSessionID(), user: account, version: peer.version, limits: limits, now: now)
            session.interruption = faults.interruption
            session.onStall = { [weak self] in self?.isStalled = true }
            session.withholdsProbes = faults.withholdsProbes || faults.endlessBytes != nil
            session.isSilent = faults.isSilent || faults.endlessBytes != nil
            sessions[session.id] = session
            logger.info("session created", metadata: ["session": "\(session.id)", "http": "\(peer.isHTTP)"])
            start(session, on: peer, parameters, resend: nil, isNew: true, now: now)
        } catch {
            peer.reply("CONERR,\(error.code),\(percentEncoded(error.text))")
        }
    }

    private func bind(_ parameters: RequestParameters, from peer: any StreamPeer, now: Int64) {
        do throws(Refusal) {
            try admit(peer)
            guard let id = parameters["LS_session"] ?? peer.lastSession, let session = sessions[id], !session.isGone
            else { throw .sessionNotFound }
            guard session.version == peer.version else {
                throw Refusal(code: 3, text: "Session of an incompatible protocol version")
            }
            var resend: (Int, [ByteBuffer])?
            if let text = parameters["LS_recovery_from"] {
                resend = try recovery(of: session, from: text)
            }
            // The client has given up the old connection, even if it still looks alive.
            if let old = session.outlet { old.cut() }
            logger.info(
                "session bound",
                metadata: ["session": "\(id)", "http": "\(peer.isHTTP)", "recovery": "\(resend?.0 ?? -1)"])
            start(session, on: peer, parameters, resend: resend, isNew: false, now: now)
        } catch {
            peer.reply("CONERR,\(error.code),\(percentEncoded(error.text))")
        }
    }

    private func admit(_ peer: any StreamPeer) throws(Refusal) {
        if let limit = faults.versionMax ?? limits.versionMax, peer.version > limit {
            throw Refusal(code: 65, text: "Unsupported protocol version: \(peer.version)")
        }
        if let id = peer.lastSession, let bound = sessions[id], bound.outlet === peer {
            throw Refusal(code: 69, text: "Another session is bound to this WebSocket")
        }
    }

    private func recovery(of session: StreamSession, from text: String) throws(Refusal) -> (Int, [ByteBuffer]) {
        if let code = faults.refusedRecovery {
            throw Refusal(code: code, text: code == 20 ? "Session not found" : "Recovery position not available")
        }
        guard let asked = Int(text), asked >= 0 else { throw Refusal(code: 65, text: "Invalid LS_recovery_from") }
        let lower = max(0, asked - faults.progressBack)
        if lower < asked, let lines = session.recover(from: lower) { return (lower, lines) }
        guard let lines = session.recover(from: asked) else {
            throw Refusal(code: 4, text: "Recovery position not available")
        }
        return (asked, lines)
    }

    private func start(
        _ session: StreamSession, on peer: any StreamPeer, _ parameters: RequestParameters,
        resend: (position: Int, lines: [ByteBuffer])?, isNew: Bool, now: Int64
    ) {
        let binding = Binding(parameters, limits: limits, isHTTP: peer.isHTTP)
        peer.lastSession = session.id
        let granted = binding.isPolling ? binding.idleMillis : binding.keepaliveMillis
        var head: [String] = []
        if isNew || !binding.reducesHead {
            head.append("CONOK,\(session.id),\(limits.requestBytesMax),\(granted),\(limits.controlLink)")
        }
        if peer.isHTTP, !binding.isPolling {
            head += Array(repeating: "NOOP,sending placeholder data", count: 2)
        }
        if !binding.reducesHead {
            if isNew { head += ["SERVNAME,Lightstreamer HTTP Server", "CLIENTIP,\(peer.address)"] }
            head.append("CONS,unlimited")
        }
        session.bind(to: peer, binding, head: head, resend: resend, now: now)
    }

    /// Chance for one connection's line; session ids do not depend on it.
    func makeChance() -> SeededRandom { SeededRandom(seed: lineChance.next()) }

    private func makeSessionID() -> String {
        sessionNumber += 1
        let name = String(random.next() | 1 << 63, radix: 16)
        let tail = String(random.next() % 0xffff + 0x1000, radix: 16)
        return "S\(name)M\(tail)T\(100_000 + sessionNumber)"
    }

    // MARK: Connections and time

    private func advance(to now: Int64) {
        self.now = max(self.now, now)
        catalogue.endRefusals(at: self.now)
    }

    func outletClosed(_ outlet: any StreamPeer, now: Int64) {
        guard let id = outlet.lastSession, let session = sessions[id] else { return }
        session.outletClosed(outlet, now: now)
        onProgress()
    }

    /// The outlet takes more again.
    func outletWritable(_ outlet: any StreamPeer) {
        if let id = outlet.lastSession, let session = sessions[id], session.outlet === outlet { session.drain() }
        onProgress()
    }

    /// Does what is due now, a few times a second.
    func tick(now: Int64) {
        advance(to: now)
        for session in sessions.values {
            session.tick(now: now)
            if let bytes = faults.endlessBytes { session.drip(bytes) }
        }
        let gone = sessions.values.filter(\.isGone)
        for session in gone {
            sessions[session.id] = nil
            logger.info("session gone", metadata: ["session": "\(session.id)", "count": "\(session.count)"])
        }
        if !gone.isEmpty { onProgress() }
    }

    /// Sends what the last turn of the market left waiting.
    func flush() {
        for session in sessions.values {
            session.flush()
            session.endPollIfDone()
        }
    }

    /// Whether every session with subscriptions takes updates at once.
    var isReady: Bool { sessions.values.allSatisfy { $0.itemCount == 0 || $0.isGone || $0.isReady } }

    /// Whether any session still has something to send.
    var hasWaiting: Bool { sessions.values.contains { !$0.isGone && $0.hasWaiting } }

    /// Whether everybody has everything: no session waits or is away.
    var isDelivered: Bool { isReady && !hasWaiting }

    /// The pairs whose ticks someone has subscribed to.
    var subscribedPairs: Set<Pair> {
        var pairs: Set<Pair> = []
        for session in sessions.values {
            for subscription in session.subscriptions.values {
                for item in subscription.items where item.item.mode == .distinct {
                    let parts = item.item.name.split(separator: ":")
                    guard parts.count == 3, let epic = Epic(parts[1]), let market = market.pair(named: epic.pairName)
                    else { continue }
                    pairs.insert(market.pair)
                }
            }
        }
        return pairs
    }

    func end(_ session: StreamSession, code: Int, text: String, closingSocket: Bool) {
        session.end(code: code, text: text, closingSocket: closingSocket)
        sessions[session.id] = nil
    }
}
