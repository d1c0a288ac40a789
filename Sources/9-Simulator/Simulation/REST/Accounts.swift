/// The client, its account and its tokens.
final class Accounts {
    /// The value that a login must have; `nil`: any value that is not empty.
    struct Credentials {
        var identifier: String?
        var password: String?
        var apiKey: String?
    }

    struct Tokens {
        var cst: String
        var accountToken: String
        var accountID: String
    }

    let credentials: Credentials
    let accountIDs = ["ABC12", "XYZ98"]
    let clientID = "100112233"
    private(set) var sessions: [String: Tokens] = [:]
    var faults = RESTFaults()
    /// Called after each login.
    var onLogin: () -> Void = {}
    private var accessTokens: Set<String> = []
    private var refreshTokens: Set<String> = []
    private var random: SeededRandom

    init(credentials: Credentials, seed: UInt64) {
        self.credentials = credentials
        random = SeededRandom(seed: seed ^ 0xacc0)
    }

    /// A login always activates the preferred account. Source: ig-api § 2.1.
    func login() -> Tokens {
        let tokens = Tokens(cst: token("CC01112"), accountToken: token("CD01112"), accountID: accountIDs[0])
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
        let changed = Tokens(cst: tokens.cst, accountToken: token("CD01112"), accountID: account)
        sessions[tokens.cst] = changed
        return changed
    }

    func oauthLogin() -> (access: String, refresh: String) {
        let pair = (access: token(""), refresh: token(""))
        accessTokens.insert(pair.access)
        refreshTokens.insert(pair.refresh)
        return pair
    }

    func refresh(_ token: String) -> (access: String, refresh: String)? {
        guard refreshTokens.remove(token) != nil else { return nil }
        return oauthLogin()
    }

    func accepts(accessToken: String) -> Bool { accessTokens.contains(accessToken) }

    func expireTokens() {
        sessions = [:]
        accessTokens = []
        refreshTokens = []
    }

    /// Checks a stream's `LS_user` and `LS_password`; gives the account. Source: ig-api § 9.2.
    func streamAccount(user: String, password: String) -> String? {
        guard password.hasPrefix("CST-"), let bar = password.firstIndex(of: "|") else { return nil }
        let rest = password[password.index(after: bar)...]
        guard rest.hasPrefix("XST-"), let tokens = sessions[String(password[..<bar].dropFirst(4))],
            tokens.accountToken == rest.dropFirst(4), user == tokens.accountID || user == clientID
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
