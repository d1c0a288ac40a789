public import Store
internal import Reports
internal import Host
public import MarketData

/// Each pair on each day: the number of intervals of its trading hours in each state.
public struct Coverage: Encodable {
    /// One JSON object.
    public var json: String { encodedJSON(self) + "\n" }

    /// A pair on a day.
    public struct Cell: Encodable, Hashable, Sendable {
        /// Intervals of the trading hours that begin on the day and have ended, from the pair's first on; 0: the market was
        /// closed, or the day is before the first or to come.
        public internal(set) var expected = 0
        public internal(set) var streamed = 0
        /// From the broker's history, derived from such, or imported.
        public internal(set) var bought = 0
        public internal(set) var partial = 0
        /// Seen, and without a tick.
        public internal(set) var quiet = 0
        public internal(set) var missing = 0
        /// Intervals of the trading hours before the pair's first: not counted above.
        public internal(set) var before = 0

        mutating func count(_ state: IntervalState) {
            expected += 1
            switch state {
            case .streamed: streamed += 1
            case .bought, .imported: bought += 1
            case .partial: partial += 1
            case .quiet: quiet += 1
            case .missing: missing += 1
            }
        }
    }

    public struct Row: Encodable, Sendable {
        public let pair: String
        /// One a day.
        public internal(set) var cells: [Cell]
    }

    public let timeframe: String
    /// ISO dates, UTC, oldest first.
    public let days: [String]
    public var firstDay: CivilDate { days.first.flatMap { CivilDate(text: $0) } ?? CivilDate(daysSince1970: 0) }
    public let rows: [Row]

    /// - Parameters:
    ///   - pairs: those wanted; empty: all that are stored.
    ///   - days: their number; the last one is that of the newest candle.
    /// - Throws: `Failure` (69) if nothing of them is stored; `StoreError`.
    public init(
        _ reader: any CandleQueries, pairs: [Pair], timeframe: Timeframe, days: Int,
        calendar: TradingCalendar = TradingCalendar()
    ) throws {
        let extent = try Extent(reader, pairs: pairs, timeframe: timeframe, days: days, calendar: calendar)
        let lastDay = (extent.range.upperBound.rawValue - 1) / 86_400
        let firstDay = lastDay - Int64(days) + 1
        self.timeframe = timeframe.description
        self.days = (firstDay...lastDay).map { CivilDate(daysSince1970: $0).description }
        rows = try extent.series.map { series in
            var row = Row(pair: series.pair.description, cells: Array(repeating: Cell(), count: days))
            func day(_ start: UTCSeconds) -> Int { Int(start.rawValue / 86_400 - firstDay) }
            let range = UTCSeconds(rawValue: firstDay * 86_400)..<extent.range.upperBound
            // Intervals before it are not missing: the stream had not begun.
            let begin = extent.begin(of: series, in: range)
            for start in extent.calendar[series.pair].starts(of: timeframe, in: range.lowerBound..<begin) {
                row.cells[day(start)].before += 1
            }
            let states = try IntervalStates(reader, series, in: begin..<range.upperBound, extent.sight, extent.calendar)
            for line in states.lines { row.cells[day(line.start)].count(line.state) }
            return row
        }
    }
}
