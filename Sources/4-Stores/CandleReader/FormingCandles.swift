public import Host
public import MarketData
public import Store
package import Streams
package import Wire

/// The candles of intervals that are not over, as `aggregator` publishes them on the `forming` stream, at most every
/// 250 ms each. The database never holds them.
///
/// A new reader gets the present state within 250 ms, then what changes. A slow one loses messages; the next one has the
/// present state of its candle again.
///
/// The streams of all collectors of this machine are heard, and those of a collector that appears later. Of a pair that
/// several stream, the candle of the later interval is seen, then that of more ticks, then that of the collector whose
/// name is the first.
///
/// Source: docs/formats.md § 4.
///
/// - Note: One thread only.
public final class FormingCandles {
    /// A candle as far as it has come.
    public struct Update: Hashable, Sendable {
        public let series: Series
        public let candle: Candle
        /// Its interval is over, and this is the candle's last state.
        public let isClosed: Bool
    }

    /// The newest quote of a pair. A side is 0 until a tick of the present interval or a later one has brought it.
    public struct Quote: Hashable, Sendable {
        public internal(set) var bid = Price(rawValue: 0)
        public internal(set) var ask = Price(rawValue: 0)
        /// By the broker's clock.
        public internal(set) var time = UTCNanos(rawValue: 0)

        package init() {}

        /// A side that the tick lacks stays.
        package mutating func take(_ tick: TickRecord) {
            if !tick.flags.contains(.bidMissing) { bid = tick.bid }
            if !tick.flags.contains(.askMissing) { ask = tick.ask }
            time = tick.brokerTime
        }
    }

    private var feeds: [FormingFeed] = []
    /// The last interval of each series that a collector closed: the same of another one is over too.
    private var closed: [Series: Int64] = [:]
    private let paths: Paths
    private let topics: [String]
    private let context: BusContext
    /// When to look for collectors again, ns.
    private var nextLook = Int64.min

    /// - Parameters:
    ///   - paths: whose runtime folder has the sockets.
    ///   - pair: only candles of this one; `nil`: of all.
    /// - Throws: `BusError`; `Failure` (78) if a socket's path is too long.
    public init(paths: Paths, pair: Pair? = nil) throws {
        topics = [RecordKind.forming, .tick].map { $0.topic(of: pair) }
        context = try BusContext()
        self.paths = paths
        try listen()
    }

    /// The newest quote of each pair heard of.
    public var quotes: [Pair: Quote] {
        feeds.reduce(into: [:]) { $0.merge($1.quotes) { $1.time > $0.time ? $1 : $0 } }
    }

    /// Those heard of whose intervals are not over.
    public var candles: [Series: Candle] {
        feeds.reduce(into: [:]) { all, feed in
            all.merge(feed.candles.filter { !isOver($0.key, $0.value) }) { $0.isBehind($1) ? $1 : $0 }
        }
    }

    /// Waits for the next update of a candle.
    /// - Parameter milliseconds: how long at most.
    /// - Returns: `nil` if none came in time.
    public func next(milliseconds: Int) -> Update? {
        var next: Update?
        wait(milliseconds: milliseconds) { update in
            next = update
            return update != nil
        }
        return next
    }

    /// Takes all that has come, for `quotes` and `candles`.
    public func take() { take { _ in } }

    /// Takes all that has come.
    /// - Parameter body: gets the updates of candles.
    /// - Returns: whether anything came.
    @discardableResult
    package func take(_ body: (Update) -> Void) -> Bool {
        // Asked once before the first message.
        var messages = -1
        wait(milliseconds: 0) { update in
            messages += 1
            if let update { body(update) }
            return false
        }
        return messages > 0
    }

    /// What the messages come from, for a wait for several streams.
    package var subscribers: [Subscriber] { feeds.map(\.subscriber) }

    /// The present candle of a series: as old as the feed, if `ingest-stream` is down.
    /// - Parameter milliseconds: how long to wait at most for the first word of its pair.
    /// - Returns: `nil` if the pair had no tick in the present interval.
    /// - Throws: `Failure` (69) if `aggregator` publishes nothing of the pair in this time.
    public func present(_ pair: Pair, _ timeframe: Timeframe, milliseconds: Int = 1_000) throws -> Candle? {
        take()
        let series = Series(pair, timeframe)
        // A pair's tick comes after its candles, but the subscription may begin between them.
        if !hasHeard(pair) {
            wait(milliseconds: milliseconds) { [self] _ in hasHeard(pair) }
            // With several collectors each has its say.
            wait(milliseconds: min(milliseconds, 300)) { [self] _ in feeds.count == 1 && candles[series] != nil }
        }
        guard hasHeard(pair) else {
            let endpoints = feeds.map(\.subscriber.endpoint)
            throw Failure(
                .unavailable,
                "\(endpoints.joined(separator: ", ")) \(endpoints.count == 1 ? "brings" : "bring") nothing of \(pair): does aggregator run, and is the pair configured?"
            )
        }
        return candles[series]
    }

    private func hasHeard(_ pair: Pair) -> Bool { feeds.contains { $0.heard.contains(pair) } }

    /// Takes messages until `isDone` says so or the time is over.
    private func wait(milliseconds: Int, until isDone: (Update?) -> Bool) {
        let deadline = Deadline(milliseconds: milliseconds)
        while true {
            lookForCollectors()
            var isOver = isDone(nil)
            for index in feeds.indices {
                while !isOver, feeds[index].subscriber.receive({ isOver = isDone(take($0, index)) }) {}
            }
            guard !isOver, deadline.millisecondsLeft > 0 else { return }
            // A collector may appear meanwhile.
            let look = Deadline(milliseconds: min(deadline.millisecondsLeft, FormingCandles.lookMilliseconds))
            _ = Subscriber.wait(for: feeds.map(\.subscriber), milliseconds: max(1, look.millisecondsLeft))
        }
    }

    /// - Returns: `nil` if another collector's candle is seen in its place.
    private func take(_ message: UnsafeRawBufferPointer, _ index: Int) -> Update? {
        guard let update = feeds[index].take(message) else { return nil }
        guard feeds.count > 1 else { return update }
        guard !isOver(update.series, update.candle) else { return nil }
        if update.isClosed {
            closed[update.series] = update.candle.timestamp
        } else if let best = candles[update.series], best.collector != update.candle.collector {
            return nil
        }
        return update
    }

    private func isOver(_ series: Series, _ candle: Candle) -> Bool { closed[series] == candle.timestamp }

    // MARK: Collectors

    private static let lookMilliseconds = 1_000

    private func lookForCollectors() {
        let now = Clock.system.monotonic()
        guard now >= nextLook else { return }
        nextLook = now + Int64(FormingCandles.lookMilliseconds) * UTCNanos.perMillisecond
        // One whose socket cannot be heard is left out, and asked again.
        try? listen()
    }

    private func listen() throws {
        for collector in paths.collectors where !feeds.contains(where: { $0.collector == collector }) {
            let subscriber = try Subscriber(
                context: context, endpoint: try paths.of(collector).endpoint(.forming), topics: topics)
            feeds.append(FormingFeed(collector, subscriber))
        }
    }
}

@available(*, unavailable)
extension FormingCandles: Sendable {}
