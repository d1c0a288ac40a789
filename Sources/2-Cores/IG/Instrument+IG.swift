public import MarketData

/// What IG lists, and under which names. Source: `ig-api` §§ 6, 9.3.
extension Instrument {
    /// - Parameter epic: `nil`: the usual one.
    /// - Returns: `nil` if it has no usual one and `epic` is `nil`.
    public init?(pair: Pair, listedAs epic: String?, scale: Int = 1, hours: TradingHours = .fx) {
        guard let epic = epic ?? Instrument.usualEpic(of: pair) else { return nil }
        self.init(pair: pair, epic: epic, scale: scale, hours: hours)
    }

    /// The epic of a currency pair's CFD; `nil` for any other instrument: IG names those as it likes.
    public static func usualEpic(of pair: Pair) -> String? {
        pair.isCurrencyPair ? "CS.D.\(pair.base)\(pair.quote).CFD.IP" : nil
    }

    /// Whether its epic is that of the pair's CFD.
    public var hasUsualEpic: Bool { epic == Instrument.usualEpic(of: pair) }

    /// The 28 crosses as CFDs.
    public static let defaults = Pair.crosses.compactMap { Instrument(pair: $0, listedAs: nil) }

    // MARK: Items of the stream

    /// The item that brings the broker's time once a second.
    public static let heartbeatItem = "TRADE:HB.U.HEARTBEAT.IP"
    /// The fields of the heartbeat: its time in seconds since 1970.
    public static let heartbeatFields = ["HEARTBEAT"]

    /// The item of its ticks: bid, ask (IG says offer) and time in ms since 1970.
    public var tickItem: String { "CHART:\(epic):TICK" }
    /// The fields of a tick.
    public static let tickFields = ["BID", "OFR", "UTM"]

    /// The item of the broker's own candles.
    /// - Parameter scale: the broker's name of their timeframe, such as `5MINUTE`.
    public func candleItem(scale: String) -> String { "CHART:\(epic):\(scale)" }
}

extension Pair {
    /// How many decimals IG's prices of it have: 3 or 5 of a pair of currencies; of gold, indices and the like 2, as a rule.
    public var listedDecimals: Int { isCurrencyPair ? quote == "JPY" ? 3 : 5 : 2 }
}
