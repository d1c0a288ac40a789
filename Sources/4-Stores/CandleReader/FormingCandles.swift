public import Host
public import MarketData
public import Store
internal import Streams
internal import Wire

/// The candles of intervals that are not over, as `aggregator` publishes them on the `forming` stream, at most every
/// 250 ms each. The database never holds them.
///
/// A new reader gets the present state within 250 ms, then what changes. A slow one loses messages; the next one has the
/// present state of its candle again.
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
    }

    /// The newest quote of each pair heard of.
    public private(set) var quotes: [Pair: Quote] = [:]
    /// Those heard of whose intervals are not over.
    public private(set) var candles: [Series: Candle] = [:]

    /// Of each pair: the series of the candles that came since its last tick. That tick ends them: others are over.
    private var group: [Pair: Set<Series>] = [:]
    /// Of which a tick has come.
    private var heard: Set<Pair> = []
    private let subscriber: Subscriber

    /// - Parameters:
    ///   - paths: whose runtime folder has the socket.
    ///   - pair: only candles of this one; `nil`: of all.
    /// - Throws: `BusError`; `Failure` (78) if the socket's path is too long.
    public init(paths: Paths, pair: Pair? = nil) throws {
        let topics = [RecordKind.forming, .tick].map { $0.topic(of: pair) }
        subscriber = try Subscriber(
            context: try BusContext(), endpoint: try paths.endpoint(.forming), topics: topics)
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
    public func take() { wait(milliseconds: 0) { _ in false } }

    /// The present candle of a series: as old as the feed, if `ingest-stream` is down.
    /// - Parameter milliseconds: how long to wait at most for the first word of its pair.
    /// - Returns: `nil` if the pair had no tick in the present interval.
    /// - Throws: `Failure` (69) if `aggregator` publishes nothing of the pair in this time.
    public func present(_ pair: Pair, _ timeframe: Timeframe, milliseconds: Int = 1_000) throws -> Candle? {
        take()
        let series = Series(pair, timeframe)
        // A pair's tick comes after its candles, but the subscription may begin between them.
        if !heard.contains(pair) {
            wait(milliseconds: milliseconds) { [self] _ in heard.contains(pair) }
            wait(milliseconds: min(milliseconds, 300)) { [self] _ in candles[series] != nil }
        }
        guard heard.contains(pair) else {
            throw Failure(
                .unavailable,
                "\(subscriber.endpoint) brings nothing of \(pair): does aggregator run, and is the pair configured?")
        }
        return candles[series]
    }

    /// Takes messages until `isDone` says so or the time is over.
    private func wait(milliseconds: Int, until isDone: (Update?) -> Bool) {
        let deadline = Deadline(milliseconds: milliseconds)
        while true {
            var isOver = isDone(nil)
            while !isOver, subscriber.receive({ isOver = isDone(take($0)) }) {}
            guard !isOver, subscriber.wait(until: deadline) else { return }
        }
    }

    private func take(_ message: UnsafeRawBufferPointer) -> Update? {
        if let tick = TickEnvelope(bytes: message)?.tick { take(tick) }
        guard let record = CandleEnvelope(bytes: message)?.forming else { return nil }
        let update = Update(series: record.series, candle: Candle(record), isClosed: record.position > 0)
        if !update.isClosed {
            candles[update.series] = update.candle
            group[record.pair, default: []].insert(update.series)
            take(record)
        } else if candles[update.series]?.timestamp == update.candle.timestamp {
            candles[update.series] = nil
        }
        return update
    }

    /// The close of a side is its last price.
    private func take(_ candle: CandleRecord) {
        var quote = quotes[candle.pair] ?? Quote()
        if candle.bid.close.rawValue > 0 { quote.bid = candle.bid.close }
        if candle.ask.close.rawValue > 0 { quote.ask = candle.ask.close }
        quote.time = max(quote.time, candle.lastTickTime)
        quotes[candle.pair] = quote
    }

    /// A side that the tick lacks stays.
    private func take(_ tick: TickRecord) {
        let present = group.removeValue(forKey: tick.pair) ?? []
        candles = candles.filter { $0.key.pair != tick.pair || present.contains($0.key) }
        heard.insert(tick.pair)
        var quote = quotes[tick.pair] ?? Quote()
        if !tick.flags.contains(.bidMissing) { quote.bid = tick.bid }
        if !tick.flags.contains(.askMissing) { quote.ask = tick.ask }
        quote.time = tick.brokerTime
        quotes[tick.pair] = quote
    }
}

@available(*, unavailable)
extension FormingCandles: Sendable {}
