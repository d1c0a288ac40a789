internal import MarketData
internal import Store

/// `/candles/{pair}/{timeframe}`: what the database holds, and the candle that forms.
enum CandlesPath {
    static let countMax = 10_000

    static let path = APIPath.query(
        "/candles/{pair}/{timeframe}", ["from", "to", "count", "selection", "forming"]
    ) { request, worker in
        let series = Series(try request.pathPair(), try request.pathTimeframe())
        let store = try worker.store()
        return try store.together {
            let page = try page(request, worker, series)
            if page.stored.isEmpty, page.forming == nil { try worker.expect(series) }
            return json(series, page, try Disputes(store, series, page.stored))
        }
    }

    /// The candles that a request asks for.
    private static func page(_ request: RouteRequest, _ worker: Worker, _ series: Series) throws -> CandlePage {
        let (first, end) = try request.timeRange()
        let count = try request.count(in: 1...countMax, default: 200)
        let selections: KeyValuePairs<String, CandleSelection> = ["all": .all, "complete": .complete]
        let selection = try request.choice("selection", of: selections, default: .all)
        return try CandlePage(
            worker, series, in: (first ?? .min)..<(end ?? .max), first == nil ? .last(count) : .first(count), selection,
            forming: request.flag("forming") ? .beyondLimit : .leftOut)
    }

    private static func json(_ series: Series, _ page: CandlePage, _ disputes: Disputes) -> [UInt8] {
        var text = JSONText(capacity: 100 + (page.stored.count + 1) * JSONText.bytesPerCandle)
        text.begin(.object)
        text.key("pair")
        text.string(series.pair.description)
        text.key("timeframe")
        text.string(series.timeframe.description)
        text.key("candles")
        text.begin(.array)
        for candle in page.stored { text.candle(candle, isDisputed: disputes.contains(candle)) }
        if let forming = page.forming { text.candle(forming, isForming: true) }
        text.end(.array)
        text.end(.object)
        return text.bytes
    }
}
