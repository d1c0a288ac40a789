/// All settings of a simulator.
public struct SimulatorOptions: Sendable {
    public struct TickFileOption: Sendable {
        /// `EUR_USD`, in any of the spellings of a pair.
        public var pair: String
        public var path: String

        public init(pair: String, path: String) {
            self.pair = pair
            self.path = path
        }
    }

    public struct PairRate: Sendable {
        /// `EUR_USD`, in any of the spellings of a pair.
        public var pair: String
        /// Ticks per market second in the busiest hours, on average.
        public var rate: Double

        public init(pair: String, rate: Double) {
            self.pair = pair
            self.rate = rate
        }
    }

    /// A client that may log in.
    public struct Account: Sendable {
        public var identifier: String
        /// The most items of its stream; `nil`: that of all.
        public var itemsMax: Int?

        public init(identifier: String, itemsMax: Int? = nil) {
            (self.identifier, self.itemsMax) = (identifier, itemsMax)
        }
    }

    public var host = "127.0.0.1"
    public var port = 0
    /// Paths of PEM files; both or none.
    public var certificate: String?
    public var privateKey: String?
    public var tickFiles: [TickFileOption] = []
    public var allowsLateTicks = false
    /// A capture to play instead of ticks: its path.
    public var capture: String?
    public var speed = MarketSpeed.times(1)
    public var seed: UInt64 = 1
    public var exitsWhenDone = false
    /// Market time of the walk's beginning, in seconds since 1970; `nil` is a weekday near now.
    public var start: Int64?
    /// Ticks per pair and market second of the walk, on average.
    public var rate = 2.0
    /// Pairs of the walk with a rate of their own.
    public var pairRates: [PairRate] = []
    /// Instruments of the walk beside the 28 pairs: `IX001` and so on.
    public var moreInstruments = 0
    public var identifier: String?
    public var password: String?
    public var apiKey: String?
    /// The clients that may log in, each with accounts, limits and allowances of its own; empty: one, who is `identifier`.
    public var accounts: [Account] = []
    public var stream = StreamLimits()
    public var rest = RESTSettings()
    /// The `lightstreamerEndpoint` of logins; `nil`: this server.
    public var streamURL: String?
    public var faults: [Fault] = []

    public init() {}

    /// Reads `max` or a positive number.
    public static func speed(_ text: String) -> MarketSpeed? {
        if text == "max" { return .max }
        guard let factor = Double(text), factor > 0, factor <= 1e9 else { return nil }
        return .times(factor)
    }

    /// Reads `2014-05-01T08:00:00` as UTC; seconds since 1970.
    public static func moment(_ text: String) -> Int64? {
        try? PriceQuery.second(text, .utc)  // The reason is only of use to REST.
    }
}

/// Why a simulator cannot start.
public struct SimulatorError: Error, CustomStringConvertible, Sendable {
    public enum Kind: Sendable { case usage, unreadableFile, badData, portTaken, unavailable }

    public let kind: Kind
    public let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
