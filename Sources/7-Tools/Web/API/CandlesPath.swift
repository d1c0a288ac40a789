internal import MarketData
internal import Settings
internal import Store
internal import Wire

/// `/candles/{pair}/{timeframe}`: what the database holds, and the candle that forms.
enum CandlesPath {
    static let countMax = 10_000

    static let path = APIPath.query(
        "/candles/{pair}/{timeframe}", ["from", "to", "count", "selection", "forming"]
    ) { request, worker in
        let series = Series(try request.pathPair(), try request.pathTimeframe())
        let wanted = try Wanted(request)
        let store = try worker.store()
        let candles = try wanted.candles(store, series)
        let forming = wanted.forming(worker.facts.live.forming(series), after: candles)
        if candles.isEmpty, forming == nil { try worker.expect(series) }
        return json(series, candles, try Disputes(store, series, candles), forming: forming)
    }

    /// Which candles a request asks for.
    private struct Wanted {
        private let hasForming: Bool
        private let range: Range<UTCSeconds>
        private let limit: CandleLimit
        private let selection: CandleSelection

        init(_ request: RouteRequest) throws {
            let (first, end) = try request.timeRange()
            let count = try request.count(in: 1...countMax, default: 200)
            range = (first ?? .min)..<(end ?? .max)
            limit = first == nil ? .last(count) : .first(count)
            selection = try request.choice("selection", of: ["all": .all, "complete": .complete], default: .all)
            hasForming = try request.flag("forming")
        }

        func candles(_ store: any CandleQueries, _ series: Series) throws -> [Candle] {
            try store.candles(series.pair, series.timeframe, in: range, limit, selection)
        }

        /// The forming candle, if it is asked for and follows those found.
        func forming(_ present: Candle?, after candles: [Candle]) -> Candle? {
            guard hasForming, let present, range.contains(UTCSeconds(rawValue: present.timestamp)) else { return nil }
            // If a first page is full, stored candles may lie between.
            if limit.isFirst, candles.count == limit.count { return nil }
            return candles.last.map { $0.timestamp < present.timestamp } ?? true ? present : nil
        }
    }

    private static func json(
        _ series: Series, _ candles: [Candle], _ disputes: Disputes, forming: Candle?
    ) -> [UInt8] {
        var text = JSONText(capacity: 100 + (candles.count + 1) * JSONText.bytesPerCandle)
        text.begin(.object)
        text.key("pair")
        text.string(series.pair.description)
        text.key("timeframe")
        text.string(series.timeframe.description)
        text.key("candles")
        text.begin(.array)
        for candle in candles { text.candle(candle, isDisputed: disputes.contains(candle)) }
        if let forming { text.candle(forming, isForming: true) }
        text.end(.array)
        text.end(.object)
        return text.bytes
    }
}
