public import Host
public import IG
public import MarketData

/// A session at the broker: where the stream is and what opens it.
public struct BrokerLogin: Sendable {
    /// The account whose prices are streamed.
    public let accountID: String
    /// A URL without a path.
    public let lightstreamerEndpoint: String
    /// Hours that the account's clock is ahead of UTC, daylight saving included.
    public let timezoneOffset: Int
    /// The broker's clock at the login; `nil` where it did not say.
    public let serverTime: UTCNanos?
    /// `CST`.
    public let clientToken: Secret
    /// `X-SECURITY-TOKEN`.
    public let accountToken: Secret
    /// What the broker allows; `nil` if it did not say.
    public internal(set) var limits: ApplicationLimits?

    /// What each request of the session carries.
    public var headers: [(name: String, value: Secret)] {
        [("CST", clientToken), ("X-SECURITY-TOKEN", accountToken)]
    }

    /// `LS_password`. Source: `ig-api` § 9.2.
    public var streamPassword: Secret { Secret("CST-\(clientToken.reveal())|XST-\(accountToken.reveal())") }
}

extension RESTClient {
    /// Logs in, and goes over to the wanted account where the broker prefers another one.
    ///
    /// - Throws: `Failure` (78) where trying again cannot help: one clear line, no secrets. `RESTError`
    ///   where it may succeed later.
    public static func login(_ credentials: Credentials, trustFile: String? = nil) throws -> BrokerLogin {
        try RESTClient(base: credentials.restURL, apiKey: credentials.apiKey, trustFile: trustFile).login(credentials)
    }

    /// The same over this client.
    public func login(_ credentials: Credentials) throws -> BrokerLogin {
        let refusal: RESTError
        do throws(RESTError) {
            var login = try tryLogin(credentials)
            login.limits = limits(of: login)
            return login
        } catch {
            refusal = error
        }
        guard refusal.disposition.forLogin == .final, case .refused(_, let errorCode) = refusal.cause else {
            throw refusal
        }
        throw Failure(
            .configuration,
            "login at \(credentials.restURL) refused: \(RESTError.advice(errorCode: errorCode)) [\(errorCode)]")
    }

    /// The same, with the broker's refusal as it came.
    public func tryLogin(_ credentials: Credentials) throws(RESTError) -> BrokerLogin {
        let body = LoginMessage.body(
            identifier: credentials.identifier.reveal(), password: credentials.password.reveal())
        let request = RESTRequest(.post, "/session", version: LoginMessage.version, body: body)
        let reply = try send(request)
        guard let session = LoginReply(body: reply.body) else {
            throw RESTError(operation: request.operation, cause: .unreadable("the session is missing"))
        }
        guard let client = reply.headers["cst"], let account = reply.headers["x-security-token"] else {
            throw RESTError(operation: request.operation, cause: .unreadable("the headers lack the tokens"))
        }
        let login = BrokerLogin(
            accountID: session.currentAccountId, lightstreamerEndpoint: session.lightstreamerEndpoint,
            timezoneOffset: session.timezoneOffset, serverTime: reply.serverTime, clientToken: client,
            accountToken: account)
        guard let wanted = credentials.accountID, wanted != login.accountID else { return login }
        return try go(over: login, to: wanted)
    }

    /// What the broker allows; `nil` if it does not say: a login without it is a login all the same.
    public func limits(of login: BrokerLogin) -> ApplicationLimits? {
        var request = RESTRequest(.get, ApplicationLimits.path, version: ApplicationLimits.version)
        request.headers = login.headers
        guard let reply = try? send(request) else { return nil }
        return ApplicationLimits(body: reply.body, apiKey: apiKey.reveal())
    }

    /// `PUT /session`: the tokens change. Source: `ig-api` § 2.5.
    private func go(over login: BrokerLogin, to accountID: String) throws(RESTError) -> BrokerLogin {
        var request = RESTRequest(
            .put, "/session", version: 1, body: LoginMessage.switchBody(accountID: accountID))
        request.headers = login.headers
        let reply = try send(request)
        return BrokerLogin(
            accountID: accountID, lightstreamerEndpoint: login.lightstreamerEndpoint,
            timezoneOffset: login.timezoneOffset, serverTime: login.serverTime,
            clientToken: reply.headers["cst"] ?? login.clientToken,
            accountToken: reply.headers["x-security-token"] ?? login.accountToken)
    }
}
