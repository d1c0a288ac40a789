internal import CandleReader
internal import Host
internal import MarketData
internal import Store
internal import Streams
internal import Wire

/// Takes what the pipeline publishes, of all collectors, and hands it to the hub's clients.
///
/// Everything that waits goes out in one turn. After it the feed lets the sockets fill for as long as its clients need to
/// be served (`pause`). Ticks are subscribed to only while a client wants them.
///
/// - Note: One thread only.
final class LiveFeed {
    private let hub: LiveHub
    private let paths: Paths
    private let clock: Clock
    private let context: BusContext
    private let forming: FormingCandles
    private let stored: StoredCandles
    private var ticks: [Collector: Subscriber] = [:]
    private var order = TickOrder()
    private var nextLook = Int64.min
    private var nextAlive: Int64

    /// Messages of one socket in one turn: what waited for long, as after a suspension, goes out piece by piece.
    private static let turnLimit = 1_000
    /// The longest time without a look at the clients and the collectors.
    private static let lookMilliseconds = 250
    private static let alivePeriod = 5 * UTCNanos.perSecond

    /// - Throws: `BusError`; `Failure` (78) if a socket's path is too long.
    init(_ paths: Paths, hub: LiveHub, clock: Clock) throws {
        (self.hub, self.paths, self.clock) = (hub, paths, clock)
        context = try BusContext()
        forming = try FormingCandles(paths: paths)
        stored = try StoredCandles(paths: paths)
        nextAlive = clock.monotonic() + LiveFeed.alivePeriod
    }

    /// Takes and publishes until `stop` becomes readable.
    /// - Throws: `BusError`.
    func run(until stop: Int32) throws {
        var isStopped = false
        while !isStopped {
            try lookForCollectors()
            let sources = forming.subscribers + [stored.subscriber] + ticks.values
            _ = Subscriber.wait(for: sources, milliseconds: LiveFeed.lookMilliseconds, stop: stop)
            turn()
            isStopped = Subscriber.wait(for: [], milliseconds: pause, stop: stop)
        }
    }

    /// 50 µs for each client, about what it costs to serve it; and 1 ms, in which a burst of forming candles comes.
    private var pause: Int { 1 + hub.clientCount / 20 }

    private func turn() {
        hub.publish(takeTicks() + takeForming() + takeStored())
        let now = clock.monotonic()
        guard now >= nextAlive else { return }
        nextAlive = now + LiveFeed.alivePeriod
        hub.publish(.alive(clock.now()))
    }

    private func takeTicks() -> [LiveEvent] {
        var events: [LiveEvent] = []
        for (collector, subscriber) in ticks.sorted(by: { $0.key < $1.key }) {
            var left = LiveFeed.turnLimit
            while left > 0,
                subscriber.receive({ message in
                    guard let tick = TickEnvelope(bytes: message)?.tick, !tick.flags.doesNotCount,
                        order.admits(tick, of: collector)
                    else { return }
                    events.append(.tick(tick, collector))
                })
            { left -= 1 }
        }
        return events
    }

    /// Of a candle that changed several times, only what it is now.
    private func takeForming() -> [LiveEvent] {
        var updates: [FormingCandles.Update] = []
        var open: [Series: Int] = [:]
        let isNew = forming.take { update in
            if let place = open[update.series], updates[place].candle.timestamp == update.candle.timestamp {
                updates[place] = update
            } else {
                open[update.series] = updates.count
                updates.append(update)
            }
            if update.isClosed { open[update.series] = nil }
        }
        if isNew { hub.set(quotes: forming.quotes, candles: forming.candles) }
        return updates.map { .forming($0.series, $0.candle, isClosed: $0.isClosed) }
    }

    private func takeStored() -> [LiveEvent] {
        var events: [LiveEvent] = []
        while events.count < LiveFeed.turnLimit, let new = stored.take() {
            events.append(.stored(new.series, Candle(new), isDisputed: new.flags.contains(.disputed)))
        }
        return events
    }

    /// Those that have ever run here, while a client wants ticks.
    private func lookForCollectors() throws {
        guard hub.hasClient(of: .ticks) else {
            ticks = [:]
            nextLook = .min
            return
        }
        let now = clock.monotonic()
        guard now >= nextLook else { return }
        nextLook = now + UTCNanos.perSecond
        for collector in paths.collectors where ticks[collector] == nil {
            let endpoint = try paths.of(collector).endpoint(.ticks)
            ticks[collector] = try Subscriber(
                context: context, endpoint: endpoint, topics: [RecordKind.tick.topic(of: nil)])
        }
    }
}

@available(*, unavailable)
extension LiveFeed: Sendable {}

/// Makes one sequence of each pair's ticks of several collectors: a tick of another collector than the last counts only
/// if it is newer.
struct TickOrder {
    private var last: [Pair: (time: UTCNanos, collector: Collector)] = [:]

    /// Whether a tick is handed on.
    mutating func admits(_ tick: TickRecord, of collector: Collector) -> Bool {
        if let last = last[tick.pair], last.collector != collector, tick.brokerTime <= last.time { return false }
        last[tick.pair] = (tick.brokerTime, collector)
        return true
    }
}
