import Candles
import MarketData
import Streams
import TestKit
import Wire

/// The promises at the end of any `CrashWorld`. Source: docs/architecture.md § Nothing is lost.
struct Invariants {
    private let world: CrashWorld
    private(set) var violations: [String]

    init(_ world: CrashWorld) throws {
        self.world = world
        violations = world.violations
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
                rows(reference).mapValues { content($0.envelope) }
                    == world.database.rows.mapValues { content($0.envelope) },
                "the store is not the fold")
        }
        checkCandles()
    }

    // MARK: Journals

    private func read<Record: StreamEnvelope>(_ stream: CrashWorld.Stream, _ type: Record.Type) throws -> [Record] {
        var records: [Record] = []
        let reader = try JournalReader(folder: world.path(stream), recordSize: Record.byteCount)
        while try reader.read(type, { records.append($0) }) > 0 {}
        return records
    }

    private mutating func checkJournal(_ stream: CrashWorld.Stream, _ records: [some StreamEnvelope]) throws {
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
        var builder = CandleBuilder(options: SimulatedAggregator.options)
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

    private func rows(_ candles: [CandleEnvelope]) -> [SimulatedDatabase.Key: CandleRecord] {
        var database = SimulatedDatabase()
        for candle in candles { database.take(candle) }
        return database.rows
    }

    /// Every candle that is shown as whole is what happened on the market; every other one says why not.
    private mutating func checkCandles() {
        let holes = Dictionary(uniqueKeysWithValues: SimulatedBroker.pairs.map { ($0, recordedHoles(of: $0)) })
        let truth = truth()
        for key in world.database.rows.keys where truth[key] == nil {
            expect(false, "\(name(key)) never was")
        }
        let end = world.broker.now - 400_000_000_000
        for (key, ticks) in truth where key.start + key.timeframe < end {
            let interval = key.start..<(key.start + key.timeframe)
            let name = name(key)
            let isTouched = holes[key.pair]?.contains { $0.overlaps(interval) } == true
            guard let row = world.database.rows[key] else {
                expect(isTouched || isDeclaredLost(key.pair, interval), "\(name) is missing without a hole")
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
                expect(Summary(row) == Summary(ticks), "\(name) is shown as whole and is wrong")
                if world.trouble == .kills { expect(!isTouched, "\(name) is shown as whole beside a hole") }
            }
        }
    }

    /// All its ticks may be updates that the broker declared lost.
    private func isDeclaredLost(_ pair: Pair, _ interval: Range<Int64>) -> Bool {
        let margin: Int64 = 2_000_000_000
        let window = (interval.lowerBound - margin)..<(interval.upperBound + margin)
        return world.database.events.contains {
            guard case .updatesLost = $0.feedEvent, $0.pair == pair else { return false }
            return window.contains($0.start.rawValue)
        }
    }

    /// Of the feed, and of a pair by itself.
    private func recordedHoles(of pair: Pair) -> [Range<Int64>] { holes(told: .none) + holes(told: pair) }

    /// `blind ended` tells a hole; where that record was damaged, `blind began` tells one until the next word.
    private func holes(told pair: Pair) -> [Range<Int64>] {
        var holes: [Range<Int64>] = []
        var since: Int64?
        let events = world.database.events.filter { $0.pair == pair }
        for record in events.sorted(by: { order($0) < order($1) }) {
            switch record.feedEvent {
            case .blindBegan(let from):
                if let since, from.rawValue > since { holes.append(since..<from.rawValue) }
                since = from.rawValue
            case .blindEnded(let from, let until):
                since = nil
                if until > from { holes.append(from.rawValue..<until.rawValue) }
            default: break
            }
        }
        return holes + (since.map { [$0..<Int64.max] } ?? [])
    }

    /// At one position the end of a stretch comes before the beginning of the next.
    private func order(_ record: CandleEnvelope) -> (UInt64, Int) {
        if case .blindBegan = record.feedEvent { (record.inputPosition, 1) } else { (record.inputPosition, 0) }
    }

    private func name(_ key: SimulatedDatabase.Key) -> String {
        "\(key.pair) \(key.timeframe / 60_000_000_000)m \(UTCNanos(rawValue: key.start))"
    }

    private func truth() -> [SimulatedDatabase.Key: [SimulatedBroker.Tick]] {
        var candles: [SimulatedDatabase.Key: [SimulatedBroker.Tick]] = [:]
        for timeframe in SimulatedAggregator.options.timeframes {
            for tick in world.broker.truth {
                let key = SimulatedDatabase.Key(
                    pair: SimulatedBroker.pairs[tick.pair], timeframe: timeframe.nanos,
                    start: tick.time - tick.time % timeframe.nanos)
                candles[key, default: []].append(tick)
            }
        }
        return candles
    }

    private mutating func expect(_ holds: Bool, _ sentence: String) {
        if !holds, violations.count < 20 { violations.append(sentence) }
    }
}

/// Open, high, low and close of bid, ask and twice the mid, and how many ticks: the reference fold.
private struct Summary: Hashable {
    private let prices: [[Int64]]
    private let count: Int

    init(_ row: CandleRecord) {
        prices = [(row.bid, 1), (row.ask, 1), (row.mid, 2)].map { side, factor in
            [side.open, side.high, side.low, side.close].map { $0.rawValue * Int64(factor) }
        }
        count = Int(row.tickCount)
    }

    init(_ ticks: [SimulatedBroker.Tick]) {
        let ordered = ticks.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            .map(\.element)
        let sums = ordered.compactMap { tick in tick.bid.flatMap { bid in tick.ask.map { bid + $0 } } }
        prices = [ordered.compactMap(\.bid), ordered.compactMap(\.ask), sums].map { side in
            guard let first = side.first, let last = side.last else { return [0, 0, 0, 0] }
            return [first, side.max() ?? 0, side.min() ?? 0, last]
        }
        count = ticks.count
    }
}
