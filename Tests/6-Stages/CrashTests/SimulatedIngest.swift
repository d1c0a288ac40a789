import Host
import Logging
import MarketData
import Streams
import TestKit
import Wire

/// ingest-stream as far as the journal and the bus see it: our journal, a model of the session.
final class SimulatedIngest {
    private let writer: StreamWriter
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

    init(paths: Paths, settings: JournalSettings, bus: MemoryBus, clockError: Int64) throws {
        let folder = paths.journal(.ticks)
        self.clockError = clockError
        feedTime = try FeedTail.newestTime(folder: folder).rawValue
        for (pair, since) in try FeedTail.sight(folder: folder).blindPairs {
            if let index = SimulatedBroker.pairs.firstIndex(of: pair) { blindPairs[index] = since.rawValue }
        }
        writer = try StreamWriter(
            stream: .ticks, paths: paths, settings: settings, bus: bus, logger: quietLogger())
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

    private func put(_ record: TickEnvelope) throws { try writer.append(record) }

    private func commit() throws { try writer.commit() }
}
