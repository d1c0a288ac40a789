internal import Host
internal import MarketData
internal import Store
internal import Streams
internal import Wire

/// The `forming` stream of one collector: its present candles and quotes.
struct FormingFeed {
    let collector: Collector
    let subscriber: Subscriber
    /// The newest quote of each pair heard of.
    private(set) var quotes: [Pair: FormingCandles.Quote] = [:]
    /// Those heard of whose intervals are not over.
    private(set) var candles: [Series: Candle] = [:]
    /// Of which a tick has come.
    private(set) var heard: Set<Pair> = []
    /// Of each pair: the series of the candles that came since its last tick. That tick ends them: others are over.
    private var group: [Pair: Set<Series>] = [:]

    init(_ collector: Collector, _ subscriber: Subscriber) {
        (self.collector, self.subscriber) = (collector, subscriber)
    }

    mutating func take(_ message: UnsafeRawBufferPointer) -> FormingCandles.Update? {
        if let tick = TickEnvelope(bytes: message)?.tick { take(tick) }
        guard let record = CandleEnvelope(bytes: message)?.forming else { return nil }
        let update = FormingCandles.Update(
            series: record.series, candle: Candle(record, collector: collector), isClosed: record.position > 0)
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
    private mutating func take(_ candle: CandleRecord) {
        var quote = quotes[candle.pair] ?? FormingCandles.Quote()
        if candle.bid.close.rawValue > 0 { quote.bid = candle.bid.close }
        if candle.ask.close.rawValue > 0 { quote.ask = candle.ask.close }
        quote.time = max(quote.time, candle.lastTickTime)
        quotes[candle.pair] = quote
    }

    private mutating func take(_ tick: TickRecord) {
        let present = group.removeValue(forKey: tick.pair) ?? []
        candles = candles.filter { $0.key.pair != tick.pair || present.contains($0.key) }
        heard.insert(tick.pair)
        quotes[tick.pair, default: FormingCandles.Quote()].take(tick)
    }
}

extension Candle {
    /// Which of two candles that form readers see: that of the later interval, then that of more ticks, then that of the
    /// collector whose name is the first.
    func isBehind(_ other: Candle) -> Bool {
        (timestamp, tickCount, other.collector?.name ?? "") < (other.timestamp, other.tickCount, collector?.name ?? "")
    }
}
