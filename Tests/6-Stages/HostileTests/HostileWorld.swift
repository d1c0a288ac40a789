@testable import Candles
@testable import Inspection
import MarketData
@testable import SQLiteStore
import Store
@testable import StreamIngest
import TestKit
import TLCP
import Wire

/// The pipeline from the bytes of a connection to the rows of a database, against a `HostileBroker`: the product's
/// session, recorder, fold and store, with a clock that the test turns.
final class HostileWorld {
    var broker: HostileBroker
    private(set) var session: ClientSession
    private(set) var recorder: FeedRecorder
    private(set) var journal: [TickEnvelope] = []
    private let instruments = HostileBroker.instruments
    private var transport: TransportID?
    private var random: SplitMix
    /// Monotonic.
    private(set) var clock: Int64 = 1_000_000_000_000
    /// The lead of the host's wall clock over the broker's.
    var hostError: Int64 = 0
    private var nextSecond: Int64 = 1_000_000_000_000
    private let closesByNextTick: Bool

    init(seed: UInt64) {
        random = SplitMix(seed: seed &+ 7)
        closesByNextTick = seed % 2 == 0
        broker = HostileBroker(seed: seed)
        session = HostileWorld.makeSession(seed)
        recorder = FeedRecorder(instruments: instruments, past: FeedPast(), closings: HostileWorld.closings)
    }

    private static func makeSession(_ seed: UInt64) -> ClientSession {
        var options = SessionOptions(endpoint: Endpoint("ws://127.0.0.1:1")!)
        options.transports = .webSocketOnly
        return ClientSession(options: options, seed: seed)
    }

    private var now: Duration { .nanoseconds(clock) }
    private var wall: UTCNanos { UTCNanos(rawValue: broker.now + hostError) }

    // MARK: Processes

    func start() {
        recorder.begin(now: wall, monotonic: clock)
        for request in SubscriptionRequest.feed(of: instruments) { _ = session.subscribe(request, now: now) }
        session.start(now: now, into: &recorder)
        settle()
    }

    /// ingest-stream is killed and starts again, with its journal.
    func restart() {
        settle()
        broker.disconnected()
        session = HostileWorld.makeSession(random.next())
        recorder = FeedRecorder(instruments: instruments, past: past, closings: HostileWorld.closings)
        start()
    }

    /// The facts that `FeedTail` reads from a journal's end.
    private var past: FeedPast {
        var past = FeedPast()
        let told = journal.last {
            $0.kind != .feed && $0.flags.isDisjoint(with: [.localClock, .predicted, .snapshot])
        }
        past.time = told?.brokerTime ?? UTCNanos(rawValue: 0)
        past.received = journal.last?.receiveTime ?? UTCNanos(rawValue: 0)
        for record in journal where record.pair != .none {
            switch record.feedEvent {
            case .blindBegan(let since): past.blindPairs[record.pair] = since
            case .blindEnded: past.blindPairs[record.pair] = nil
            default: break
            }
        }
        past.steadySince = journal.first { $0.kind == .clock }?.brokerTime
        for record in journal { if case .clockSetBack(_, let to) = record.feedEvent { past.steadySince = to } }
        return past
    }

    /// Lets time pass, in steps of at most a quarter of a second.
    func pass(_ seconds: Double) {
        let end = clock + Int64(seconds * 1e9)
        while clock < end {
            let step = min(end - clock, Int64.random(in: 20...250, using: &random) * 1_000_000)
            clock += step
            broker.run(until: broker.now + step)
            deliver()
            session.timePassed(now: now, into: &recorder)
            settle()
            if clock >= nextSecond {
                nextSecond = clock + 1_000_000_000
                recorder.timePassed(now: wall, monotonic: clock)
                if let silent = recorder.takeSilentSubscription() { session.renew(silent, now: now) }
                settle()
            }
        }
    }

    private func settle() {
        if session.isBound { recorder.predictClock(now: wall, monotonic: clock) }
        journal += recorder.output.records.enumerated().map { index, record in
            var record = record
            record.seal(position: UInt64(journal.count + index + 1))
            return record
        }
        recorder.output.records = []
        recorder.output.events = []
        while session.hasActions {
            for action in session.takeActions() { carryOut(action) }
            deliver()
        }
    }

    private func carryOut(_ action: SessionAction) {
        switch action {
        case .openWebSocket(let id, _, _):
            transport = id
            broker.connected()
            session.transportOpened(id, now: now)
        case .send(let id, let message): if id == transport { broker.receive(message) }
        case .close(let id):
            guard id == transport else { return }
            transport = nil
            broker.disconnected()
        case .openStream, .post: break
        }
    }

    private func deliver() {
        guard let id = transport else { return }
        let bytes = broker.takeOutput()
        if !bytes.isEmpty {
            recorder.burstBegan(now: wall, monotonic: clock)
            // In pieces that end anywhere.
            var rest = bytes[...]
            while !rest.isEmpty, transport == id {
                let piece = rest.prefix(Int.random(in: 1...2_000, using: &random))
                rest = rest.dropFirst(piece.count)
                Array(piece).withUnsafeBytes { session.received($0, from: id, now: now, into: &recorder) }
            }
            session.burstEnded(now: now, into: &recorder)
        }
        if broker.wantsCut {
            broker.disconnected()
            transport = nil
            session.transportClosed(id, reason: "cut", now: now, into: &recorder)
        }
    }

    // MARK: The referee

    static let timeframes = [Timeframe(minutes: 1)!, .fiveMinutes]
    private static let grace = CandleBuilder.Options().grace
    private static let closings = ClosingTimes(timeframes: timeframes, grace: grace)

    /// The fold of the journal.
    func fold() -> [CandleEnvelope] {
        var options = CandleBuilder.Options()
        options.timeframes = HostileWorld.timeframes
        options.closesByNextTick = closesByNextTick
        var builder = CandleBuilder(options: options)
        for record in journal { builder.fold(record) }
        return builder.output
    }

    /// What breaks the promise, a sentence each: for every candle that is shown as complete, its tick count and prices
    /// equal what the market did, whether it was sent or not; every other interval in which the market ticked is
    /// partial, or `gaps` lists it.
    func violations() throws -> [String] {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/candlewick.db"
        let store = try SQLiteWriter(path: path)
        var batch = fold()
        for index in batch.indices { batch[index].seal(position: UInt64(index + 1)) }
        _ = try store.write(batch, collector: .main, stream: .candles, position: UInt64(batch.count), now: wall)
        try store.close()
        let reader = try SQLiteReader(path: path)
        let gaps = try GapsReport(reader, pairs: [], timeframe: nil, days: 3).gaps
        let firstSight = try reader.firstSight(of: .main)?.rawValue ?? .max
        let newest = journal.last { $0.kind == .clock }?.brokerTime.rawValue ?? 0
        var wrong: [String] = []
        for (item, pair) in HostileBroker.pairs.enumerated() {
            for timeframe in HostileWorld.timeframes {
                let rows = try reader.candles(
                    pair, timeframe, in: 0..<UTCSeconds(rawValue: .max / 1_000_000_000), .all)
                let byStart = Dictionary(uniqueKeysWithValues: rows.map { ($0.timestamp * 1_000_000_000, $0) })
                let truth = Dictionary(grouping: broker.truth[item]) { $0.time / timeframe.nanos * timeframe.nanos }
                for (start, row) in byStart where row.isComplete {
                    if let fault = HostileWorld.compare(row, truth[start] ?? []) {
                        wrong.append("\(pair) \(timeframe) \(UTCNanos(rawValue: start)) is shown as complete: \(fault)")
                    }
                }
                for start in truth.keys.sorted() where byStart[start]?.isComplete != true {
                    let end = start + timeframe.nanos
                    guard start >= firstSight, end + 2_000_000_000 <= newest else { continue }
                    let seconds = UTCSeconds(rawValue: start / 1_000_000_000)
                    let isListed = gaps.contains {
                        $0.pair == pair.description && $0.timeframe == timeframe.description && $0.from <= seconds
                            && seconds < $0.until
                    }
                    if byStart[start] == nil, !isListed {
                        wrong.append("\(pair) \(timeframe) \(UTCNanos(rawValue: start)) is missing and not listed")
                    }
                }
            }
        }
        return wrong
    }

    private static func compare(_ row: Candle, _ ticks: [HostileBroker.Tick]) -> String? {
        guard row.tickCount == ticks.count else { return "\(row.tickCount) of \(ticks.count) ticks" }
        let both = ticks.filter { $0.bid != nil && $0.ask != nil }
        let sides = [
            ticks.compactMap(\.bid), ticks.compactMap(\.ask), both.map { ($0.bid! + $0.ask!) / 2 },
        ]
        for (side, values) in zip([row.bid, row.ask, row.mid], sides) {
            guard let first = values.first, let last = values.last, let high = values.max(), let low = values.min()
            else { return "a side is missing" }
            let prices = [side.open, side.high, side.low, side.close].map(\.rawValue)
            if prices != [first, high, low, last] { return "prices \(prices) instead of \([first, high, low, last])" }
        }
        return nil
    }

    /// Whole candles that end after a moment.
    func wholeCandles(after moment: Int64) -> Int {
        fold().compactMap(\.candle).count { !$0.flags.contains(.partial) && $0.start.rawValue >= moment }
    }
}
