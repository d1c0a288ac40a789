internal import Engines
internal import Host
internal import IG
internal import MarketData
internal import Planning
internal import Refolding
internal import Settings
internal import Store
internal import Streams
internal import Wire

/// What is known of the history: the database, and beyond it what the `history` journal holds and the later stages have
/// not brought into it yet. Without a database, the journal alone.
final class KnownHistory {
    private let reader: (any CandleQueries)?
    private(set) var ledger: QuotaLedger
    /// Whether store-writer has ever run here.
    var hasDatabase: Bool { reader != nil }
    /// How far the database has the history stream; 0 for not at all.
    let storedPosition: UInt64
    /// The last position that shall come into the database; 0 before the first.
    private(set) var lastPosition: UInt64
    /// Candles that the history stream brought, those of the journal beyond the database.
    private(set) var candleCount = 0
    /// What was seen, once it is asked for.
    private var knownSight: Sight?
    /// `nil` if every timeframe has its past.
    private let refoldable: RefoldablePast?
    /// Of the journal, beyond the database.
    private var recent: [Series: Starts] = [:]

    private struct Starts {
        var complete: Set<UTCSeconds> = []
        var empty: Set<UTCSeconds> = []
        var unusable: Set<UTCSeconds> = []

        func contains(_ start: UTCSeconds) -> Bool {
            complete.contains(start) || empty.contains(start) || unusable.contains(start)
        }
    }

    /// - Throws: `Failure` (75) where database and journal do not belong together; `StoreError` or `JournalError`.
    init(paths: Paths, configuration: Configuration) throws {
        reader = try KnownHistory.open(paths)
        ledger = QuotaLedger(weeklyPoints: configuration.history.weeklyPoints)
        refoldable = try reader.flatMap { try RefoldablePast(paths, configuration, $0) }
        let folder = paths.journal(.history)
        // The place first: what comes into the database meanwhile is then read twice, not missed.
        storedPosition = try reader?.position(of: .history, collector: paths.collector) ?? 0
        lastPosition = storedPosition
        for row in try reader?.ledger(of: paths.collector) ?? [] {
            ledger.note(QuotaLedger.Entry(position: row.position, request: row.request, reply: row.reply))
        }
        let last = try JournalTail.lastPosition(CandleEnvelope.self, folder: folder)
        guard storedPosition <= last else {
            throw Failure(
                .temporary,
                """
                database \(paths.database) holds the history stream up to position \(storedPosition), but its journal in \
                \(folder) ends at \(last): 'ingest-backfill run' continues behind the last used position if \(folder).highest \
                exists; otherwise put the journal back, or begin with a new state folder
                """)
        }
        let journal = try JournalReader(folder: folder, recordSize: CandleEnvelope.byteCount, from: storedPosition + 1)
        while try journal.read(CandleEnvelope.self, { note($0) }) > 0 {}
    }

    private static func open(_ paths: Paths) throws -> (any CandleQueries)? {
        do {
            let reader = try storeEngine.openReader(paths)
            try reader.checkSchema()
            return reader
        } catch let failure as Failure where failure.code == .unavailable {
            // What the database has, which may be another one, would be bought again.
            if paths.installation?.hidesEnvironment == true { throw failure }
            return nil
        }
    }

    /// Takes a record of the history stream.
    func note(_ record: CandleEnvelope) {
        if record.kind != .part { lastPosition = max(lastPosition, record.position) }
        let start = record.start.seconds
        switch record.content {
        case .request(let sent): ledger.note(QuotaLedger.Entry(position: record.position, request: sent.request))
        case .reply(let answer): ledger.note(answer.reply)
        case .candle(let candle):
            candleCount += 1
            recent[candle.series, default: Starts()].complete.insert(start)
        case .empty(let empty):
            if empty.isUnusable {
                recent[empty.series, default: Starts()].unusable.insert(start)
            } else {
                recent[empty.series, default: Starts()].empty.insert(start)
            }
        case .part, .forming, .feed, .unknown: break
        }
    }

    /// Whether the journal beyond the database has an interval's candle, or its absence.
    func has(_ series: Series, _ start: UTCSeconds) -> Bool { recent[series]?.contains(start) == true }

    /// What there is of a pair that starts in `range`.
    func holdings(_ pair: Pair, _ timeframes: [Timeframe], in range: Range<UTCSeconds>) throws -> Planner.Holdings {
        var holdings = Planner.Holdings()
        for timeframe in timeframes {
            let series = Series(pair, timeframe)
            let stored = try reader?.starts(series, in: range) ?? IntervalStarts()
            let recent = recent[series] ?? Starts()
            holdings.complete[timeframe] = recent.complete.filter(range.contains).union(stored.complete)
            holdings.empty[timeframe] = recent.empty.filter(range.contains).union(stored.empty)
            holdings.unusable[timeframe] = recent.unusable.filter(range.contains).union(stored.unusable)
        }
        return holdings
    }

    /// Since when repair looks for holes of a pair, in each timeframe, no older than what the broker has:
    /// as `candlewick gaps` says. Nothing was streamed: nothing is repaired.
    /// - Parameter days: `history.repair_days`.
    func repairSince(_ pair: Pair, _ timeframes: [Timeframe], days: Int, now: UTCSeconds) throws -> [Timeframe:
        UTCSeconds]
    {
        guard let reader, let sight = try sight() else { return [:] }
        let reach = RepairReach(reader, sight, now: now, days: days, depthDays: PricesRequest.depthDays)
        var since: [Timeframe: UTCSeconds] = [:]
        for timeframe in timeframes {
            guard let beginning = try reach.beginning(Series(pair, timeframe)) else { continue }
            since[timeframe] = beginning.start
        }
        return since
    }

    /// Leaves out what was seen and had no tick.
    func lacking(_ pair: Pair, _ starts: Planner.Starts) throws -> Planner.Starts {
        guard let reader, let sight = try sight() else { return starts }
        var lacking = starts
        for (timeframe, wanted) in starts {
            guard let first = wanted.first, let last = wanted.last else { continue }
            let series = Series(pair, timeframe)
            let partial = Set(try reader.starts(series, in: first..<(last + timeframe)).partial)
            lacking[timeframe] = wanted.filter { sight.lacks(series, $0, isPartial: partial.contains($0)) }
        }
        return lacking
    }

    /// Those of the wanted candles that `candlewick refold` makes, at no points.
    func refoldable(_ pair: Pair, _ starts: Planner.Starts, _ holdings: Planner.Holdings) throws -> Planner.Starts {
        guard let refoldable else { return [:] }
        var made: Planner.Starts = [:]
        for (timeframe, wanted) in starts {
            let missing = wanted.filter { !holdings.has(timeframe, $0) }
            made[timeframe] = try refoldable.intervals(Series(pair, timeframe), of: missing).sorted()
        }
        return made
    }

    private func sight() throws -> Sight? {
        if knownSight == nil { knownSight = try reader.map { try Sight($0) } }
        return knownSight
    }

    /// End of the newest stored interval that was streamed, of any pair: what ended by then and is not there does not
    /// come any more. `nil` without any.
    func streamedUntil(_ pairs: [Pair], _ timeframe: Timeframe) throws -> UTCSeconds? {
        try pairs.compactMap { try reader?.newestStreamed(Series($0, timeframe)) }.max().map { $0 + timeframe }
    }

    /// The start of a stored candle of the week of the account's clock that holds a moment: the broker has it too, surely.
    func anchor(_ series: Series, near moment: UTCSeconds) throws -> UTCSeconds? {
        let complete = try reader?.starts(series, in: AccountClock.week(of: moment)).complete ?? []
        return complete.isEmpty ? nil : complete[complete.count / 2]
    }

    /// Whether ticks were streamed of an interval whose candle is partial.
    func isPartial(_ series: Series, _ start: UTCSeconds) throws -> Bool {
        try reader.map { try !$0.starts(series, in: start..<(start + series.timeframe)).partial.isEmpty } ?? false
    }

    /// The record of what the database has of an interval, for the history stream: a candle, or that it has no candle.
    /// `nil` if only the journal has it: then it need not be recorded again.
    func part(_ interval: Interval) throws -> CandleEnvelope? {
        guard let reader else { return nil }
        let series = interval.series
        if let candle = try reader.record(series, start: interval.start)?.record, !candle.flags.contains(.partial) {
            return PartRecord(candle).envelope
        }
        let isEmpty = try !reader.starts(series, in: interval.start..<interval.end).empty.isEmpty
        return isEmpty ? EmptyRecord(series, start: UTCNanos(seconds: interval.start)).envelope : nil
    }

    /// Whether the database has the history stream up to a position, and these candles or that they are empty.
    static func isStored(_ paths: Paths, upTo position: UInt64, _ intervals: [Interval]) throws -> Bool {
        guard let reader = try open(paths) else { return position == 0 && intervals.isEmpty }
        guard try reader.position(of: .history, collector: paths.collector) >= position else { return false }
        return try intervals.allSatisfy { interval in
            let starts = try reader.starts(interval.series, in: interval.start..<interval.end)
            return !starts.complete.isEmpty || !starts.empty.isEmpty
        }
    }
}

@available(*, unavailable)
extension KnownHistory: Sendable {}
