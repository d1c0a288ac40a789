public import MarketData

/// How much of each day of each pair is there, as a picture, for terminals and for files.
public struct CoverageChart: Sendable {
    /// The counts of one pair's intervals on one day. The rest are missing.
    public struct Day: Hashable, Sendable {
        /// Intervals of the trading hours; 0 where markets were closed.
        public let expected: Int
        /// Complete candles that were streamed.
        public let streamed: Int
        /// Candles that were bought, derived or imported.
        public let bought: Int
        public let partial: Int
        /// Whether the pair had not begun yet, if nothing is expected.
        public let isBefore: Bool

        public init(expected: Int, streamed: Int = 0, bought: Int = 0, partial: Int = 0, isBefore: Bool = false) {
            (self.expected, self.streamed, self.bought, self.partial) = (expected, streamed, bought, partial)
            self.isBefore = isBefore
        }

        public static let closed = Day(expected: 0)
        public static let before = Day(expected: 0, isBefore: true)

        public var missing: Int { max(0, expected - streamed - bought - partial) }
    }

    /// The state that a cell shows: that of most intervals of the day.
    enum State: CaseIterable {
        case streamed, bought, partial, missing
        /// The pair had not begun yet.
        case before

        var name: String { self == .before ? "not yet begun" : "\(self)" }
    }

    public struct Row: Sendable {
        public let pair: String
        /// One for each day of the chart.
        public let days: [Day]

        public init(pair: String, days: [Day]) { (self.pair, self.days) = (pair, days) }

        /// Per cent of the expected intervals that have a complete candle, streamed or bought, rounded down so that 100
        /// is all; `nil` where none was expected.
        public var completePercent: Int? {
            let expected = days.reduce(0) { $0 + $1.expected }
            let complete = days.reduce(0) { $0 + min($1.expected, $1.streamed + $1.bought) }
            return expected > 0 ? complete * 100 / expected : nil
        }

        var completeText: String { completePercent.map { "\($0)%" } ?? "-" }
    }

    public let timeframe: Timeframe
    /// The first day, in UTC; each row's days follow from it without a break.
    public let firstDay: CivilDate
    public let rows: [Row]
    let dayCount: Int

    /// Those that a legend explains.
    var states: [State] {
        let hasBefore = rows.contains { $0.days.contains { $0.state?.0 == .before } }
        return State.allCases.filter { $0 != .before || hasBefore }
    }

    /// - Parameter rows: a row that has fewer days than the others counts as closed at its end.
    public init(timeframe: Timeframe, firstDay: CivilDate, rows: [Row]) {
        (self.timeframe, self.firstDay, self.rows) = (timeframe, firstDay, rows)
        dayCount = rows.map(\.days.count).max() ?? 0
    }

    func day(_ index: Int) -> CivilDate { CivilDate(daysSince1970: firstDay.daysSince1970 + Int64(index)) }

    /// 1970-01-05 was a Monday.
    func isMonday(_ index: Int) -> Bool { (firstDay.daysSince1970 + Int64(index) - 4) % 7 == 0 }

    /// `2024-04-01 to 2024-05-01 UTC`.
    var range: String { dayCount > 0 ? "\(firstDay) to \(day(dayCount - 1)), days in UTC" : "no days" }
}

extension CoverageChart.Day {
    /// The most frequent state and its share of the day, 0 … 1; of equal ones the better. `nil` where markets were closed.
    var state: (CoverageChart.State, share: Double)? {
        guard expected > 0 else { return isBefore ? (.before, 1) : nil }
        let counts: [(CoverageChart.State, Int)] = [
            (.streamed, streamed), (.bought, bought), (.partial, partial), (.missing, missing),
        ]
        // `max` gives the first of equal ones.
        return counts.max { $0.1 < $1.1 }.map { ($0.0, min(1, Double($0.1) / Double(expected))) }
    }
}
