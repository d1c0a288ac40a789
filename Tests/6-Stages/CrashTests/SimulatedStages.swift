import Aggregation
import Candles
import Glibc
import Host
import Logging
import MarketData
@testable import Store
import Streams
import TestKit
import Wire

/// A journal's writer. A program that another test starts holds a copy of the former writer's lock between fork and
/// exec: so it is tried again for a while.
private func openWriter(_ folder: String, _ recordSize: Int, _ settings: JournalSettings, bootID: String) throws
    -> JournalWriter
{
    let deadline = ContinuousClock.now + .seconds(10)
    while true {
        do {
            return try JournalWriter(
                folder: folder, recordSize: recordSize, settings: settings, logger: quietLogger(), bootID: bootID)
        } catch is Failure where ContinuousClock.now < deadline { sched_yield() }
    }
}

func quietLogger() -> Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

/// ingest-stream as far as the journal and the bus see it: our journal, a model of the session.
final class SimulatedIngest {
    let writer: JournalWriter
    private let bus: SimulatedBus
    private let appended: (UnsafeRawBufferPointer) -> Void
    /// The wall clock's error: it may step. Only `receiveTime` shows it.
    private let clockError: Int64
    private var feedTime: Int64
    /// `nil`: the feed is seen.
    private var blindSince: Int64?
    /// The blindness is that of a cut connection: a recovery fills it.
    private var isCut = false
    private var endsBlindness = false
    /// The newest clock record.
    private var lastClock: Int64 = 0
    /// Pairs whose subscription the broker ended.
    private var ended: Set<Int> = []
    /// Since when pairs are blind by themselves.
    private var blindPairs: [Int: Int64] = [:]
    private var lastTicks: [Int: Int64] = [:]

    init(
        folder: String, settings: JournalSettings, bootID: String, bus: SimulatedBus, clockError: Int64,
        appended: @escaping (UnsafeRawBufferPointer) -> Void
    ) throws {
        self.bus = bus
        self.appended = appended
        self.clockError = clockError
        feedTime = try FeedTail.newestTime(folder: folder).rawValue
        for (pair, since) in try FeedTail.sight(folder: folder).blindPairs {
            if let index = SimulatedBroker.pairs.firstIndex(of: pair) { blindPairs[index] = since.rawValue }
        }
        writer = try openWriter(folder, TickEnvelope.byteCount, settings, bootID: bootID)
        if let skipped = writer.skipped {
            try event(.positionsSkipped(first: skipped.lowerBound, count: UInt64(skipped.count)))
        }
        try loseSight()
        try commit()
    }

    /// A session that the broker may still have.
    private(set) var hasSession = false

    /// A session that answered every subscription: snapshots come, the next heartbeat ends the blindness.
    func sessionBegan(_ snapshots: [SimulatedBroker.Tick]) throws {
        try event(.sessionNew)
        (hasSession, isCut, ended) = (true, false, [])
        for tick in snapshots { try append(tick, flags: .snapshot) }
        endsBlindness = true
        try commit()
    }

    /// The connection is gone: all that is sent from now on is missed until a new session, or comes late.
    func cut() throws {
        if blindSince == nil { isCut = true }
        try loseSight()
        try commit()
    }

    /// The session was recovered: what was sent meanwhile comes now.
    func recovered(_ messages: [SimulatedBroker.Message]) throws {
        try event(.sessionRecovered(resent: Int64(messages.count)))
        for message in messages { try take(message, flags: .recovered) }
        if isCut, let since = blindSince {
            (isCut, blindSince) = (false, nil)
            try event(.blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: since)))
        }
        try commit()
    }

    /// The broker ends a pair's subscription while the session lives.
    func end(_ pair: Int) throws {
        guard hasSession, blindSince == nil, ended.insert(pair).inserted else { return }
        try event(.subscriptionEnded, pair: SimulatedBroker.pairs[pair])
        if blindPairs[pair] == nil {
            let since = max(lastTicks[pair] ?? 0, feedTime - FeedEvent.orderMargin)
            blindPairs[pair] = since
            try event(.blindBegan(since: UTCNanos(rawValue: since)), pair: SimulatedBroker.pairs[pair])
        }
        try commit()
    }

    /// It takes it again: the snapshot is the pair's last tick.
    func takeAgain(_ pair: Int, _ snapshot: SimulatedBroker.Tick?) throws {
        guard blindSince == nil, ended.remove(pair) != nil else { return }
        if let snapshot { try append(snapshot, flags: .snapshot) }
        try see(pair, snapshot?.time ?? 0)
        try commit()
    }

    private func see(_ pair: Int, _ snapshot: Int64) throws {
        guard !ended.contains(pair), let since = blindPairs.removeValue(forKey: pair) else { return }
        let until = max(since, feedTime, snapshot + 1)
        try event(
            .blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: until)),
            pair: SimulatedBroker.pairs[pair])
    }

    func receive(_ messages: [SimulatedBroker.Message]) throws {
        for message in messages { try take(message, flags: []) }
        try commit()
    }

    /// The local clock stands in.
    func standIn(_ time: Int64) throws {
        lastClock = max(time, feedTime)
        try put(.clock(UTCNanos(rawValue: lastClock), receiveTime: wall, flags: .localClock))
        try commit()
    }

    private func take(_ message: SimulatedBroker.Message, flags: TickFlags) throws {
        switch message {
        case .tick(let tick) where ended.contains(tick.pair): break
        case .lost(let pair) where ended.contains(pair): break
        case .tick(let tick):
            try append(tick, flags: flags)
            lastTicks[tick.pair] = max(lastTicks[tick.pair] ?? 0, tick.time)
            feedTime = max(feedTime, tick.time)
        case .heartbeat(let time):
            feedTime = max(feedTime, time)
            if endsBlindness, time >= lastClock, let since = blindSince {
                (endsBlindness, isCut, blindSince) = (false, false, nil)
                try event(.blindEnded(from: UTCNanos(rawValue: since), until: UTCNanos(rawValue: feedTime)))
                for pair in blindPairs.keys.sorted() { try see(pair, 0) }
            }
            lastClock = max(lastClock, time)
            try put(.clock(UTCNanos(rawValue: feedTime), receiveTime: wall))
        case .lost(let pair): try event(.updatesLost(count: 1), pair: SimulatedBroker.pairs[pair])
        }
    }

    private func loseSight() throws {
        guard blindSince == nil else { return }
        let since = max(0, feedTime - 2_000_000_000)
        blindSince = since
        try event(.blindBegan(since: UTCNanos(rawValue: since)))
    }

    private var wall: UTCNanos { UTCNanos(rawValue: feedTime + clockError) }

    private func append(_ tick: SimulatedBroker.Tick, flags: TickFlags) throws {
        var flags = flags
        if tick.bid == nil { flags.insert(.bidMissing) }
        if tick.ask == nil { flags.insert(.askMissing) }
        try put(
            .tick(
                SimulatedBroker.pairs[tick.pair], brokerTime: UTCNanos(rawValue: tick.time), receiveTime: wall,
                bid: Price(rawValue: tick.bid ?? 0), ask: Price(rawValue: tick.ask ?? 0), flags: flags))
    }

    private func event(_ event: FeedEvent, pair: Pair = .none) throws {
        try put(.feed(event, pair: pair, brokerTime: UTCNanos(rawValue: feedTime), receiveTime: wall))
    }

    private func put(_ record: TickEnvelope) throws {
        if writer.needsFlush { try commit() }
        writer.append(record)
    }

    private func commit() throws {
        try writer.flush {
            appended($0)
            bus.publish($0, recordSize: TickEnvelope.byteCount)
        }
    }
}

/// The aggregator without its sockets: reader, fold and journal are those of the product.
final class SimulatedAggregator {
    let reader: StreamReader
    private var fold: ResumedFold
    let writer: JournalWriter
    private let bus: SimulatedBus
    private let appended: (UnsafeRawBufferPointer) -> Void

    init(
        ticks: String, candles: String, settings: JournalSettings, bootID: String, input: SimulatedBus,
        output: SimulatedBus, appended: @escaping (UnsafeRawBufferPointer) -> Void
    ) throws {
        bus = output
        self.appended = appended
        writer = try openWriter(candles, CandleEnvelope.byteCount, settings, bootID: bootID)
        fold = ResumedFold(
            options: SimulatedAggregator.options, emitted: try EmittedMarks(journalFolder: candles).ticks)
        reader = try StreamReader(
            live: input.subscribe(), journalFolder: ticks, recordSize: TickEnvelope.byteCount, from: nil,
            logger: quietLogger())
    }

    static let options: CandleBuilder.Options = {
        var options = CandleBuilder.Options()
        options.timeframes = [Timeframe(minutes: 1)!, .fiveMinutes]
        return options
    }()

    /// - Returns: how many records were folded.
    func turn() throws -> Int {
        let count = try reader.pollBytes(milliseconds: 0, stop: -1) { fold.fold($0) }
        try fold.takeNew(publishTime: UTCNanos(rawValue: 1)) {
            if writer.needsFlush { try flush() }
            writer.append($0)
        }
        try flush()
        return count
    }

    private func flush() throws {
        try writer.flush {
            appended($0)
            bus.publish($0, recordSize: CandleEnvelope.byteCount)
        }
    }
}

/// A commit of the store-writer: rows, events and position change together or not at all.
struct SimulatedDatabase {
    struct Key: Hashable {
        let pair: Pair
        let timeframe: Int64
        let start: Int64
    }

    private(set) var rows: [Key: CandleRecord] = [:]
    private(set) var events: [CandleEnvelope] = []
    private(set) var position: UInt64 = 0

    mutating func commit(_ batch: [CandleEnvelope]) {
        for record in batch { take(record) }
        position = batch.last?.position ?? position
    }

    /// Events once, of each interval the better candle.
    mutating func take(_ envelope: CandleEnvelope) {
        guard let record = envelope.candle else {
            let isThere = events.contains {
                $0.inputPosition == envelope.inputPosition && $0.feedEvent == envelope.feedEvent
            }
            if !isThere { events.append(envelope) }
            return
        }
        let key = Key(pair: record.pair, timeframe: record.timeframe.nanos, start: record.start.rawValue)
        guard let row = rows[key] else {
            rows[key] = record
            return
        }
        if CandleRank(record).replaces(CandleRank(row)) { rows[key] = record }
    }
}

/// The store-writer without SQLite: the database survives it.
final class SimulatedStoreWriter {
    private let reader: StreamReader
    private var batch: [CandleEnvelope] = []

    init(candles: String, from position: UInt64, input: SimulatedBus) throws {
        reader = try StreamReader(
            live: input.subscribe(), journalFolder: candles, recordSize: CandleEnvelope.byteCount, from: position + 1,
            logger: quietLogger())
    }

    func turn() throws -> Int {
        try reader.poll(CandleEnvelope.self, milliseconds: 0, stop: -1) { batch.append($0) }
    }

    func commit(to database: inout SimulatedDatabase) {
        database.commit(batch)
        batch = []
    }
}
