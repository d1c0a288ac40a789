internal import MarketData

/// A refusal of a request: the code and text of `REQERR` or `CONERR`.
struct Refusal: Error, Equatable {
    let code: Int
    let text: String

    static let invalidGroup = Refusal(code: 21, text: "Invalid group")
    static let invalidAccount = Refusal(code: -1, text: "Invalid account type")
    static let sessionNotFound = Refusal(code: 20, text: "Session not found")
}

/// Finds items by name, and makes them when they are first asked for. Source: ig-api § 9.3.
final class ItemCatalogue {
    private let market: Market
    private var items: [String: MarketItem] = [:]
    /// Epics that the account may not use, a fault, and until when (monotonic nanoseconds).
    var refusedEpics: [String: Int64] = [:]
    /// The same for every epic.
    var refusesAllUntil: Int64?

    init(market: Market) {
        self.market = market
        items[market.heartbeat.name] = market.heartbeat
        for item in market.capture?.items ?? [] { items[item.name] = item }
    }

    /// Forgets the refusals whose time is over.
    func endRefusals(at now: Int64) {
        if refusedEpics.contains(where: { $0.value <= now }) { refusedEpics = refusedEpics.filter { $0.value > now } }
        if let until = refusesAllUntil, until <= now { refusesAllUntil = nil }
    }

    func item(_ name: String, adapter: String, account: String) throws(Refusal) -> MarketItem {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2 else { throw .invalidGroup }
        let wantsPricing = parts[0] == "PRICE"
        guard adapter == (wantsPricing ? "Pricing" : "DEFAULT") || (!wantsPricing && adapter == "QUOTE_ADAPTER")
        else {
            throw Refusal(code: wantsPricing ? 17 : 21, text: wantsPricing ? "Data Adapter not found" : "Invalid group")
        }
        switch (parts[0], parts.count) {
        case ("CHART", 3): return try chart(name, epic: parts[1], scale: parts[2])
        case ("PRICE", 3):
            guard parts[1] == account else { throw .invalidAccount }
            return try made(name, kind: .price, epic: parts[2])
        case ("ACCOUNT", 2), ("TRADE", 2): return try accountItem(name, kind: parts[0], owner: parts[1], account)
        default: throw .invalidGroup
        }
    }

    private func chart(_ name: String, epic: String, scale: String) throws(Refusal) -> MarketItem {
        if scale == "TICK" { return try made(name, kind: .tick, epic: epic) }
        guard let scale = CandleScale(name: scale) else { throw .invalidGroup }
        return try made(name, kind: .candle(scale), epic: epic)
    }

    private func made(_ name: String, kind: ItemKind, epic: String) throws(Refusal) -> MarketItem {
        guard refusedEpics[epic] == nil, refusesAllUntil == nil else { throw .invalidAccount }
        if let item = items[name] { return item }
        guard let found = Epic(epic), let pair = market.pair(named: found.pairName) else { throw .invalidAccount }
        let view = ItemView(kind: kind, name: name, pointShift: found.pointShift)
        pair.attach(view)
        items[name] = view.item
        return view.item
    }

    private func accountItem(
        _ name: String, kind: String, owner: String, _ account: String
    ) throws(Refusal) -> MarketItem {
        if let item = items[name] { return item }
        guard owner == account else { throw .invalidAccount }
        let item: MarketItem
        if kind == "TRADE" {
            item = MarketItem(name: name, mode: .distinct, fields: ["CONFIRMS", "OPU", "WOU"])
        } else {
            item = MarketItem(
                name: name, mode: .merge,
                fields: [
                    "PNL", "DEPOSIT", "AVAILABLE_CASH", "PNL_LR", "PNL_NLR", "FUNDS", "MARGIN", "MARGIN_LR",
                    "MARGIN_NLR", "AVAILABLE_TO_DEAL", "EQUITY", "EQUITY_USED",
                ])
            let funds: [Int64] = [0, 0, 1_000_000, 0, 0, 1_000_000, 0, 0, 0, 1_000_000, 1_000_000, 0]
            item.values = funds.map { FieldValue($0, decimals: 2) }
            item.hasValues = true
        }
        items[name] = item
        return item
    }
}

/// The parts of an FX epic such as `CS.D.EURUSD.CFD.IP`, in whose form the simulator lists other instruments too
/// (`CS.D.DE40.CFD.IP`). Source: ig-api §§ 4.4, 6.
struct Epic: Equatable {
    /// `EURUSD`; of other instruments the name.
    let pairName: String
    /// `CFD`, `MINI`, `TODAY` or `CEEM`.
    let contract: String

    init?(_ text: some StringProtocol) {
        let parts = String(text).split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, parts[0] == "CS", parts[1] == "D", parts[4] == "IP",
            (1...Pair.lengthMax).contains(parts[2].utf8.count),
            ["CFD", "MINI", "TODAY", "CEEM"].contains(parts[3])
        else { return nil }
        pairName = parts[2]
        contract = parts[3]
    }

    var isInPoints: Bool { contract == "TODAY" || contract == "CEEM" }

    /// Points are 1/10,000, for yen 1/100.
    var pointShift: UInt8 { isInPoints ? (pairName.hasSuffix("JPY") ? 2 : 4) : 0 }
}
