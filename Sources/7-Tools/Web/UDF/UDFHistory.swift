internal import HTTPService
internal import MarketData
internal import Store

/// `/history`: the bars of a symbol, whole and partial ones, then the one that forms.
///
/// Source: TradingView's Charting Library, "UDF", Bars: `to` is not included; `countback` comes before `from`; `nextTime`
/// is the newest bar before a range without any.
enum UDFHistory {
    static let countMax = 10_000

    static func answer(_ request: RouteRequest, _ worker: Worker) throws -> HTTPResponse {
        let (symbol, timeframes) = try UDFSymbols.listed(request, worker)
        let resolution = request.http["resolution"]
        guard let timeframe = resolution.flatMap(Timeframe.init(resolution:)), timeframes.contains(timeframe) else {
            let known = timeframes.map(\.resolution).joined(separator: ", ")
            throw WebError.badRequest("resolution is \(resolution.map(shown) ?? "missing"): give one of \(known)")
        }
        let series = Series(symbol.pair, timeframe)
        let wanted = try Wanted(request)
        let bars = try bars(worker, series, symbol.side, wanted)
        guard bars.isEmpty else { return HTTPResponse(json: ok(bars, symbol.side)) }
        let before = Wanted(range: .min..<wanted.range.lowerBound, count: 1)
        return HTTPResponse(json: noData(next: try Self.bars(worker, series, symbol.side, before).last))
    }

    /// The last bars of a range.
    private struct Wanted {
        var range: Range<UTCSeconds>
        let count: Int

        init(range: Range<UTCSeconds>, count: Int) { (self.range, self.count) = (range, count) }

        init(_ request: RouteRequest) throws {
            let (from, to) = (try Wanted.seconds("from", request), try Wanted.seconds("to", request))
            let count = try Wanted.seconds("countback", request)
            guard from != nil || count != nil else {
                throw WebError.badRequest("from and countback are missing: give one of them")
            }
            if let count, count.rawValue < 0 { throw WebError.badRequest("countback is negative") }
            let end = to ?? .max
            range = (count == nil ? min(from ?? .min, end) : .min)..<end
            self.count = Int(min(count?.rawValue ?? .max, Int64(countMax)))
        }

        /// Unix seconds, which a chart may ask before 1970.
        private static func seconds(_ name: String, _ request: RouteRequest) throws -> UTCSeconds? {
            try request.http[name].map { text in
                guard let number = Int64(text) else {
                    throw WebError.badRequest("\(name) is \(shown(text)): give a whole number")
                }
                return UTCSeconds(rawValue: number)
            }
        }
    }

    /// One request reads at most so many candles to find one that has the side.
    private static let searchMax = 50_000

    /// Of candles that have the side. If none of the last ones has it, of those before them.
    private static func bars(_ worker: Worker, _ series: Series, _ side: PriceSide, _ wanted: Wanted) throws -> [Candle]
    {
        var (range, limit, left) = (wanted.range, wanted.count, searchMax)
        while limit > 0 {
            let all = try CandlePage(worker, series, in: range, .last(limit), .all).all
            let bars = all.filter { side.prices(of: $0) != nil }
            guard bars.isEmpty, let oldest = all.first else { return bars.suffix(wanted.count) }
            range = range.lowerBound..<UTCSeconds(rawValue: oldest.timestamp)
            left -= all.count
            limit = min(countMax, limit * 10, left)
        }
        return []
    }

    private static func noData(next: Candle?) -> [UInt8] {
        var text = JSONText()
        text.begin(.object)
        text.key("s")
        text.string("no_data")
        if let next {
            text.key("nextTime")
            text.integer(next.timestamp)
        }
        text.end(.object)
        return text.bytes
    }

    private static func ok(_ bars: [Candle], _ side: PriceSide) -> [UInt8] {
        var text = JSONText(capacity: 100 + bars.count * 60)
        text.begin(.object)
        text.key("s")
        text.string("ok")
        text.column("t", bars) { $0.integer($1.timestamp) }
        let prices: [(StaticString, KeyPath<OHLC, Price>)] = [
            ("o", \.open), ("h", \.high), ("l", \.low), ("c", \.close),
        ]
        let sides = bars.compactMap(side.prices)
        for (name, price) in prices { text.column(name, sides) { $0.price($1[keyPath: price]) } }
        text.column("v", bars) { $0.integer($1.tickCount) }
        text.end(.object)
        return text.bytes
    }
}

extension JSONText {
    fileprivate mutating func column<Row>(_ name: StaticString, _ rows: [Row], _ write: (inout JSONText, Row) -> Void) {
        key(name)
        begin(.array)
        for row in rows { write(&self, row) }
        end(.array)
    }
}
