internal import CandleReader
internal import HTTPService
internal import IG
internal import MarketData
internal import Settings
internal import Wire

/// The newest prices, and the stream of all that come. Source: OANDA v20, "Pricing Endpoints" and "Pricing Definitions".
enum OandaPricing {
    /// `/accounts/{account}/pricing`: of the pairs of `instruments` that have a price, if it is newer than `since`.
    static func answer(_ request: RouteRequest, _ worker: Worker) throws -> HTTPResponse {
        let (facts, time) = (worker.facts, try OandaTime(request.http))
        let pairs = try instruments(request, among: Set(worker.listedPairs().pairs))
        let since = try request.oandaTime("since")
        if try request.oandaFlag("includeHomeConversions", default: false) {
            throw WebError.invalid("includeHomeConversions", "Give false: the account has no trades to convert")
        }
        let quotes = facts.live.quotes
        var text = JSONText(capacity: 300 * pairs.count)
        text.begin(.object)
        text.key("prices")
        text.begin(.array)
        for pair in pairs {
            guard let quote = quotes[pair], since.map({ quote.time > $0 }) ?? true else { continue }
            text.price(
                OandaPrice(pair, quote.time, bid: quote.bid, ask: quote.ask, isSeen: facts.seesPrices(of: pair)), time)
        }
        text.end(.array)
        text.key("time")
        text.string(time.text(facts.marketNow))
        text.end(.object)
        return .oanda(text)
    }

    /// `/accounts/{account}/pricing/stream`: a line for each tick, and a heartbeat every five seconds.
    static func stream(_ request: RouteRequest, _ facts: SiteFacts) throws -> LiveSubscription {
        try OandaAccount.expect(request)
        let pairs = try instruments(request, among: Set(facts.collectors().pairs))
        let format = OandaStream(
            time: try OandaTime(request.http), hasSnapshot: try request.oandaFlag("snapshot", default: true),
            facts: facts)
        return LiveSubscription(topics: [.ticks], pairs: Set(pairs), format: format)
    }

    private static func instruments(_ request: RouteRequest, among known: Set<Pair>) throws -> [Pair] {
        guard let pairs = try OandaAccount.instruments(request, among: known) else {
            throw WebError.invalid("instruments", "Give such as EUR_USD,USD_JPY")
        }
        return pairs
    }
}

/// Ticks as lines of JSON.
struct OandaStream: LiveFormat {
    let time: OandaTime
    /// Whether it begins with the present prices.
    let hasSnapshot: Bool
    let facts: SiteFacts

    var name: String { "OANDA \(time.rawValue)\(hasSnapshot ? "" : " without snapshot")" }
    let contentType = "application/octet-stream"

    func bytes(of event: LiveEvent) -> [UInt8]? {
        var text = JSONText()
        switch event {
        case .tick(let tick, _):
            if tick.flags.contains(.snapshot), !hasSnapshot { return nil }
            text.price(price(tick), time)
        case .alive(let moment):
            text.begin(.object)
            text.key("type")
            text.string("HEARTBEAT")
            text.key("time")
            text.string(time.text(moment))
            text.end(.object)
        case .forming, .stored, .state: return nil
        }
        return text.bytes + [UInt8(ascii: "\n")]
    }

    /// A snapshot may be old, any other tick is of now.
    private func price(_ tick: TickRecord) -> OandaPrice {
        let isSeen = !tick.flags.contains(.snapshot) || facts.seesPrices(of: tick.pair)
        return OandaPrice(tick.pair, tick.brokerTime, bid: tick.bid, ask: tick.ask, isSeen: isSeen)
    }
}

/// A price, of which a side is 0 if it is missing.
private struct OandaPrice {
    let pair: Pair
    let moment: UTCNanos
    let bid: Price
    let ask: Price
    let isTradeable: Bool

    init(_ pair: Pair, _ moment: UTCNanos, bid: Price, ask: Price, isSeen: Bool) {
        (self.pair, self.moment, self.bid, self.ask) = (pair, moment, bid, ask)
        isTradeable = isSeen && bid.rawValue > 0 && ask.rawValue > 0
    }
}

extension JSONText {
    fileprivate mutating func price(_ price: OandaPrice, _ time: OandaTime) {
        begin(.object)
        key("type")
        string("PRICE")
        key("time")
        string(time.text(price.moment))
        side(price.bid, "bids", closeout: "closeoutBid", price.pair)
        side(price.ask, "asks", closeout: "closeoutAsk", price.pair)
        key("status")
        string(price.isTradeable ? "tradeable" : "non-tradeable")
        key("tradeable")
        bool(price.isTradeable)
        key("instrument")
        string(price.pair.description)
        end(.object)
    }

    /// A list of one price; empty if the side is missing.
    private mutating func side(_ price: Price, _ list: StaticString, closeout: StaticString, _ pair: Pair) {
        let decimals = pair.listedDecimals
        key(list)
        begin(.array)
        if price.rawValue > 0 {
            begin(.object)
            key("price")
            quotedPrice(price, decimals: decimals)
            end(.object)
        }
        end(.array)
        guard price.rawValue > 0 else { return }
        key(closeout)
        quotedPrice(price, decimals: decimals)
    }
}
