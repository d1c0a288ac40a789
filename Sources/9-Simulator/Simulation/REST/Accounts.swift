/// The clients, their accounts and their tokens.
final class Accounts {
    /// The value that a login must have; `nil`: any value that is not empty.
    struct Credentials {
        var identifier: String?
        var password: String?
        var apiKey: String?
    }

    /// A holder of accounts, by the place in `clients`.
    struct Client {
        /// `nil`: any.
        let identifier: String?
        /// The preferred one first.
        let accountIDs: [String]
        let id: String
        /// Of its stream; `nil`: that of all.
        let itemsMax: Int?
    }

    struct Tokens {
        var cst: String
        var accountToken: String
        var accountID: String
        var client = 0
    }

    let credentials: Credentials
    let clients: [Client]
    private(set) var sessions: [String: Tokens] = [:]
    var faults = RESTFaults()
    /// Called after each login.
    var onLogin: () -> Void = {}
    /// The client of each token.
    private var accessTokens: [String: Int] = [:]
    private var refreshTokens: [String: Int] = [:]
    private var random: SeededRandom

    /// - Parameter named: the clients that may log in; empty: one of any name.
    init(credentials: Credentials, named: [SimulatorOptions.Account] = [], seed: UInt64) {
        self.credentials = credentials
        let unnamed = Client(
            identifier: credentials.identifier, accountIDs: ["ABC12", "XYZ98"], id: "100112233", itemsMax: nil)
        let several = named.enumerated().map { place, account in
            Client(
                identifier: account.identifier, accountIDs: ["CFD\(place + 1)", "BET\(place + 1)"],
                id: "\(100_112_233 + place)", itemsMax: account.itemsMax)
        }
        clients = named.isEmpty ? [unnamed] : several
        random = SeededRandom(seed: seed ^ 0xacc0)
    }

    /// The client that an identifier names; `nil` if it is unknown.
    func client(named identifier: String) -> Int? {
        clients.firstIndex { $0.identifier.map { $0 == identifier } ?? true }
    }

    /// The most items of an account's stream, if it has a limit of its own.
    func itemsMax(of account: String) -> Int? { clients.first { $0.accountIDs.contains(account) }?.itemsMax }

    /// A login always activates the preferred account. Source: ig-api § 2.1.
    func login(_ client: Int = 0) -> Tokens {
        let tokens = Tokens(
            cst: token("CC01112"), accountToken: token("CD01112"), accountID: clients[client].accountIDs[0],
            client: client)
        if faults.staleLogins > 0 {
            faults.staleLogins -= 1
            return tokens
        }
        sessions[tokens.cst] = tokens
        return tokens
    }

    func logout(_ tokens: Tokens) { sessions[tokens.cst] = nil }

    /// Changes the account and, with it, the account's token.
    func activate(_ account: String, for tokens: Tokens) -> Tokens {
        let changed = Tokens(
            cst: tokens.cst, accountToken: token("CD01112"), accountID: account, client: tokens.client)
        sessions[tokens.cst] = changed
        return changed
    }

    func oauthLogin(_ client: Int = 0) -> (access: String, refresh: String) {
        let pair = (access: token(""), refresh: token(""))
        accessTokens[pair.access] = client
        refreshTokens[pair.refresh] = client
        return pair
    }

    func refresh(_ token: String) -> (access: String, refresh: String)? {
        refreshTokens.removeValue(forKey: token).map { oauthLogin($0) }
    }

    /// The client of an access token; `nil` if it is unknown.
    func client(accessToken: String) -> Int? { accessTokens[accessToken] }

    func expireTokens() {
        sessions = [:]
        accessTokens = [:]
        refreshTokens = [:]
    }

    /// Checks a stream's `LS_user` and `LS_password`; gives the account. Source: ig-api § 9.2.
    func streamAccount(user: String, password: String) -> String? {
        guard password.hasPrefix("CST-"), let bar = password.firstIndex(of: "|") else { return nil }
        let rest = password[password.index(after: bar)...]
        guard rest.hasPrefix("XST-"), let tokens = sessions[String(password[..<bar].dropFirst(4))],
            tokens.accountToken == rest.dropFirst(4), user == tokens.accountID || user == clients[tokens.client].id
        else { return nil }
        return tokens.accountID
    }

    /// 64 hex digits and a short suffix, as real ones look.
    private func token(_ suffix: String) -> String {
        (0..<4).map { _ in
            let digits = String(random.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined() + suffix
    }
}
