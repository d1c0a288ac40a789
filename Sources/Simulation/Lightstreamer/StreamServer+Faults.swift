/// What breaks a session's connection, and behind which of its data notifications.
struct Interruption {
    enum Kind { case cut, cutInFrame, loop }

    let kind: Kind
    var at: Int
    /// Again so many notifications later; `nil`: once.
    let every: Int?

    /// The one after this one.
    var next: Interruption? { every.map { Interruption(kind: kind, at: at + $0, every: $0) } }
}

/// The lasting faults.
struct FaultState {
    /// What breaks the connections of each new session.
    var interruption: Interruption?
    var silentItems: Set<String> = []
    var refusesWebSocket = false
    var refusedCreation: Int?
    var refusedRecovery: Int?
    var progressBack = 0
    /// What every connection sends in a millisecond.
    var bytesAtOnce: Int?
    var isSilent = false
    var withholdsProbes = false
}

extension StreamServer {
    /// Lets a fault happen. What concerns REST alone is the accounts' business, not ours.
    func apply(_ fault: Fault) {
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
        case .slow(let bytes): faults.bytesAtOnce = bytes
        case .close: for session in sessions.values { session.outlet?.close() }
        case .silence(let probes):
            faults.isSilent = true
            faults.withholdsProbes = !probes
            spreadSilence()
        case .silentItem(let name):
            faults.silentItems.insert(name)
            spreadSilence()
        case .end(let code):
            // `null` stands where a destroy named no cause. Source: TLCP § Other operations.
            let text = code > 0 ? "Session closed" : "null"
            for session in sessions.values { end(session, code: code, text: text, closingSocket: false) }
        case .forget:
            for session in sessions.values {
                session.outlet?.cut()
                end(session, code: 0, text: "", closingSocket: false)
            }
        case .refuseEpic(let epic): catalogue.refusedEpics.insert(epic)
        case .refuseWebSocket: faults.refusesWebSocket = true
        case .refuseCreate(let code): faults.refusedCreation = code
        case .refuseRecovery(let code): faults.refusedRecovery = code
        case .progressBack(let lines): faults.progressBack = lines
        case .loop: for session in sessions.values { session.loop() }
        case .expireTokens, .refuseLogin, .staleLogins, .refusePrices, .losePrices: break
        case .lost(let count):
            for session in sessions.values { session.reportLoss(count) }
        case .clear:
            faults = FaultState()
            catalogue.refusedEpics = []
            for session in sessions.values { session.interruption = nil }
            spreadSilence()
        }
        onProgress()
    }

    private func interrupt(_ kind: Interruption.Kind, every lines: Int) {
        faults.interruption = Interruption(kind: kind, at: lines, every: lines)
        for session in sessions.values {
            session.interruption = Interruption(kind: kind, at: session.count + lines, every: lines)
        }
    }

    private func spreadSilence() {
        for session in sessions.values {
            session.withholdsProbes = faults.withholdsProbes
            session.isSilent = faults.isSilent
            for subscription in session.subscriptions.values {
                for item in subscription.items { item.isSilent = faults.silentItems.contains(item.item.name) }
            }
        }
    }
}
