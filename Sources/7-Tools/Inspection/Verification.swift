internal import Archive
internal import Engines
public import Reports
internal import FoundationEssentials
public import Host
public import MarketData
public import Settings
internal import SQLiteStore
internal import Store
internal import Wire

/// Folds ticks and history again and compares every candle with the database, on a live system too.
///
/// The same code that made the candles makes them again, from archive and journals of `ticks` and `history`, into a
/// database of its own. Compared is every column but the times of publication and of storage. What is in memory at one
/// time does not grow with the archive.
public struct Verification: Report, Encodable {
    /// A candle that is not what the journals say.
    struct Difference: Encodable {
        enum Kind: String, Encodable {
            case missing = "not in the database"
            case unfounded = "not in the journals"
            case different
        }

        let pair: Pair
        let timeframe: Timeframe
        let start: UTCSeconds
        let kind: Kind
        /// What differs: column, then what the database has, then what the journals say.
        let columns: [Column]
        /// The ticks of the interval in archive and journal; `nil` without any.
        fileprivate(set) var ticks: TickSpan?

        struct Column: Encodable {
            let name: String
            let stored: String
            let folded: String
        }
    }

    /// The ticks of an interval: their number, the first and the last position.
    struct TickSpan: Encodable {
        var count = 0
        var first: UInt64 = 0
        var last: UInt64 = 0
    }

    /// Records of the ticks stream that were folded.
    public private(set) var ticks = 0
    /// Candles that were compared.
    public private(set) var compared = 0
    /// Candles of which neither archive nor journals hold all records.
    public private(set) var beyond = 0
    /// Candles that are not what the journals say, all of them.
    public private(set) var wrong = 0
    /// The first of them.
    private(set) var differences: [Difference] = []
    /// The start of the first candle that was wanted; `nil`: all were.
    let since: UTCSeconds?

    /// So many are shown.
    private static let shown = 20
    /// So many are looked at twice, beside a live writer.
    private static let kept = 10_000
    /// So many intervals of a series are compared at once.
    private static let chunk: Int64 = 50_000

    public var isSound: Bool { wrong == 0 }

    /// - Parameter since: only candles that start then or later; `nil`: all.
    /// - Throws: `Failure` (69) if there is no database, no ticks, or nothing to compare, (75) if a stop was asked for;
    ///   `JournalError`, `StoreError`.
    public init(paths: Paths, configuration: Configuration, since: UTCSeconds? = nil, watch: VerificationWatch) throws {
        self.since = since
        let reader = try storeEngine.openReader(paths)
        let stored = try reader.position(of: .candles, collector: paths.collector)
        let bounds = try Bounds(paths: paths, stored: stored, stop: watch.stop)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("candlewick-verify-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }  // What stays is swept with the temporary folder.
        let path = folder.appendingPathComponent("candlewick.db").path
        let fold = try VerificationFold(
            paths: paths, configuration: configuration, bounds: bounds, since: since, into: path, watch: watch)
        guard fold.ticks > 0 else {
            throw Failure(
                .unavailable, "neither \(paths.archive) nor \(paths.journal(.ticks)) holds ticks: nothing to fold again"
            )
        }
        ticks = fold.ticks
        try compare(reader, of: paths.collector, with: try SQLiteReader(path: path), fold, bounds, watch)
        guard compared > 0 else {
            throw Failure(
                .unavailable,
                "nothing to compare: \(paths.journal(.candles)) and \(paths.database) share no candle"
                    + (since.map { " since \($0.text()) UTC" } ?? ""))
        }
        try leaveOut(changedSince: stored, paths)
        try nameTicks(paths)
    }

    private mutating func compare(
        _ stored: any CandleQueries, of collector: Collector, with folded: any CandleQueries, _ fold: VerificationFold,
        _ bounds: Bounds, _ watch: VerificationWatch
    ) throws {
        let forgotten = try stored.forgottenBefore()
        var ranges: [Series: ClosedRange<UTCSeconds>] = [:]
        for line in try stored.statistics(of: [], nil) + folded.statistics(of: [], nil) {
            let (former, first) = (ranges[line.series], max(line.oldest, since ?? .min))
            guard first <= line.newest else { continue }
            ranges[line.series] = min(first, former?.lowerBound ?? .max)...max(line.newest, former?.upperBound ?? .min)
        }
        for (series, range) in ranges.sorted(by: { ($0.key.pair, $0.key.timeframe) < ($1.key.pair, $1.key.timeframe) })
        {
            let whole = range.lowerBound..<(range.upperBound + series.timeframe)
            let disputed = try stored.disputedStarts(series, of: collector, in: whole)
            var start = range.lowerBound
            while start <= range.upperBound {
                if watch.stop.isRaised { throw Failure(.temporary, "stopped before all candles were compared") }
                let end = start + .seconds(series.timeframe.seconds * Self.chunk)
                let expected = Dictionary(
                    uniqueKeysWithValues: try folded.records(series, in: start..<end)
                        .map { ($0.start, fold.last(of: $0, series)) })
                let found = try stored.records(series, in: start..<end, of: collector, besides: Set(expected.keys))
                compare(found, with: expected, series, fold, bounds, disputed: disputed, forgotten: forgotten)
                start = end
            }
        }
    }

    private mutating func compare(
        _ found: [CandleRecord], with folded: [UTCNanos: CandleRecord], _ series: Series, _ fold: VerificationFold,
        _ bounds: Bounds, disputed: Set<UTCSeconds>, forgotten: UTCSeconds
    ) {
        var expected = folded
        for record in found {
            let expectation = expected.removeValue(forKey: record.start)
            // The ticks do not know why another source took the place of a disputed candle.
            if record.source != .streamed, disputed.contains(record.start.seconds) { continue }
            guard bounds.includes(record) else { continue }
            guard fold.isFounded(record), expectation != nil || fold.canDerive(record) else {
                beyond += 1
                continue
            }
            compared += 1
            note(series, record.start, found: record, expected: expectation)
        }
        // What was deleted by age is not expected.
        for record in expected.values.sorted(by: { $0.start < $1.start })
        where record.start.seconds >= forgotten && fold.isFounded(record) {
            compared += 1
            note(series, record.start, found: nil, expected: record)
        }
    }

    private mutating func note(_ series: Series, _ start: UTCNanos, found: CandleRecord?, expected: CandleRecord?) {
        let columns = zip(found?.columns ?? [], expected?.columns ?? []).filter { $0.value != $1.value }
        guard found == nil || expected == nil || !columns.isEmpty else { return }
        wrong += 1
        guard differences.count < Self.kept else { return }
        differences.append(
            Difference(
                pair: series.pair, timeframe: series.timeframe, start: start.seconds,
                kind: found == nil ? .missing : expected == nil ? .unfounded : .different,
                columns: columns.map { .init(name: $0.name, stored: $0.value, folded: $1.value) }))
    }

    /// Beside a live writer, rows may have changed between the look at its position and the look at them.
    private mutating func leaveOut(changedSince stored: UInt64, _ paths: Paths) throws {
        guard !differences.isEmpty else { return }
        var changed: Set<Interval> = []
        try StreamScan(CandleEnvelope.self, .candles, paths, from: stored + 1).forEach { record in
            guard let series = record.series else { return }
            changed.insert(Interval(series, start: record.start.seconds))
        }
        let all = differences.count
        differences.removeAll { difference in
            changed.contains(Interval(Series(difference.pair, difference.timeframe), start: difference.start))
        }
        wrong -= all - differences.count
        differences = Array(differences.prefix(Verification.shown))
    }

    /// Finds the ticks behind each difference that is shown.
    private mutating func nameTicks(_ paths: Paths) throws {
        guard !differences.isEmpty else { return }
        let places = differences.map { ($0.pair, $0.timeframe, $0.start) }
        let narrowing = ArchivedStream.Narrowing(
            intervals: differences.map { (Series($0.pair, $0.timeframe), $0.start) })
        try StreamScan(TickEnvelope.self, .ticks, paths, only: narrowing).forEach { record in
            guard let tick = record.tick else { return }
            for (index, (pair, timeframe, start)) in places.enumerated() where tick.pair == pair {
                guard (start..<(start + timeframe)).contains(tick.brokerTime.seconds) else { continue }
                var span = differences[index].ticks ?? TickSpan(first: tick.position)
                span.count += 1
                span.last = tick.position
                differences[index].ticks = span
            }
        }
    }

    public func text(_ style: TextStyle) -> String {
        var lines = [
            "\(ticks) records of the ticks stream folded again, \(compared) candles\(span) compared: "
                + (isSound ? style.painted("all equal", .good) : style.painted("\(wrong) wrong", .bad))
        ]
        if beyond > 0 { lines.append("\(beyond) candles are older than archive and journals") }
        for difference in differences { lines += difference.lines }
        if wrong > differences.count { lines.append("… and \(wrong - differences.count) more") }
        return lines.joined(separator: "\n") + "\n"
    }

    private var span: String { since.map { " since \($0.text()) UTC" } ?? "" }
}

extension Verification.Difference {
    fileprivate var lines: [String] {
        let time = start.text()
        let span =
            ticks.map { "\($0.count) ticks, positions \($0.first) to \($0.last)" } ?? "no ticks in archive or journal"
        return ["\(pair) \(timeframe) \(time)  \(kind.rawValue); \(span)"]
            + columns.map { "    \($0.name): database \($0.stored), journals \($0.folded)" }
    }
}

extension CandleQueries {
    /// The candles that readers would see if there were this collector alone, oldest first.
    /// - Parameter starts: where a candle of it may wait for another one to be withdrawn.
    fileprivate func records(
        _ series: Series, in range: Range<UTCSeconds>, of collector: Collector, besides starts: Set<UTCNanos>
    ) throws -> [CandleRecord] {
        let seen = try records(series, in: range)
        guard try collectors() != [collector] else { return seen }
        let all = starts.union(seen.map(\.start))
        guard let first = all.min()?.seconds, let last = all.max()?.seconds else { return [] }
        var own: [UTCNanos: CandleRecord] = [:]
        for candle in try streamed(series, in: first..<(last + .seconds(1)))
        where candle.collector == collector && !candle.record.flags.contains(.partial) {
            own[candle.record.start] = candle.record
        }
        // A whole streamed candle is the best of its collector. In the place of others one that was bought may be seen.
        for start in all where own[start] == nil {
            let candidates = try [record(series, start: start.seconds)].compactMap(\.self)
            own[start] = try (candidates + outranked(series, start: start.seconds))
                .first { $0.collector == collector }?.record
        }
        return own.values.sorted { $0.start < $1.start }
    }
}

extension CandleRecord {
    /// What is compared, under the names of the columns. The ticks know nothing of a dispute.
    fileprivate var columns: [(name: String, value: String)] {
        var flags = flags
        if flags.contains(.disputed) { flags.subtract([.disputed, .partial]) }
        let sides = [("bid", bid), ("ask", ask), ("mid", mid)]
        let prices = sides.flatMap { name, side in
            [("open", side.open), ("high", side.high), ("low", side.low), ("close", side.close)]
                .map { ("\(name)_\($0.0)", "\($0.1)") }
        }
        return prices + [
            ("tick_count", "\(tickCount)"), ("inverted_ticks", "\(invertedTicks)"),
            ("first_tick_time", "\(firstTickTime)"), ("last_tick_time", "\(lastTickTime)"),
            ("blind_ms", "\(blindMilliseconds)"), ("lost", "\(lostUpdates)"), ("flags", "\(flags.rawValue)"),
            ("source", source.name), ("revision", "\(revision)"), ("input_position", "\(inputPosition)"),
        ]
    }
}
