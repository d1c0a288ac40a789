internal import CandleReader
internal import Host
internal import IG
internal import Inspection
internal import MarketData
internal import Settings
internal import Store

/// `/pairs`: each pair that is configured or stored, as it is now.
enum PairsPath {
    static let path = APIPath.query("/pairs") { _, worker in
        let (facts, store) = (worker.facts, try worker.store())
        let (view, collectors) = (try facts.expectView(), try facts.collectors())
        let lastDay = try facts.lastDay.value(facts.clock) { try LastDay(store, collectors) }
        let quotes = facts.live.quotes
        let stored = Dictionary(grouping: try store.series(), by: \.pair)
        var text = JSONText(capacity: 8_192)
        text.begin(.object)
        text.key("time")
        text.seconds(view.seen.marketNow)
        text.key("pairs")
        text.begin(.array)
        let configured = Set(collectors.pairs)
        for pair in try worker.listedPairs().pairs {
            let timeframes = (stored[pair] ?? []).map(\.timeframe).sorted()
            let recent = try timeframes.first.map { try store.last(DisplayDecimals.candles, pair, $0, .all) } ?? []
            text.begin(.object)
            text.key("pair")
            text.string(pair.description)
            text.key("configured")
            text.bool(configured.contains(pair))
            text.key("decimals")
            text.integer(DisplayDecimals.of(recent, quotes[pair]))
            text.state(of: pair, timeframes, view.seen)
            text.quote(quotes[pair])
            text.last(recent.last, timeframes.first)
            text.lastDay(lastDay[pair])
            text.end(.object)
        }
        text.end(.array)
        text.end(.object)
        return text.bytes
    }
}

extension JSONText {
    fileprivate mutating func state(of pair: Pair, _ timeframes: [Timeframe], _ seen: Verdict.Observation) {
        let collectors = seen.collectors.filter { $0.pairs.contains(pair) }
        key("timeframes")
        begin(.array)
        for timeframe in timeframes { string(timeframe.description) }
        end(.array)
        key("inSession")
        bool(collectors.contains { $0.session(pair) != nil })
        key("blind")
        bool(!collectors.contains { $0.sees(pair) })
    }

    fileprivate mutating func quote(_ quote: FormingCandles.Quote?) {
        let (bid, ask) = (quote?.bid.present, quote?.ask.present)
        key("bid")
        optional(bid)
        key("ask")
        optional(ask)
        key("spread")
        if let bid, let ask { price(Price(rawValue: ask.rawValue - bid.rawValue)) } else { null() }
        key("tickTime")
        if let quote { seconds(quote.time) } else { null() }
    }

    fileprivate mutating func last(_ candle: Candle?, _ timeframe: Timeframe?) {
        key("last")
        guard let candle, let timeframe else { return null() }
        begin(.object)
        key("timeframe")
        string(timeframe.description)
        key("time")
        integer(candle.timestamp)
        key("close")
        optional(candle.mid.close.present)
        key("complete")
        bool(candle.isComplete)
        end(.object)
    }

    fileprivate mutating func lastDay(_ line: LastDay.Line?) {
        key("holesOfLastDay")
        integer(line?.holes ?? 0)
        key("blindMillisecondsOfLastDay")
        integer(line?.blindMilliseconds ?? 0)
        key("disputedOfLastDay")
        integer(line?.disputed ?? 0)
    }

    private mutating func optional(_ value: Price?) {
        if let value { price(value) } else { null() }
    }
}

extension Price {
    /// `nil` if there is no price: a side that no tick had is 0.
    var present: Price? { rawValue == 0 ? nil : self }
}
