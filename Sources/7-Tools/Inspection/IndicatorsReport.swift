public import Store
public import Reports
internal import Host
public import MarketData

/// Which indicators have enough complete candles, by pair and timeframe.
public struct IndicatorsReport: Report, Encodable {
    /// An indicator in its usual setting, and how many candles its newest value needs.
    struct Indicator: Encodable {
        let name: String
        let candles: Int
        /// How `candles` comes about.
        let reason: String
    }

    /// In the settings that charting programs begin with. Source: docs/reading.md § Indicators.
    static let all: [Indicator] = [
        Indicator(name: "MA-9", candles: 9, reason: "9 closes"),
        Indicator(name: "Aroon-14", candles: 15, reason: "14 candles after the first"),
        Indicator(name: "ATR-14", candles: 15, reason: "14 true ranges, each with the previous close"),
        Indicator(name: "RSI-14", candles: 15, reason: "14 changes"),
        Indicator(name: "Bollinger-20", candles: 20, reason: "20 closes"),
        Indicator(name: "MA-21", candles: 21, reason: "21 closes"),
        Indicator(name: "ADX-14", candles: 28, reason: "14 directional movements, then 14 of their averages"),
        Indicator(name: "Ultimate-7-14-28", candles: 29, reason: "28 ranges, each with the previous close"),
        Indicator(name: "MACD-12-26-9", candles: 34, reason: "26 closes, then 9 differences"),
        Indicator(name: "MA-50", candles: 50, reason: "50 closes"),
        Indicator(name: "Ichimoku-9-26-52", candles: 78, reason: "52 candles, displaced by 26"),
        Indicator(name: "VPVR-100", candles: 100, reason: "100 candles of volume"),
        Indicator(name: "MA-200", candles: 200, reason: "200 closes"),
    ]

    struct Line: Encodable {
        let pair: String
        let timeframe: String
        /// Complete candles.
        let candles: Int
        /// Complete candles up to the newest one without a break; quiet intervals do not break it.
        let unbroken: Int
        /// Names of the indicators that have enough candles.
        let ready: [String]
        /// The others, with how many candles they still need.
        let lacking: [String: Int]
    }

    let indicators = IndicatorsReport.all
    let lines: [Line]

    /// - Throws: `Failure` (69) if nothing is stored; `StoreError`.
    public init(
        _ reader: any CandleQueries, pairs: [Pair], timeframe: Timeframe?,
        calendar: TradingCalendar = TradingCalendar()
    ) throws {
        let extent = try Extent(reader, pairs: pairs, timeframe: timeframe, days: 0, calendar: calendar)
        lines = try extent.series.map { series in
            let count = try reader.count(series.pair, series.timeframe, .complete)
            let unbroken = try IndicatorsReport.unbroken(reader, series, extent)
            let lacking = IndicatorsReport.all.filter { $0.candles > unbroken }
            return Line(
                pair: series.pair.description, timeframe: series.timeframe.description, candles: count,
                unbroken: unbroken,
                ready: IndicatorsReport.all.filter { $0.candles <= unbroken }.map(\.name),
                lacking: Dictionary(uniqueKeysWithValues: lacking.map { ($0.name, $0.candles - unbroken) }))
        }
    }

    /// As far back as the largest need goes.
    private static func unbroken(_ reader: any CandleQueries, _ series: Series, _ extent: Extent) throws -> Int {
        let most = all.map(\.candles).max() ?? 0
        // Quiet intervals take no candle: twice as many reach back far enough for all but the quietest pairs.
        let hours = extent.calendar[series.pair]
        let starts = hours.starts(of: series.timeframe, last: most * 2, endedBy: extent.range.upperBound)
        guard let first = starts.first else { return 0 }
        let states = try IntervalStates(
            reader, series, in: first..<extent.range.upperBound, extent.sight, extent.calendar)
        // The newest interval may just have ended, with its candle on the way.
        let lines = states.lines.reversed().drop {
            $0.state == .missing && $0.start + series.timeframe + series.timeframe > extent.range.upperBound
        }
        return lines.prefix { !$0.state.isGap }.count { $0.state != .quiet }
    }

    public func text(_ style: TextStyle) -> String {
        let rows = lines.map { line in
            [
                line.pair, line.timeframe, String(line.candles), String(line.unbroken),
                "\(line.ready.count) of \(indicators.count)", lackingText(line),
            ]
        }
        let head = ["pair", "timeframe", "complete", "unbroken", "ready", "first lacking"]
        let table = TextTable(
            head: head, rows: rows, leftAligned: ["pair", "first lacking"],
            tones: lines.map { $0.lacking.isEmpty ? .plain : .warning }
        ).text(style)
        let needs = indicators.map { "\($0.name) \($0.candles)" }.joined(separator: ", ")
        return "\(table)\ncandles needed: \(needs)\n"
    }

    private func lackingText(_ line: Line) -> String {
        guard let first = indicators.first(where: { line.lacking[$0.name] != nil }),
            let short = line.lacking[first.name]
        else { return "" }
        return "\(first.name), \(short) short"
    }
}
