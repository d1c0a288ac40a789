internal import Engines
public import Host
internal import IG
public import MarketData
public import Reports
internal import Store
internal import Wire

/// How far the whole streamed candles of two collectors agree, pair by pair, and where they differ the most.
public struct CollectorComparison: Report, Encodable {
    struct Line: Encodable {
        let pair: String
        let timeframe: String
        let first: String
        let second: String
        /// Intervals of which both have a whole streamed candle.
        private(set) var compared = 0
        private(set) var agree = 0
        /// An open, high, low or close of bid or ask is not equal.
        private(set) var differ = 0
        /// The prices are equal, the numbers of ticks are not.
        private(set) var ticksDiffer = 0

        fileprivate init(_ series: Series, _ first: Collector, _ second: Collector) {
            (pair, timeframe) = ("\(series.pair)", "\(series.timeframe)")
            (self.first, self.second) = (first.name, second.name)
        }

        fileprivate mutating func count(_ difference: Difference?) {
            compared += 1
            switch difference {
            case nil: agree += 1
            case let difference? where difference.values.isEmpty: ticksDiffer += 1
            case .some: differ += 1
            }
        }
    }

    struct Value: Encodable {
        /// Such as `ask_high`.
        let name: String
        let first: String
        let second: String
    }

    struct Difference: Encodable {
        let pair: String
        let timeframe: String
        let start: UTCSeconds
        let first: String
        let second: String
        let values: [Value]
        let firstTicks: UInt32
        let secondTicks: UInt32
        /// The largest difference of a price, in millionths of it.
        let partsPerMillion: Double
    }

    private struct Key: Hashable {
        let series: Series
        let first: Collector
        let second: Collector
    }

    let since: UTCSeconds
    /// By name.
    let pairs: [Line]
    /// The worst first.
    let differences: [Difference]
    /// How many more there are.
    let leftOut: Int

    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - since: from which start on.
    ///   - count: how many differences are shown.
    /// - Throws: `Failure` (69) if the database is missing, (75) if it is not up to date; `StoreError`.
    public init(paths: Paths, pairs: [Pair], since: UTCSeconds, differences count: Int) throws {
        let reader = try storeEngine.openReader(paths)
        try reader.checkSchema()
        try self.init(reader, pairs: pairs, since: since, differences: count)
    }

    init(_ reader: any CandleQueries, pairs: [Pair], since: UTCSeconds, differences count: Int) throws {
        self.since = since
        var lines: [Key: Line] = [:]
        var worst: [Difference] = []
        var all = 0
        for series in try reader.series() where pairs.isEmpty || pairs.contains(series.pair) {
            try CollectorComparison.forEach(reader, series, since: since) { first, second in
                let difference = Difference(first, second)
                let key = Key(series: series, first: first.collector, second: second.collector)
                lines[key, default: Line(series, first.collector, second.collector)].count(difference)
                guard let difference else { return }
                all += 1
                worst.append(difference)
                // So that any number of differences takes the memory of some.
                if worst.count > count * 2 + 1_000 { worst = Array(worst.sorted(by: Difference.isWorse).prefix(count)) }
            }
        }
        differences = Array(worst.sorted(by: Difference.isWorse).prefix(count))
        leftOut = all - differences.count
        self.pairs = lines.sorted {
            ($0.key.series.pair, $0.key.series.timeframe, $0.value.first, $0.value.second)
                < ($1.key.series.pair, $1.key.series.timeframe, $1.value.first, $1.value.second)
        }.map(\.value)
    }

    /// So many seconds are read at once.
    private static let chunk = Duration.seconds(30 * 86_400)

    /// Hands out each two whole streamed candles of one interval, in the order of the collectors' names.
    private static func forEach(
        _ reader: any CandleQueries, _ series: Series, since: UTCSeconds,
        _ body: (CollectedCandle, CollectedCandle) -> Void
    ) throws {
        guard let oldest = try reader.oldestStreamed(series, .all), let newest = try reader.newestStreamed(series)
        else { return }
        var start = max(since, oldest)
        while start <= newest {
            let end = min(start + chunk, newest + .seconds(1))
            var whole: [CollectedCandle] = []
            for candle in try reader.streamed(series, in: start..<end) where !candle.record.flags.contains(.partial) {
                if whole.first?.record.start != candle.record.start { whole.removeAll(keepingCapacity: true) }
                for other in whole { body(other, candle) }
                whole.append(candle)
            }
            start = end
        }
    }

    /// Whether any price differs.
    public var hasDifferences: Bool { pairs.contains { $0.differ > 0 } }

    public func text(_ style: TextStyle) -> String {
        guard !pairs.isEmpty else {
            return "no interval since \(since.text()) UTC has whole candles of two collectors\n"
        }
        let rows = pairs.map {
            [
                $0.pair, $0.timeframe, "\($0.first), \($0.second)", String($0.compared), String($0.agree),
                String($0.differ), String($0.ticksDiffer),
            ]
        }
        let head = ["pair", "timeframe", "collectors", "compared", "agree", "differ", "only ticks differ"]
        let table = TextTable(
            head: head, rows: rows, leftAligned: ["pair", "collectors"],
            tones: pairs.map { $0.differ > 0 ? .warning : .plain }
        ).text(style)
        let more = leftOut > 0 ? "\n\(leftOut) smaller differences are not shown; --differences shows more\n" : ""
        return table + differences.map { "\n" + $0.text(style) }.joined() + more
    }
}

extension CollectorComparison.Difference {
    /// - Returns: `nil` if the two agree.
    fileprivate init?(_ a: CollectedCandle, _ b: CollectedCandle) {
        let parts: [(String, KeyPath<CandleRecord, Price>)] = [
            ("bid_open", \.bid.open), ("bid_high", \.bid.high), ("bid_low", \.bid.low), ("bid_close", \.bid.close),
            ("ask_open", \.ask.open), ("ask_high", \.ask.high), ("ask_low", \.ask.low), ("ask_close", \.ask.close),
        ]
        let different = parts.filter { a.record[keyPath: $0.1] != b.record[keyPath: $0.1] }
        guard !different.isEmpty || a.record.tickCount != b.record.tickCount else { return nil }
        let pair = a.record.pair
        (self.pair, timeframe, start) = ("\(pair)", "\(a.record.timeframe)", a.record.start.seconds)
        (first, second) = (a.collector.name, b.collector.name)
        (firstTicks, secondTicks) = (a.record.tickCount, b.record.tickCount)
        values = different.map { name, path in
            // With the pair's usual decimals, so that prices stand below each other.
            CollectorComparison.Value(
                name: name, first: a.record[keyPath: path].formatted(decimals: pair.listedDecimals),
                second: b.record[keyPath: path].formatted(decimals: pair.listedDecimals))
        }
        partsPerMillion =
            different.map { _, path in
                let (x, y) = (Double(a.record[keyPath: path].rawValue), Double(b.record[keyPath: path].rawValue))
                return abs(x - y) / max(abs(x), abs(y)) * 1e6
            }.max() ?? 0
    }

    /// By price, then by number of ticks; of equal ones the newer.
    fileprivate static func isWorse(_ a: Self, _ b: Self) -> Bool {
        func ticks(_ difference: Self) -> Int { abs(Int(difference.firstTicks) - Int(difference.secondTicks)) }
        return (a.partsPerMillion, ticks(a), a.start, b.pair) > (b.partsPerMillion, ticks(b), b.start, a.pair)
    }

    fileprivate func text(_ style: TextStyle) -> String {
        let rows = values.map { [$0.name.replacing("_", with: " "), $0.first, $0.second] }
        let counts = ["ticks", String(firstTicks), String(secondTicks)]
        let table = TextTable(head: ["", first, second], rows: rows + [counts], leftAligned: [""])
        return style.painted("\(pair) \(timeframe) \(start.text()) UTC", .warning) + "\n" + table.text(style)
    }
}
