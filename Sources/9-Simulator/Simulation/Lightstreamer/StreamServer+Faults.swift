internal import MarketData

/// The fault of a session's connection, and the data notification behind which it strikes.
struct Interruption {
    enum Kind { case cut, cutInFrame, loop }

    let kind: Kind
    var at: Int
    /// Again this many notifications later; `nil`: once.
    let every: Int?

    /// The one after this one.
    var next: Interruption? { every.map { Interruption(kind: kind, at: at + $0, every: $0) } }
}

/// The lasting faults of the stream.
struct FaultState {
    /// The faults of each new session's connections.
    var interruption: Interruption?
    var silentItems: Set<String> = []
    /// Frequency limits by epic.
    var filters: [String: FrequencyLimit] = [:]
    var dropsEvery: Int?
    var refusesWebSocket = false
    var versionMax: ProtocolVersion?
    var refusedCreation: Int?
    var refusedRecovery: Int?
    var progressBack = 0
    /// The bytes that every connection sends in a millisecond.
    var bytesAtOnce: Int?
    /// The longest wait of bytes on a connection.
    var jitterMillis: Int?
    /// Monotonic nanoseconds: new connections close at once before this.
    var outageUntil: Int64?
    /// The bytes of a line without an end that every stream sends each time.
    var endlessBytes: Int?
    var isSilent = false
    var withholdsProbes = false

    /// Whether connections do not send at once what they are given.
    var isLineUneven: Bool { bytesAtOnce != nil || jitterMillis != nil }
}

extension StreamServer {
    /// Lets a fault happen. What concerns REST alone is the accounts' business, not ours.
    func apply(_ fault: Fault) {
        breakConnections(fault)
        quieten(fault)
        disturbSubscriptions(fault)
        refuse(fault)
        switch fault {
        case .market(let fault): market.faults.apply(fault, now: market.now)
        case .clear: clear()
        default: break
        }
        onProgress()
    }

    private func clear() {
        let wasFiltered = !faults.filters.isEmpty
        faults = FaultState()
        catalogue.refusedEpics = [:]
        catalogue.refusesAllUntil = nil
        market.faults.clear(now: market.now)
        for session in sessions.values {
            session.interruption = nil
            session.sendsShortUpdate = false
            for zombie in session.subscriptions.values where zombie.isZombie {
                _ = session.remove(subscription: zombie.id)
            }
        }
        if wasFiltered { changeFilters {} } else { setGates() }
        spreadSilence()
    }

    private func breakConnections(_ fault: Fault) {
        switch fault {
        case .cut(let after) where after == 0: for session in sessions.values { session.outlet?.cut() }
        case .cut(let after):
            faults.interruption = Interruption(kind: .cut, at: after, every: nil)
            for session in sessions.values {
                session.interruption = Interruption(kind: .cut, at: max(after, session.count + 1), every: nil)
            }
        case .cutEvery(let lines): interrupt(.cut, every: lines)
        case .cutFrameEvery(let lines): interrupt(.cutInFrame, every: lines)
        case .loopEvery(let lines): interrupt(.loop, every: lines)
        case .loop: for session in sessions.values { session.loop() }
        case .outage(let seconds):
            faults.outageUntil = now + Int64(seconds) * UTCNanos.perSecond
            for session in sessions.values { session.outlet?.cut() }
        case .close: for session in sessions.values { session.outlet?.close() }
        case .end(let code): endAll(code: code)
        case .forget:
            for session in sessions.values {
                session.outlet?.cut()
                end(session, code: 0, text: "", closingSocket: false)
            }
        default: break
        }
    }

    /// Ends every session. `null` stands for a destroy without a cause. Source: TLCP § Other operations.
    func endAll(code: Int) {
        let text = code > 0 ? "Session closed" : "null"
        for session in sessions.values { end(session, code: code, text: text, closingSocket: false) }
    }

    private func interrupt(_ kind: Interruption.Kind, every lines: Int) {
        faults.interruption = Interruption(kind: kind, at: lines, every: lines)
        for session in sessions.values {
            session.interruption = Interruption(kind: kind, at: session.count + lines, every: lines)
        }
    }

    private func quieten(_ fault: Fault) {
        switch fault {
        case .slow(let bytes): faults.bytesAtOnce = bytes
        case .jitter(let millis): faults.jitterMillis = millis
        case .silence(let probes):
            faults.isSilent = true
            faults.withholdsProbes = !probes
            spreadSilence()
        case .endlessLine(let bytes):
            faults.endlessBytes = bytes
            spreadSilence()
        default: break
        }
    }

    private func spreadSilence() {
        let isEndless = faults.endlessBytes != nil
        for session in sessions.values {
            session.withholdsProbes = faults.withholdsProbes || isEndless
            session.isSilent = faults.isSilent || isEndless
        }
    }

    private func refuse(_ fault: Fault) {
        switch fault {
        case .refuseEpic(let epic): catalogue.refusedEpics[epic] = .max
        case .refuseWebSocket: faults.refusesWebSocket = true
        case .protocolMax(let version): faults.versionMax = version
        case .refuseCreate(let code): faults.refusedCreation = code
        case .refuseRecovery(let code): faults.refusedRecovery = code
        case .progressBack(let lines): faults.progressBack = lines
        default: break
        }
    }
}
