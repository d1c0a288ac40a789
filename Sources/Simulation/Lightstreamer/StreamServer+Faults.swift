/// The lasting faults.
struct FaultState {
    /// Behind which data line each new session is cut.
    var firstCut: Int?
    var cutEvery: Int?
    var silentItems: Set<String> = []
    var refusesWebSocket = false
    var refusedRecovery: Int?
    var progressBack = 0
    var isSilent = false
    var withholdsProbes = false
}

extension StreamServer {
    /// Lets a fault happen. `expireTokens` is the accounts' business, not ours.
    func apply(_ fault: Fault) {
        switch fault {
        case .cut(let after) where after == 0: for session in sessions.values { session.outlet?.cut() }
        case .cut(let after):
            faults.firstCut = after
            for session in sessions.values { session.cutAt = max(after, session.count + 1) }
        case .cutEvery(let lines):
            faults.cutEvery = lines
            faults.firstCut = lines
            for session in sessions.values {
                session.cutEvery = lines
                session.cutAt = session.count + lines
            }
        case .silence(let probes):
            faults.isSilent = true
            faults.withholdsProbes = !probes
            spreadSilence()
        case .silentItem(let name):
            faults.silentItems.insert(name)
            spreadSilence()
        case .end(let code):
            for session in sessions.values { end(session, code: code, text: "Session closed", closingSocket: false) }
        case .refuseEpic(let epic): catalogue.refusedEpics.insert(epic)
        case .refuseWebSocket: faults.refusesWebSocket = true
        case .refuseRecovery(let code): faults.refusedRecovery = code
        case .progressBack(let lines): faults.progressBack = lines
        case .loop: for session in sessions.values { session.loop() }
        case .expireTokens: break
        case .lost(let count):
            for session in sessions.values { session.reportLoss(count) }
        case .clear:
            faults = FaultState()
            catalogue.refusedEpics = []
            for session in sessions.values {
                session.cutAt = nil
                session.cutEvery = nil
            }
            spreadSilence()
        }
        onProgress()
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
