internal import Logging
internal import MarketData

/// The broker's REST interface: requests in, replies out. The caller gives it the time. Owns no socket.
final class RESTServer {
    let accounts: Accounts
    let market: Market
    let settings: RESTSettings
    /// Of each client.
    var allowances: [Allowance]
    /// The streaming address for clients; known once the server listens.
    var streamURL = ""
    let logger: Logger
    private let admin: (RESTRequest) -> RESTReply?

    /// - Parameter admin: the simulator's own paths, outside the broker's interface.
    init(
        accounts: Accounts, market: Market, settings: RESTSettings, logger: Logger,
        admin: @escaping (RESTRequest) -> RESTReply?
    ) {
        self.accounts = accounts
        self.market = market
        self.settings = settings
        self.logger = logger
        self.admin = admin
        let allowance = Allowance(
            points: settings.points, accountPerMinute: settings.accountPerMinute, keyPerMinute: settings.keyPerMinute)
        allowances = accounts.clients.map { _ in allowance }
    }

    /// - Parameter now: monotonic nanoseconds.
    func reply(to request: RESTRequest, now: Int64) -> RESTReply {
        if let reply = admin(request) { return reply }
        do throws(RESTError) {
            return try route(request, now: now)
        } catch {
            logger.info(
                "request refused",
                metadata: ["path": "\(request.path)", "status": "\(error.status)", "error": "\(error.code)"])
            return RESTReply(status: error.status, body: ["errorCode": .string(error.code)])
        }
    }

    private func route(_ request: RESTRequest, now: Int64) throws(RESTError) -> RESTReply {
        let path = request.path.split(separator: "/").map(String.init)
        try checkKey(request)
        switch (request.method, path.first, path.count) {
        case ("POST", "session", 1): return try login(request)
        case ("POST", "session", 2) where path[1] == "refresh-token": return try refresh(request)
        case ("GET", "session", 2) where path[1] == "encryptionKey": return encryptionKey()
        default: break
        }
        let tokens = try authenticated(request)
        followFaults()
        try allowances[tokens.client].countRequest(at: now)
        switch (request.method, path.first, path.count) {
        case ("GET", "session", 1): return session(request, tokens)
        case ("PUT", "session", 1): return try switchAccount(request, tokens)
        case ("DELETE", "session", 1):
            accounts.logout(tokens)
            return RESTReply(status: 204)
        case ("GET", "operations", 2) where path[1] == "application" && !accounts.faults.hidesApplication:
            return application(request, tokens)
        case ("GET", "accounts", 1): return accountList(tokens)
        case ("GET", "markets", 1): return try markets(request)
        case ("GET", "markets", 2): return .ok(try market(path[1], version: request.version))
        case ("GET", "prices", 2...): return try prices(request, tokens, path: path, now: now)
        case ("GET", "positions", 1): return .ok(["positions": []])
        case ("GET", "workingorders", 1): return .ok(["workingOrders": []])
        case ("GET", "watchlists", 1): return .ok(["watchlists": []])
        default: throw .invalidURL
        }
    }

    private func followFaults() {
        let perMinute = accounts.faults.perMinute
        let points = accounts.faults.takePoints()
        for client in allowances.indices {
            allowances[client].accountPerMinute = perMinute?.account ?? settings.accountPerMinute
            allowances[client].keyPerMinute = perMinute?.key ?? settings.keyPerMinute
            if let points { allowances[client].leave(points) }
        }
    }

    private func checkKey(_ request: RESTRequest) throws(RESTError) {
        guard let key = request.headers["x-ig-api-key"], !key.isEmpty else {
            throw RESTError(status: 400, code: "error.security.api-key-missing")
        }
        guard accounts.credentials.apiKey == nil || accounts.credentials.apiKey == key else {
            throw RESTError(status: 403, code: "error.security.api-key-invalid")
        }
    }

    /// The tokens of a v1/v2 session, or the account of an OAuth one.
    private func authenticated(_ request: RESTRequest) throws(RESTError) -> Accounts.Tokens {
        if let authorization = request.headers["authorization"] {
            let token = authorization.hasPrefix("Bearer ") ? String(authorization.dropFirst(7)) : authorization
            guard let client = accounts.client(accessToken: token) else {
                throw RESTError(status: 401, code: "error.security.oauth-token-invalid")
            }
            let account = request.headers["ig-account-id"] ?? accounts.clients[client].accountIDs[0]
            return Accounts.Tokens(cst: "", accountToken: "", accountID: account, client: client)
        }
        guard let cst = request.headers["cst"], !cst.isEmpty else {
            throw RESTError(status: 401, code: "error.security.client-token-missing")
        }
        guard let token = request.headers["x-security-token"], !token.isEmpty else {
            throw RESTError(status: 401, code: "error.security.account-token-missing")
        }
        guard let tokens = accounts.sessions[cst] else {
            throw RESTError(status: 401, code: "error.security.client-token-invalid")
        }
        guard tokens.accountToken == token else {
            throw RESTError(status: 401, code: "error.security.account-token-invalid")
        }
        return tokens
    }
}

/// Limits and clocks of the REST interface.
public struct RESTSettings: Sendable {
    public var points = 10_000
    public var accountPerMinute: Int? = 30
    public var keyPerMinute: Int? = 60
    /// The stream's limit in `GET /operations/application`.
    public var subscriptionsMax = 40
    /// The clock of the account, which `snapshotTime` shows.
    public var accountClock = AccountClock.london

    public enum AccountClock: String, Sendable, CaseIterable { case london, newYork = "new-york", utc }

    var clock: LocalClock {
        switch accountClock {
        case .london: .london
        case .newYork: .newYork
        case .utc: .utc
        }
    }

    public init() {}
}
