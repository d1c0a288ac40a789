public import MarketData

/// The cost of an empty store: the arithmetic of docs/quota.md for any configuration.
public struct FreshCost: Hashable, Sendable {
    public struct Line: Hashable, Sendable {
        public let timeframe: Timeframe
        /// Candles of one pair.
        public let bought: Int
        public let derived: Int
        /// Neither for sale nor derivable.
        public let unobtainable: Int
    }

    public let pairs: Int
    public let depth: Int
    /// Of one pair, by timeframe.
    public let lines: [Line]

    /// - Parameter now: the figures may differ by a candle with the place in the hour.
    public init(pairs: Int, depth: Int, planner: Planner, now: UTCSeconds) {
        let pair = Pair("EURUSD")!
        let needs = planner.needs(
            pair, wanted: planner.latest(depth, of: pair, endedBy: now), holdings: Planner.Holdings())
        self.pairs = pairs
        self.depth = depth
        lines = planner.timeframes.map { timeframe in
            let bought = needs.bought.count { $0.series.timeframe == timeframe }
            let derived = needs.derived.count { $0.interval.series.timeframe == timeframe }
            return Line(
                timeframe: timeframe, bought: bought, derived: derived, unobtainable: depth - bought - derived)
        }
    }

    public var pointsPerPair: Int { lines.reduce(0) { $0 + $1.bought } }
    public var points: Int { pointsPerPair * pairs }

    /// The number of weeks to buy it all, with this many points in each; `nil`: never.
    public func weeks(spending points: Int) -> Int? {
        if self.points == 0 { return 0 }
        return points > 0 ? (self.points + points - 1) / points : nil
    }

    /// How many pairs fit into one week; each pair whole.
    public func pairsPerWeek(spending points: Int) -> Int {
        pointsPerPair == 0 ? pairs : max(0, points) / pointsPerPair
    }
}
