/// Faults of the REST side on request. Source: ig-api § 11.
struct RESTFaults {
    /// The weekend's maintenance.
    var refusesLogins = false
    /// How many logins still bring dead tokens.
    var staleLogins = 0
    /// How many prices requests still get this answer.
    var refusedPrices: (count: Int, error: RESTError)?
    /// How many prices requests still get none.
    var lostPrices = 0
    /// The code with which a login ends every stream.
    var streamEnd: Int?
    /// The rest of the week's points from now on; more than all count as all.
    var newPoints: Int?
    private var hasTakenPoints = false
    /// Requests a minute instead of the settings' ones.
    var perMinute: (account: Int, key: Int)?
    /// Seconds after which an idle connection is as good as closed.
    var idleSeconds: Int?
    /// Faults of replies that IG's do not have.
    var candlePrice = 1
    var expirySeconds: Int?
    var historyShift = 0
    var swapsCandles = false
    var hidesApplication = false

    mutating func apply(_ fault: RESTFault) {
        switch fault {
        case .expireTokens: break
        case .refuseLogin: refusesLogins = true
        case .staleLogins(let count): staleLogins = count
        case .loginEndsStream(let code): streamEnd = code
        case .refusePrices(let count, let status, let code):
            refusedPrices = (count, RESTError(status: status, code: code))
        case .losePrices(let count): lostPrices = count
        case .points(let count):
            newPoints = count
            hasTakenPoints = true
        case .requestsPerMinute(let account, let key): perMinute = (account, key)
        case .closeIdle(let seconds): idleSeconds = seconds
        case .strange(let strangeness): apply(strangeness)
        }
    }

    private mutating func apply(_ strangeness: RESTFault.Strangeness) {
        switch strangeness {
        case .candlePrice(let points): candlePrice = points
        case .expiry(let seconds): expirySeconds = seconds
        case .historyShift(let seconds): historyShift = seconds
        case .swappedCandles: swapsCandles = true
        case .noApplication: hidesApplication = true
        }
    }

    mutating func clear() {
        let points: Int? = hasTakenPoints ? .max : nil
        self = RESTFaults()
        newPoints = points
    }

    mutating func takePoints() -> Int? {
        defer { newPoints = nil }
        return newPoints
    }

    /// The refusal of the next prices request, if it is to be refused.
    mutating func takeRefusal() -> RESTError? {
        guard let refused = refusedPrices else { return nil }
        refusedPrices = refused.count > 1 ? (refused.count - 1, refused.error) : nil
        return refused.error
    }

    /// Whether the next prices reply is lost.
    mutating func takeLoss() -> Bool {
        guard lostPrices > 0 else { return false }
        lostPrices -= 1
        return true
    }
}
