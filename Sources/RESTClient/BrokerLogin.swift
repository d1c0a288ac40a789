internal import BrokerAPI
public import Host

/// A session at the broker: where the stream is and what opens it.
public struct BrokerLogin: Sendable {
    /// The account whose prices are streamed.
    public let accountID: String
    /// A URL without a path.
    public let lightstreamerEndpoint: String
    public let timezoneOffset: Int
    /// `CST`.
    public let clientToken: Secret
    /// `X-SECURITY-TOKEN`.
    public let accountToken: Secret

    /// `LS_password`. Source: `ig-api` § 9.2.
    public var streamPassword: Secret { Secret("CST-\(clientToken.reveal())|XST-\(accountToken.reveal())") }
}

extension RESTClient {
    /// Logs in, and goes over to the wanted account where the broker prefers another one.
    ///
    /// - Throws: `Failure` (78) where trying again cannot help: one clear line, no secrets. `RESTError`
    ///   where it may succeed later.
    public static func login(_ credentials: Credentials, trustFile: String? = nil) throws -> BrokerLogin {
        let client = RESTClient(
            base: credentials.restURL, apiKey: credentials.apiKey, trustFile: trustFile)
        do {
            return try client.login(credentials)
        } catch let error as RESTError where error.disposition.forLogin == .final {
            guard case .refused(_, let errorCode) = error.cause else { throw error }
            throw Failure(
                .configuration,
                "login at \(credentials.restURL) refused: \(RESTError.advice(errorCode: errorCode)) [\(errorCode)]")
        }
    }

    private func login(_ credentials: Credentials) throws -> BrokerLogin {
        let body = LoginMessage.body(
            identifier: credentials.identifier.reveal(), password: credentials.password.reveal())
        let request = RESTRequest(.post, "/session", version: LoginMessage.version, body: body)
        let reply = try send(request)
        guard let session = LoginReply(body: reply.body) else {
            throw RESTError(operation: request.operation, cause: .unreadable("no session in it"))
        }
        guard let client = reply.headers["cst"], let account = reply.headers["x-security-token"] else {
            throw RESTError(operation: request.operation, cause: .unreadable("no tokens in its headers"))
        }
        let login = BrokerLogin(
            accountID: session.currentAccountId, lightstreamerEndpoint: session.lightstreamerEndpoint,
            timezoneOffset: session.timezoneOffset, clientToken: client, accountToken: account)
        guard let wanted = credentials.accountID, wanted != login.accountID else { return login }
        return try go(over: login, to: wanted)
    }

    /// `PUT /session`: the tokens change. Source: `ig-api` § 2.5.
    private func go(over login: BrokerLogin, to accountID: String) throws -> BrokerLogin {
        var request = RESTRequest(
            .put, "/session", version: 1, body: LoginMessage.switchBody(accountID: accountID))
        request.headers = [("CST", login.clientToken), ("X-SECURITY-TOKEN", login.accountToken)]
        let reply = try send(request)
        return BrokerLogin(
            accountID: accountID, lightstreamerEndpoint: login.lightstreamerEndpoint,
            timezoneOffset: login.timezoneOffset, clientToken: reply.headers["cst"] ?? login.clientToken,
            accountToken: reply.headers["x-security-token"] ?? login.accountToken)
    }
}
