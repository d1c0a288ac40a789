internal import CandleFiles
internal import Engines
public import Host
internal import MarketData
public import Reports
internal import Store
internal import Wire

/// Candles of a file, which another program folded of the archive's ticks, against the streamed ones of a collector.
///
/// Compared are twelve prices and two counts. File and database are walked along side by side.
public struct FoldComparison: Report, Encodable {
    struct Difference: Encodable {
        enum Kind: String, Encodable {
            case missing = "only in the file"
            case unfounded = "only in the database"
            case different
        }

        let pair: Pair
        let timeframe: Timeframe
        let start: UTCSeconds
        let kind: Kind
        /// What differs; empty unless both are there.
        let values: [Value]

        struct Value: Encodable {
            let name: String
            let stored: String
            let file: String
        }
    }

    let file: String
    /// Candles with the same prices and counts.
    public private(set) var equal = 0
    /// Candles that are not the same in both, by kind.
    public private(set) var different = 0
    public private(set) var onlyInFile = 0
    public private(set) var onlyInDatabase = 0
    /// Not compared: partial in the database, withdrawn ones among them.
    public private(set) var partial = 0
    /// Not compared: the archive ends within the interval.
    public private(set) var notEnded = 0
    /// Not compared: the database deletes candles of this age.
    public private(set) var forgotten = 0
    /// Series of the database that the file lacks.
    public private(set) var leftOut: [String] = []
    /// The first of those that are not the same.
    private(set) var differences: [Difference] = []

    private static let shown = 20

    public var isSound: Bool { different + onlyInFile + onlyInDatabase == 0 }

    /// - Throws: `Failure` (66) if the file is missing, (65) if it is not as `FoldedCandleFile` wants it, (69) without a
    ///   database or without a candle to compare; `StoreError`.
    public init(file path: String, paths: Paths) throws {
        file = path
        let reader = try storeEngine.openReader(paths)
        try reader.checkSchema()
        let extent = try FileExtent(path)
        leftOut = try reader.series().filter { !extent.series.contains($0) }.map { "\($0)" }.sorted()
        let forgotten = try reader.forgottenBefore()
        var candles = try FoldedCandleFile(path: path)
        var stored: StreamedCandles?
        while let candle = try candles.next() {
            let series = candle.interval.series
            if stored?.series != series {
                try finish(&stored)
                stored = StreamedCandles(reader, series, of: paths.collector, in: extent.range)
            }
            while let other = try stored?.next(before: candle.interval.start) { note(only: other) }
            note(candle, try stored?.next(before: candle.interval.end), forgotten)
        }
        try finish(&stored)
        guard equal > 0 || !isSound else {
            throw Failure(.unavailable, "nothing to compare: \(path) and \(reader.path) share no whole candle")
        }
    }

    /// What the database has behind the file's last candle of a series.
    private mutating func finish(_ stored: inout StreamedCandles?) throws {
        while let other = try stored?.next(before: .max) { note(only: other) }
    }

    private mutating func note(only stored: CandleRecord) {
        if stored.flags.contains(.partial) {
            partial += 1
            return
        }
        onlyInDatabase += 1
        show(Interval(stored.series, start: stored.start.seconds), .unfounded)
    }

    private mutating func note(_ candle: FoldedCandle, _ stored: CandleRecord?, _ forgotten: UTCSeconds) {
        guard candle.isEnded else {
            notEnded += 1
            return
        }
        guard let stored else {
            if candle.interval.start < forgotten {
                self.forgotten += 1
                return
            }
            onlyInFile += 1
            return show(candle.interval, .missing)
        }
        if stored.flags.contains(.partial) {
            partial += 1
            return
        }
        let values = zip(stored.foldedValues, candle.foldedValues).filter { $0.value != $1.value }
        if values.isEmpty {
            equal += 1
            return
        }
        different += 1
        show(candle.interval, .different, values.map { .init(name: $0.name, stored: $0.value, file: $1.value) })
    }

    private mutating func show(
        _ interval: Interval, _ kind: Difference.Kind, _ values: [Difference.Value] = []
    ) {
        guard differences.count < FoldComparison.shown else { return }
        let series = interval.series
        differences.append(
            Difference(
                pair: series.pair, timeframe: series.timeframe, start: interval.start, kind: kind, values: values))
    }
}

extension FoldComparison {
    public func text(_ style: TextStyle) -> String {
        let wrong = different + onlyInFile + onlyInDatabase
        var lines = [
            "\(equal + different) candles of \(file) compared with the database: "
                + (isSound ? style.painted("all equal", .good) : style.painted("\(wrong) wrong", .bad))
        ]
        if !isSound {
            lines.append("\(different) differ, \(onlyInFile) only in the file, \(onlyInDatabase) only in the database")
        }
        if partial > 0 { lines.append("not compared: \(partial) partial candles of the database") }
        if notEnded > 0 {
            lines.append("not compared: \(notEnded) candles that the archive does not hold to their end")
        }
        if forgotten > 0 { lines.append("not compared: \(forgotten) candles that the database deleted by age") }
        if !leftOut.isEmpty { lines.append("not in the file: \(leftOut.joined(separator: ", "))") }
        for difference in differences {
            let time = difference.start.text()
            lines.append("\(difference.pair) \(difference.timeframe) \(time)  \(difference.kind.rawValue)")
            lines += difference.values.map { "    \($0.name): database \($0.stored), file \($0.file)" }
        }
        if wrong > differences.count { lines.append("… and \(wrong - differences.count) more") }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// The series of a file, and the time from its first candle to the end of its last one that has ended.
private struct FileExtent {
    private(set) var series: Set<Series> = []
    let range: Range<UTCSeconds>

    init(_ path: String) throws {
        var (first, last) = (UTCSeconds.max, UTCSeconds.min)
        var file = try FoldedCandleFile(path: path)
        while let candle = try file.next() {
            series.insert(candle.interval.series)
            first = min(first, candle.interval.start)
            if candle.isEnded { last = max(last, candle.interval.end) }
        }
        range = first..<max(first, last)
    }
}

/// The streamed candles of one collector that begin and end in a range, oldest first.
private struct StreamedCandles {
    let series: Series
    private let reader: any CandleQueries
    private let collector: Collector
    private let end: UTCSeconds
    private var start: UTCSeconds
    private var candles: ArraySlice<CandleRecord> = []

    /// So many intervals are read at once.
    private static let chunk = 20_000

    init(_ reader: any CandleQueries, _ series: Series, of collector: Collector, in range: Range<UTCSeconds>) {
        (self.reader, self.series, self.collector) = (reader, series, collector)
        (start, end) = (range.lowerBound, range.upperBound)
    }

    /// Takes the next one, if it begins before a moment.
    mutating func next(before moment: UTCSeconds) throws -> CandleRecord? {
        while candles.isEmpty, start < end {
            let part = start..<min(end, start + .seconds(series.timeframe.seconds) * StreamedCandles.chunk)
            start = part.upperBound
            candles = try reader.streamed(series, in: part).filter { $0.collector == collector }.map(\.record)
                .filter { $0.start.seconds + series.timeframe <= end }[...]
        }
        guard let next = candles.first, next.start.seconds < moment else { return nil }
        return candles.popFirst()
    }
}

extension CandleRecord {
    fileprivate var foldedValues: [(name: String, value: String)] {
        named(bid, ask, mid, tickCount, invertedTicks)
    }
}

extension FoldedCandle {
    fileprivate var foldedValues: [(name: String, value: String)] {
        named(bid, ask, mid, tickCount, invertedTicks)
    }
}

/// What is compared, under the names of the columns.
private func named(
    _ bid: OHLC, _ ask: OHLC, _ mid: OHLC, _ ticks: UInt32, _ inverted: UInt32
) -> [(name: String, value: String)] {
    [("bid", bid), ("ask", ask), ("mid", mid)].flatMap { name, side in
        [("open", side.open), ("high", side.high), ("low", side.low), ("close", side.close)]
            .map { ("\(name)_\($0.0)", "\($0.1)") }
    } + [("tick_count", "\(ticks)"), ("inverted_ticks", "\(inverted)")]
}
