public import MarketData

/// Candles to be bought in one request: the open intervals that start in `first ... last`.
public struct Purchase: Hashable, Sendable {
    public let series: Series
    public let first: UTCSeconds
    public let last: UTCSeconds
    /// How many intervals these are. The broker counts the candles that it returns, which may be fewer: an interval
    /// without a tick has none.
    public let points: Int
    private let hours: TradingHours

    /// - Parameter hours: of the pair.
    public init(series: Series, first: UTCSeconds, last: UTCSeconds, points: Int, hours: TradingHours = .fx) {
        (self.series, self.first, self.last, self.points, self.hours) = (series, first, last, points, hours)
    }

    /// The starts of its intervals.
    public var starts: [UTCSeconds] { hours.starts(of: series.timeframe, in: first..<(last + .seconds(1))) }
}

/// The purchases of now, the candles derived from them, and the rest for the next allowance.
public struct Plan: Hashable, Sendable {
    /// In the order in which to buy.
    public internal(set) var purchases: [Purchase] = []
    /// Larger candles that the aggregator makes of smaller ones, those that are bought and those that are there.
    public internal(set) var derived: [Interval] = []
    /// Points that are wanted beyond the budget.
    public internal(set) var postponed = 0
    /// Intervals that can neither be bought nor derived.
    public internal(set) var unobtainable = 0

    public init() {}

    public var points: Int { purchases.reduce(0) { $0 + $1.points } }
    public var isEmpty: Bool { purchases.isEmpty && derived.isEmpty && postponed == 0 }
}

/// Decides which history to buy: a function of what is wanted, what there is, and the budget.
///
/// Recent before old, every pair alike; nothing that is there, and nothing that the aggregator derives from
/// a smaller timeframe. Source: the weekly allowance, `ig-api` § 3.7: one point is one candle.
public struct Planner: Sendable {
    /// Starts by timeframe.
    public typealias Starts = [Timeframe: [UTCSeconds]]

    /// The known candles of a pair, by the intervals' starts.
    public struct Holdings: Hashable, Sendable {
        /// Complete candles.
        public var complete: [Timeframe: Set<UTCSeconds>] = [:]
        /// The broker was asked and has none, since there was no tick.
        public var empty: [Timeframe: Set<UTCSeconds>] = [:]
        /// The broker was asked and has none that can be used: no part of a larger one.
        public var unusable: [Timeframe: Set<UTCSeconds>] = [:]

        public init() {}

        /// Whether it need not be bought.
        public func has(_ timeframe: Timeframe, _ start: UTCSeconds) -> Bool {
            isPart(timeframe, start) || unusable[timeframe]?.contains(start) == true
        }

        /// Whether larger candles can be derived from it.
        public func isPart(_ timeframe: Timeframe, _ start: UTCSeconds) -> Bool {
            complete[timeframe]?.contains(start) == true || empty[timeframe]?.contains(start) == true
        }
    }

    /// The candles that a pair lacks.
    public struct Needs: Sendable {
        var bought: [Interval] = []
        /// With the parts that are not there yet.
        var derived: [(interval: Interval, parts: [Interval])] = []
        var unobtainable = 0
    }

    /// Ascending.
    public let timeframes: [Timeframe]
    private let isSold: @Sendable (Timeframe) -> Bool
    private let calendar: TradingCalendar
    /// Whether larger candles come of smaller ones; else each is bought.
    private let derives: Bool
    /// The most candles of one request: what a kill in the middle of it can cost.
    static let requestMax = 500

    /// - Parameters:
    ///   - calendar: what is not traded is not bought.
    ///   - isSold: whether the broker has history in a timeframe.
    public init(
        timeframes: [Timeframe], calendar: TradingCalendar = TradingCalendar(), derives: Bool = true,
        isSold: @escaping @Sendable (Timeframe) -> Bool = { _ in true }
    ) {
        self.timeframes = Set(timeframes).sorted()
        self.calendar = calendar
        self.derives = derives
        self.isSold = isSold
    }

    /// The last `depth` intervals of a pair in each timeframe that have ended.
    public func latest(_ depth: Int, of pair: Pair, endedBy moment: UTCSeconds) -> Starts {
        let hours = calendar[pair]
        return Dictionary(
            uniqueKeysWithValues: timeframes.map { ($0, hours.starts(of: $0, last: depth, endedBy: moment)) })
    }

    /// Every interval of a pair from a moment on, of each timeframe that has one, that has ended by another.
    public func all(of pair: Pair, since first: [Timeframe: UTCSeconds], endedBy moment: UTCSeconds) -> Starts {
        var all: Starts = [:]
        for (timeframe, first) in first {
            let end = moment - timeframe + .seconds(1)
            all[timeframe] = calendar[pair].starts(of: timeframe, in: first..<max(first, end))
        }
        return all
    }

    /// The wanted candles that a pair lacks.
    public func needs(_ pair: Pair, wanted: Starts, holdings: Holdings) -> Needs {
        var needs = Needs()
        // The future candles of the timeframes so far.
        var provided: [Timeframe: Set<UTCSeconds>] = [:]
        for timeframe in timeframes {
            let series = Series(pair, timeframe)
            for start in wanted[timeframe] ?? [] where !holdings.has(timeframe, start) {
                let interval = Interval(series, start: start)
                if derives, let parts = parts(of: interval, provided, holdings) {
                    let lacking = parts.filter { !holdings.isPart($0.series.timeframe, $0.start) }
                    needs.derived.append((interval, lacking))
                } else if isSold(timeframe) {
                    needs.bought.append(interval)
                } else {
                    needs.unobtainable += 1
                    continue
                }
                provided[timeframe, default: []].insert(start)
            }
        }
        return needs
    }

    /// - Parameters:
    ///   - needs: of each pair, in the order of preference.
    ///   - budget: the most points that the plan may cost.
    public func plan(_ needs: [Needs], budget: Int) -> Plan { plan(needs) { min($0.count, max(0, budget)) } }

    /// - Parameter count: how many intervals can be paid, of those that end at these moments, newest first.
    public func plan(_ needs: [Needs], affordable count: ([UTCSeconds]) -> Int) -> Plan {
        var order: [Pair: Int] = [:]
        for interval in needs.lazy.flatMap(\.bought) where order[interval.series.pair] == nil {
            order[interval.series.pair] = order.count
        }
        /// The latest end first; then the pairs in their order, and the smaller timeframe.
        func rank(_ series: Series, _ start: UTCSeconds) -> (Int64, Int, Timeframe) {
            (-(start + series.timeframe).rawValue, order[series.pair] ?? 0, series.timeframe)
        }
        var plan = Plan()
        let missing = needs.flatMap(\.bought).sorted { rank($0.series, $0.start) < rank($1.series, $1.start) }
        let affordable = missing.prefix(count(missing.map(\.end)))
        plan.purchases = runs(affordable).sorted { rank($0.series, $0.last) < rank($1.series, $1.last) }
        plan.postponed = missing.count - affordable.count
        var coming = Set(affordable)
        // Ascending timeframes: what is derived may be a part of what comes later.
        for (interval, parts) in needs.lazy.flatMap(\.derived) where parts.allSatisfy(coming.contains) {
            coming.insert(interval)
            plan.derived.append(interval)
        }
        plan.unobtainable = needs.reduce(0) { $0 + $1.unobtainable }
        return plan
    }

    /// The parts that give a whole interval; `nil` if one of them is not there.
    public func parts(of interval: Interval, holdings: Holdings) -> [Interval]? { parts(of: interval, [:], holdings) }

    private func parts(of interval: Interval, _ provided: [Timeframe: Set<UTCSeconds>], _ holdings: Holdings)
        -> [Interval]?
    {
        let larger = interval.series.timeframe
        guard let smaller = larger.part(among: timeframes) else { return nil }
        let parts = calendar[interval.series.pair].parts(of: interval.start, larger, smaller)
        guard parts.allSatisfy({ holdings.isPart(smaller, $0) || provided[smaller]?.contains($0) == true }) else {
            return nil
        }
        return parts.map { Interval(Series(interval.series.pair, smaller), start: $0) }
    }

    /// Joins neighbours: a request costs nothing but its candles. Between two of them there is only closed time.
    private func runs(_ missing: ArraySlice<Interval>) -> [Purchase] {
        var purchases: [Purchase] = []
        for (series, intervals) in Dictionary(grouping: missing, by: \.series) {
            let hours = calendar[series.pair]
            var run: [UTCSeconds] = []
            for start in intervals.map(\.start).sorted() {
                if let last = run.last,
                    run.count == Planner.requestMax || hours.next(after: last, series.timeframe) != start
                {
                    purchases.append(Purchase(series, run, hours))
                    run = []
                }
                run.append(start)
            }
            purchases.append(Purchase(series, run, hours))
        }
        return purchases
    }
}

extension Purchase {
    /// Its newest intervals, at most this many; `nil` for none.
    public func newest(_ count: Int) -> Purchase? {
        count > 0 ? Purchase(series, starts.suffix(count), hours) : nil
    }

    fileprivate init(_ series: Series, _ starts: some BidirectionalCollection<UTCSeconds>, _ hours: TradingHours) {
        self.init(series: series, first: starts.first!, last: starts.last!, points: starts.count, hours: hours)
    }
}
