public import MarketData
public import Wire

extension Series {
    /// Two columns of a row; `nil` unless they name a series.
    public init?(_ pair: String, seconds: Int64) {
        guard let pair = Pair(pair), let timeframe = Timeframe(minutes: Int(seconds / 60)) else { return nil }
        self.init(pair, timeframe)
    }
}

extension HistoryReply.Outcome {
    private static let all: [HistoryReply.Outcome] = [.answered, .refused, .unanswered]

    /// In the quota ledger.
    public var name: String {
        switch self {
        case .answered: "answered"
        case .refused: "refused"
        case .unanswered: "unanswered"
        }
    }

    /// - Returns: `nil` for any other text, such as `LedgerRow.inFlight`.
    public init?(name: String) {
        guard let outcome = Self.all.first(where: { $0.name == name }) else { return nil }
        self = outcome
    }
}
