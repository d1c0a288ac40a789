package import CandleReader
package import HTTPService
internal import Host
package import MarketData
package import Store
internal import Synchronization
internal import Wire

/// The clients of the live feed, and what is newest of it. Any thread.
///
/// A client first gets the present state, then every event that it wants, in the order of `publish`. Source:
/// docs/decisions/0046-threads-of-the-window.md.
package final class LiveHub: Sendable {
    package typealias Quote = FormingCandles.Quote

    /// As many clients may listen at the same time.
    package static let clientLimit = 256

    private let state: Mutex<State>

    /// - Parameter epoch: distinguishes this process from those before it: when it began.
    package init(epoch: UTCNanos = Clock.system.now()) { state = Mutex(State(epoch: epoch)) }

    // MARK: Clients

    /// How many clients listen.
    package var clientCount: Int { state.withLock { $0.clients.count } }

    /// Whether any client listens to a topic.
    package func hasClient(of topic: LiveSubscription.Topic) -> Bool {
        state.withLock { state in state.audiences.contains { $0.key.topics.contains(topic) } }
    }

    /// From now on a client gets what it wants, until it is gone.
    /// - Returns: false if the hub is full: the stream is then closed.
    @discardableResult
    package func add(_ subscription: LiveSubscription, _ stream: any HTTPStream) -> Bool {
        // In the lock, so that no event comes before the present state or is missed behind it. `send` never blocks.
        let admission = state.withLock { $0.admit(subscription, stream) }
        switch admission {
        case .client(let number): stream.onClose { [self] in remove([number]) }
        case .isGone: break
        case .isFull: stream.close()
        }
        return admission != .isFull
    }

    private func remove(_ numbers: [Int]) { state.withLock { for number in numbers { $0.remove(number) } } }

    // MARK: Events

    /// Hands an event to all clients that want it.
    package func publish(_ event: LiveEvent) { publish([event]) }

    /// Hands events to all clients that want them: each client gets its own in one piece. Only one thread publishes
    /// events of a topic, so that their order is kept.
    package func publish(_ events: [LiveEvent]) {
        guard !events.isEmpty else { return }
        let (placed, audiences) = state.withLock { ($0.take(events), $0.audiences) }
        var encoded: [String: [[UInt8]?]] = [:]
        var gone: [Int] = []
        for audience in audiences.values {
            let format = audience.subscription.format
            let parts = encoded[format.name] ?? placed.map { $0.bytes(format) }
            encoded[format.name] = parts
            var bytes: [UInt8] = []
            for (event, part) in zip(placed, parts) {
                if let part, audience.subscription.wants(event.event) { bytes += part }
            }
            guard !bytes.isEmpty else { continue }
            gone += audience.streams.filter { !$0.value.send(bytes) }.keys
        }
        if !gone.isEmpty { remove(gone) }
    }

    // MARK: The newest of all

    /// The newest quote of each pair, whether a client listens or not: at most 250 ms old while the pipeline runs.
    package var quotes: [Pair: Quote] { state.withLock { $0.quotes } }

    /// The candle of a series whose interval is not over: as old as the feed. If the aggregator ended meanwhile, a later
    /// one may be in the database.
    package func forming(_ series: Series) -> Candle? { state.withLock { $0.candles[series] } }

    /// What the `forming` streams show now.
    func set(quotes: [Pair: Quote], candles: [Series: Candle]) {
        state.withLock { state in
            state.quotes.merge(quotes) { $1.time > $0.time ? $1 : $0 }
            state.candles = candles
        }
    }
}
