internal import HTTPService
internal import IG
internal import MarketData

/// The one account, which reads and never trades. Source: OANDA v20, "Account Endpoints".
enum OandaAccount {
    static let id = "101-004-0000001-001"
    static let pattern = "/v3/accounts/{account}"

    /// - Throws: `WebError` (400) for another account.
    static func expect(_ request: RouteRequest) throws {
        guard request.name("account") == id else { throw WebError.invalid("accountID", "The only account is \(id)") }
    }

    static var list: HTTPResponse {
        var text = JSONText()
        text.begin(.object)
        text.key("accounts")
        text.begin(.array)
        text.begin(.object)
        text.key("id")
        text.string(id)
        text.empty("tags")
        text.end(.object)
        text.end(.array)
        text.end(.object)
        return .oanda(text)
    }

    static func summary(_ request: RouteRequest, _ worker: Worker) -> HTTPResponse { account(hasLists: false) }
    static func details(_ request: RouteRequest, _ worker: Worker) -> HTTPResponse { account(hasLists: true) }

    private static func account(hasLists: Bool) -> HTTPResponse {
        var text = JSONText()
        text.begin(.object)
        text.key("account")
        text.begin(.object)
        text.accountMembers()
        if hasLists { for name in ["orders", "positions", "trades"] as [StaticString] { text.empty(name) } }
        text.end(.object)
        text.noTransaction()
        text.end(.object)
        return .oanda(text)
    }

    /// `/accounts/{account}/instruments`: all, or those of `instruments`.
    static func instruments(_ request: RouteRequest, _ worker: Worker) throws -> HTTPResponse {
        let (all, timeframes) = try worker.listedPairs()
        let wanted = try instruments(request, among: Set(timeframes.keys))
        var text = JSONText(capacity: 200 * all.count)
        text.begin(.object)
        text.key("instruments")
        text.begin(.array)
        for pair in wanted ?? all { text.instrument(pair) }
        text.end(.array)
        text.noTransaction()
        text.end(.object)
        return .oanda(text)
    }

    /// Those that the parameter `instruments` names; `nil` without it.
    /// - Throws: `WebError` (400) if one of them is not among the known ones.
    static func instruments(_ request: RouteRequest, among known: Set<Pair>) throws -> [Pair]? {
        try request.http["instruments"].map { list in
            try list.split(separator: ",", omittingEmptySubsequences: false).map { name in
                guard let pair = Pair(name), known.contains(pair) else { throw WebError.invalid("instruments") }
                return pair
            }
        }
    }
}

extension JSONText {
    fileprivate mutating func accountMembers() {
        let words: [(StaticString, String)] = [
            ("id", OandaAccount.id), ("alias", "candlewick"), ("currency", "USD"), ("lastTransactionID", "0"),
        ]
        for (name, value) in words {
            key(name)
            string(value)
        }
        let amounts: [StaticString] = [
            "balance", "NAV", "pl", "unrealizedPL", "positionValue", "marginUsed", "marginAvailable",
        ]
        for name in amounts {
            key(name)
            string("0.0000")
        }
        for name in ["openTradeCount", "openPositionCount", "pendingOrderCount"] as [StaticString] {
            key(name)
            integer(0)
        }
        key("hedgingEnabled")
        bool(false)
    }

    fileprivate mutating func noTransaction() {
        key("lastTransactionID")
        string("0")
    }

    fileprivate mutating func empty(_ name: StaticString) {
        key(name)
        begin(.array)
        end(.array)
    }

    fileprivate mutating func instrument(_ pair: Pair) {
        begin(.object)
        key("name")
        string(pair.description)
        key("type")
        string(pair.oandaType)
        key("displayName")
        string(pair.displayName)
        key("displayPrecision")
        integer(pair.listedDecimals)
        key("pipLocation")
        integer(pair.pipLocation)
        end(.object)
    }
}

extension Pair {
    /// `EUR/USD`, `DE40`.
    var displayName: String { quote.isEmpty ? description : "\(base)/\(quote)" }

    /// The place of a pip behind the point, negative: of currencies the last but one of their decimals.
    fileprivate var pipLocation: Int { isCurrencyPair ? 1 - listedDecimals : 0 }

    fileprivate var oandaType: String {
        if isCurrencyPair { return "CURRENCY" }
        return ["XAU", "XAG", "XPT", "XPD"].contains(base) && !quote.isEmpty ? "METAL" : "CFD"
    }
}
