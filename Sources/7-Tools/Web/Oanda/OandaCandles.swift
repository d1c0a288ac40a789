internal import HTTPService
internal import IG
internal import MarketData
internal import Store

/// Candles in OANDA's form. Source: OANDA v20, "Instrument Definitions", `CandlestickResponse`.
enum OandaCandles {
    private static let bytesPerCandle = 260
    static let specificationsMax = 200

    /// `/instruments/{instrument}/candles`, with or without an account.
    static func answer(_ request: RouteRequest, _ worker: Worker) throws -> HTTPResponse {
        let time = try OandaTime(request.http)
        let query = try OandaCandleQuery(request, try worker.listedPairs().timeframes, now: worker.facts.latestNow)
        let page = try CandlePage(worker, query.series, in: query.range, query.limit, query.selection)
        var text = JSONText(capacity: 100 + (page.stored.count + 1) * bytesPerCandle)
        text.candles(page, query.series, query.sides, time)
        return .oanda(text)
    }

    /// `/accounts/{account}/candles/latest`: the last whole candle of each, and the one that forms.
    static func latest(_ request: RouteRequest, _ worker: Worker) throws -> HTTPResponse {
        let time = try OandaTime(request.http)
        let timeframes = try worker.listedPairs().timeframes
        guard let list = request.http["candleSpecifications"] else {
            throw WebError.invalid("candleSpecifications", "Give such as EUR_USD:M5:BM")
        }
        let specifications = list.split(separator: ",", omittingEmptySubsequences: false)
        guard specifications.count <= specificationsMax else {
            throw WebError.invalid("candleSpecifications", "Give at most \(specificationsMax)")
        }
        var text = JSONText()
        text.begin(.object)
        text.key("latestCandles")
        text.begin(.array)
        for specification in specifications {
            let (series, sides) = try read(specification, timeframes)
            try request.expectStoredCandles(series.timeframe)
            let page = try CandlePage(worker, series, in: .min ..< .max, .last(2), .complete)
            text.candles(page.newest, series, sides, time)
        }
        text.end(.array)
        text.end(.object)
        return .oanda(text)
    }

    /// Reads `EUR_USD:M5:BM`.
    private static func read(
        _ specification: Substring, _ timeframes: [Pair: [Timeframe]]
    ) throws -> (Series, Set<PriceSide>) {
        let parts = specification.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { throw WebError.invalid("candleSpecifications", "Give such as EUR_USD:M5:BM") }
        let pair = try RouteRequest.instrument(parts[0], timeframes)
        let timeframe = try RouteRequest.timeframe(granularity: parts[1], of: pair, timeframes[pair] ?? [])
        return (Series(pair, timeframe), try RouteRequest.sides(parts[2], parameter: "candleSpecifications"))
    }
}

extension JSONText {
    fileprivate mutating func candles(
        _ page: CandlePage, _ series: Series, _ sides: Set<PriceSide>, _ time: OandaTime
    ) {
        begin(.object)
        key("instrument")
        string(series.pair.description)
        key("granularity")
        string(series.timeframe.granularity)
        key("candles")
        begin(.array)
        let decimals = series.pair.listedDecimals
        for candle in page.stored { self.candle(candle, sides, time, decimals, isWhole: candle.isComplete) }
        if let forming = page.forming { candle(forming, sides, time, decimals, isWhole: false) }
        end(.array)
        end(.object)
    }

    /// Leaves out a candle of which no tick had one of the sides.
    private mutating func candle(
        _ candle: Candle, _ sides: Set<PriceSide>, _ time: OandaTime, _ decimals: Int, isWhole: Bool
    ) {
        guard sides.contains(where: { $0.prices(of: candle) != nil }) else { return }
        begin(.object)
        key("complete")
        bool(isWhole)
        key("volume")
        integer(candle.tickCount)
        key("time")
        string(time.text(UTCSeconds(rawValue: candle.timestamp)))
        for (side, name) in JSONText.sideNames where sides.contains(side) {
            guard let prices = side.prices(of: candle) else { continue }
            key(name)
            ohlc(prices, decimals)
        }
        end(.object)
    }

    private static let sideNames: [(PriceSide, StaticString)] = [(.bid, "bid"), (.mid, "mid"), (.ask, "ask")]

    private mutating func ohlc(_ prices: OHLC, _ decimals: Int) {
        begin(.object)
        key("o")
        quotedPrice(prices.open, decimals: decimals)
        key("h")
        quotedPrice(prices.high, decimals: decimals)
        key("l")
        quotedPrice(prices.low, decimals: decimals)
        key("c")
        quotedPrice(prices.close, decimals: decimals)
        end(.object)
    }
}
