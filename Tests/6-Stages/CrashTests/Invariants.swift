import Aggregation
import Candles
import Host
import MarketData
import Settings
import SQLiteStore
import Store
import Streams
import TestKit
import Wire

/// The promises at the end of any `CrashWorld`. Source: docs/architecture.md § Nothing is lost.
struct Invariants {
    private let world: CrashWorld
    private(set) var violations: [String]
    /// What the store-writer committed.
    private var rows: [Interval: CandleRecord] = [:]
    private let events: [StoredEvent]

    init(_ world: CrashWorld) throws {
        self.world = world
        violations = world.violations
        let reader = try SQLiteEngine().openReader(world.paths)
        for series in try reader.series() {
            for record in try reader.records(series) { rows[Interval(series, start: record.start.seconds)] = record }
        }
        events = try reader.events(last: .max)
        let ticks = try read(.ticks, TickEnvelope.self)
        let candles = try read(.candles, CandleEnvelope.self)
        try checkJournal(.ticks, ticks)
        try checkJournal(.candles, candles)
        let reference = fold(ticks)
        expect(fold(ticks).map(\.bytes) == reference.map(\.bytes), "folding twice gives two results")
        if world.trouble == .kills {
            expect(
                candles.map(content) == reference.map(content),
                "the candles journal is not the fold of the ticks journal")
            expect(
                Invariants.best(of: reference).mapValues { content($0.envelope) }
                    == rows.mapValues { content($0.envelope) },
                "the store is not the fold")
        }
        checkCandles()
    }

    // MARK: Journals

    private func read<Record: StreamEnvelope>(_ stream: Stream, _ type: Record.Type) throws -> [Record] {
        var records: [Record] = []
        let reader = try JournalReader(folder: world.paths.journal(stream), recordSize: Record.byteCount)
        while try reader.read(type, { records.append($0) }) > 0 {}
        return records
    }

    private mutating func checkJournal(_ stream: Stream, _ records: [some StreamEnvelope]) throws {
        var last: UInt64 = 0
        for record in records {
            expect(record.position > last, "\(stream): position \(record.position) after \(last)")
            last = record.position
            expect(
                world.appended[stream]?[last] == record.bytes,
                "\(stream): position \(last) holds what was never appended")
        }
        let there = Set(records.map(\.position)).union(world.mayBeLost[stream] ?? [])
        for position in (world.appended[stream] ?? [:]).keys {
            expect(there.contains(position), "\(stream): position \(position) is gone")
        }
    }

    // MARK: Candles

    private func fold(_ ticks: [TickEnvelope]) -> [CandleEnvelope] {
        var builder = CandleBuilder(options: CandleBuilder.Options(world.configuration))
        for tick in ticks { builder.fold(tick) }
        return builder.output
    }

    /// A candle without what the fold does not decide: position, publish time, checksum.
    private func content(_ record: CandleEnvelope) -> [UInt8] {
        var record = record
        record.publishTime = UTCNanos(rawValue: 0)
        record.seal(position: 0)
        return record.bytes
    }

    /// Of each interval the candle that a store keeps of one collector.
    static func best(of records: [CandleEnvelope]) -> [Interval: CandleRecord] {
        records.compactMap(\.candle).reduce(into: [:]) { best, candle in
            let interval = Interval(candle.series, start: candle.start.seconds)
            guard let former = best[interval], !CandleRank(candle, .main).replaces(CandleRank(former, .main)) else {
                best[interval] = candle
                return
            }
        }
    }

    /// Every candle that is shown as whole is what happened on the market; every other one says why not.
    private mutating func checkCandles() {
        let holes = Dictionary(uniqueKeysWithValues: HostileBroker.pairs.map { ($0, recordedHoles(of: $0)) })
        let truth = MarketTruth.candles(world.broker, world.configuration.timeframes)
        for key in rows.keys where truth[key] == nil {
            expect(false, "\(name(key)) never was")
        }
        let end = UTCNanos(rawValue: world.broker.now) - .seconds(400)
        for (key, ticks) in truth where UTCNanos(seconds: key.end) < end {
            let interval = UTCNanos(seconds: key.start)..<UTCNanos(seconds: key.end)
            let name = name(key)
            let isTouched = holes[key.series.pair]?.contains { $0.overlaps(interval) } == true
            guard let row = rows[key] else {
                expect(isTouched || isDeclaredLost(key.series.pair, interval), "\(name) is missing without a hole")
                continue
            }
            if row.flags.contains(.partial) {
                let lacksMid = row.flags.contains(.sideMissing)
                expect(
                    row.blindMilliseconds > 0 || row.lostUpdates > 0 || lacksMid, "\(name) is partial without a reason")
                expect(
                    isTouched || row.lostUpdates > 0 || lacksMid || world.lostAnEnd,
                    "\(name) is blind without a recorded hole")
            } else {
                expect(MarketTruth(row) == MarketTruth(ticks), "\(name) is shown as whole and is wrong")
                if world.trouble == .kills { expect(!isTouched, "\(name) is shown as whole beside a hole") }
            }
        }
    }

    /// All its ticks may be updates that the broker declared lost.
    private func isDeclaredLost(_ pair: Pair, _ interval: Range<UTCNanos>) -> Bool {
        let window = (interval.lowerBound - .seconds(2))..<(interval.upperBound + .seconds(2))
        return events.contains {
            $0.event == "updates lost" && $0.pair == pair.description && window.contains($0.time)
        }
    }

    /// Of the feed, and of a pair by itself.
    private func recordedHoles(of pair: Pair) -> [Range<UTCNanos>] {
        recordedHoles(nil) + recordedHoles(pair.description)
    }

    /// `blind ended` records a hole; if that record was damaged, `blind began` records one until the next event.
    private func recordedHoles(_ pair: String?) -> [Range<UTCNanos>] {
        var holes: [Range<UTCNanos>] = []
        var since: UTCNanos?
        for event in events.filter({ $0.pair == pair }).sorted(by: { order($0) < order($1) }) {
            let (from, until) = (UTCNanos(rawValue: event.detail), UTCNanos(rawValue: event.until))
            switch event.event {
            case "blind began":
                if let since, from > since { holes.append(since..<from) }
                since = from
            case "blind ended":
                since = nil
                if until > from { holes.append(from..<until) }
            default: break
            }
        }
        return holes + (since.map { [$0..<UTCNanos(rawValue: .max)] } ?? [])
    }

    /// At one position the end of a stretch comes before the beginning of the next.
    private func order(_ event: StoredEvent) -> (UInt64, Int) { (event.position, event.event == "blind began" ? 1 : 0) }

    private func name(_ key: Interval) -> String {
        "\(key.series) \(UTCNanos(seconds: key.start))"
    }

    private mutating func expect(_ holds: Bool, _ sentence: String) {
        if !holds, violations.count < 20 { violations.append(sentence) }
    }
}
