internal import BrokerAPI
internal import Host
internal import Journal
internal import MarketData
internal import Planning
internal import Store
internal import Wire

/// What is known of the history: the database, and beyond it what the `history` journal holds and the later stages have
/// not brought into it yet. Where there is no database, the journal alone.
final class KnownHistory {
    private let reader: CandleReader?
    private(set) var ledger: QuotaLedger
    /// Candles that the history stream brought, those of the journal beyond the database.
    private(set) var candleCount = 0
    /// Of the journal, beyond the database.
    private var complete: [Series: Set<Int64>] = [:]
    private var empty: [Series: Set<Int64>] = [:]

    /// - Throws: `Failure`, `StoreError` or `JournalError`.
    init(paths: Paths, weeklyPoints: Int) throws {
        reader = try KnownHistory.open(paths.database)
        ledger = QuotaLedger(weeklyPoints: weeklyPoints)
        for row in try reader?.ledger() ?? [] {
            ledger.note(QuotaLedger.Entry(position: row.position, request: row.request, reply: row.reply))
        }
        let stored = try reader?.position(of: "history") ?? 0
        let journal = try JournalReader(
            folder: paths.journal("history"), recordSize: CandleRecord.byteCount, from: stored + 1)
        while try journal.read(CandleRecord.self, { note($0) }) > 0 {}
    }

    private static func open(_ path: String) throws -> CandleReader? {
        do {
            let reader = try CandleReader(path: path)
            try reader.checkSchema()
            return reader
        } catch let failure as Failure where failure.code == .unavailable {
            return nil
        }
    }

    /// Takes a record of the history stream.
    func note(_ record: CandleRecord) {
        if let request = record.historyRequest {
            ledger.note(QuotaLedger.Entry(position: record.position, request: request))
        } else if let reply = record.historyReply {
            ledger.note(reply)
        } else if let series = record.series {
            switch record.kind {
            case .candle:
                candleCount += 1
                complete[series, default: []].insert(record.start.seconds)
            case .empty: empty[series, default: []].insert(record.start.seconds)
            default: break
            }
        }
    }

    /// Whether the journal beyond the database has an interval's candle, or that there is none.
    func has(_ series: Series, _ start: Int64) -> Bool {
        complete[series]?.contains(start) == true || empty[series]?.contains(start) == true
    }

    /// What there is of a pair in `range`, Unix seconds of the starts.
    func holdings(_ pair: Pair, _ timeframes: [Timeframe], in range: Range<Int64>) throws -> Planner.Holdings {
        var holdings = Planner.Holdings()
        for timeframe in timeframes {
            let series = Series(pair, timeframe)
            let stored = try reader?.starts(series, in: range) ?? CandleReader.Starts()
            holdings.complete[timeframe] = (complete[series] ?? []).filter(range.contains).union(stored.complete)
            holdings.empty[timeframe] = (empty[series] ?? []).filter(range.contains).union(stored.empty)
        }
        return holdings
    }

    /// Start of the oldest stored candle of each timeframe that has one, no older than what the broker has.
    func oldest(_ pair: Pair, _ timeframes: [Timeframe], now: Int64) throws -> [Timeframe: Int64] {
        var oldest: [Timeframe: Int64] = [:]
        for timeframe in timeframes {
            guard let start = try reader?.oldest(Series(pair, timeframe)) else { continue }
            oldest[timeframe] = max(start, now - PricesRequest.depthDays(of: timeframe) * 86_400)
        }
        return oldest
    }

    /// End of the newest stored interval that was streamed, of any pair: what ended by then and is not there does not
    /// come any more. Unix seconds; `nil` without any.
    func streamedUntil(_ pairs: [Pair], _ timeframe: Timeframe) throws -> Int64? {
        try pairs.compactMap { try reader?.newestStreamed(Series($0, timeframe)) }.max().map { $0 + timeframe.seconds }
    }

    /// What the database has of an interval, as it is told again in the history stream: a candle, or that there is
    /// none. `nil` where only the journal knows, which needs no telling.
    func part(_ interval: Interval) throws -> CandleRecord? {
        guard let reader else { return nil }
        let series = interval.series
        if let record = try reader.record(.part, series, start: interval.start), !record.flags.contains(.partial) {
            return record
        }
        let isEmpty = try !reader.starts(series, in: interval.start..<(interval.start + 1)).empty.isEmpty
        return isEmpty ? .empty(series, start: UTCNanos(seconds: interval.start)) : nil
    }

    /// Whether the database has everything of the history stream up to a position.
    func isStored(upTo position: UInt64) throws -> Bool {
        try reader.map { try $0.position(of: "history") >= position } ?? false
    }

    /// Whether the database has these candles, or that they are empty.
    func isStored(_ intervals: [Interval]) throws -> Bool {
        guard let reader else { return false }
        return try intervals.allSatisfy { interval in
            let starts = try reader.starts(interval.series, in: interval.start..<(interval.start + 1))
            return !starts.complete.isEmpty || !starts.empty.isEmpty
        }
    }
}

@available(*, unavailable)
extension KnownHistory: Sendable {}
