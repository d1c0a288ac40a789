internal import HTTPService
internal import MarketData
internal import Store

/// Which candles of a series a client asks for, by OANDA's rules.
///
/// Source: OANDA v20, "Instrument Endpoints"; the sentences of errors are those that its server sends.
struct OandaCandleQuery {
    static let countMax = 5_000
    private static let countDefault = 500

    let series: Series
    let sides: Set<PriceSide>
    let range: Range<UTCSeconds>
    let limit: CandleLimit
    let selection: CandleSelection

    /// - Parameter now: what lies behind it is in the future.
    /// - Throws: `WebError` (400).
    init(_ request: RouteRequest, _ timeframes: [Pair: [Timeframe]], now: UTCNanos) throws {
        let pair = try RouteRequest.instrument(request.name("instrument"), timeframes)
        let timeframe = try RouteRequest.timeframe(
            granularity: request.http["granularity"], of: pair, timeframes[pair] ?? [])
        series = Series(pair, timeframe)
        sides = try RouteRequest.sides(request.http["price"] ?? "M")
        try request.expectStoredCandles(timeframe)
        selection = try request.oandaFlag("includePartial", default: false) ? .all : .complete
        let count = try OandaCandleQuery.count(request)
        let (from, to) = try OandaCandleQuery.times(request, now: now)
        range = try OandaCandleQuery.range(
            from, to, timeframe, includesFirst: request.oandaFlag("includeFirst", default: true))
        if let from, let to {
            guard count == nil else { throw WebError.countWithRange }
            guard to.rawValue - from.rawValue <= timeframe.nanos * Int64(Self.countMax) else {
                throw WebError.countExceeded
            }
            // The interval that covers `from` comes on top.
            limit = .first(Self.countMax + 1)
        } else {
            limit = from == nil ? .last(count ?? Self.countDefault) : .first(count ?? Self.countDefault)
        }
    }

    private static func count(_ request: RouteRequest) throws -> Int? {
        try request.http["count"].map { text in
            guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), !text.isEmpty,
                text.utf8.contains(where: { $0 != UInt8(ascii: "0") })
            else { throw WebError.invalid("count", "Give a whole number from 1 to \(countMax)") }
            // One that does not fit is too large.
            guard let count = Int(text), count <= countMax else { throw WebError.countExceeded }
            return count
        }
    }

    private static func times(_ request: RouteRequest, now: UTCNanos) throws -> (from: UTCNanos?, to: UTCNanos?) {
        let (from, to) = (try request.oandaTime("from"), try request.oandaTime("to"))
        for (name, time) in [("from", from), ("to", to)] {
            if let time, time > now { throw WebError.invalid(name, "Time is in the future") }
        }
        if let from, let to, from > to { throw WebError.invalid("to", "It lies before 'from'") }
        return (from, to)
    }

    /// From the interval that covers `from`, or the one behind it, to the last that begins before `to`.
    private static func range(
        _ from: UTCNanos?, _ to: UTCNanos?, _ timeframe: Timeframe, includesFirst: Bool
    ) -> Range<UTCSeconds> {
        let end = to?.roundedUp ?? .max
        guard let covering = from.map({ timeframe.start(of: $0).seconds }) else { return .min..<end }
        let start = includesFirst ? covering : covering + timeframe
        return min(start, end)..<end
    }
}
