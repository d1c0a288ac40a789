internal import MarketData

/// The market of one pair: its ticks, its last price, its day, its open candles, and the items that show
/// them under the names of its epics.
final class PairMarket {
    let pair: Pair
    let source: any TickSource
    /// Decimals of day statistics and of history: 5, or 3 where yen are the quote.
    let decimals: UInt8
    private(set) var last: MarketTick?
    private(set) var sentCount = 0
    private(set) var day: DayStatistics
    private var candles = OpenCandles()
    /// The second at which the broker's day turns next.
    private var dayEnds: Int64 = .min
    private var dayNumber: Int64 = 0
    private var views: [ItemView] = []
    private var candleViewCount = 0

    init(pair: Pair, source: any TickSource) {
        self.pair = pair
        self.source = source
        decimals = pair.quote == "JPY" ? 3 : 5
        day = DayStatistics(decimals: decimals)
    }

    /// Makes a new item show this market; it is filled with what is known when somebody begins to listen.
    func attach(_ view: ItemView) {
        views.append(view)
        if view.kind.isCandle { candleViewCount += 1 }
        view.item.refresh = { [unowned self, unowned view] in
            guard last != nil else { return }
            view.fill(from: self)
            view.item.hasValues = true
        }
    }

    func candle(_ scale: CandleScale) -> BrokerCandle? { candles[scale] }

    /// Handles the next tick of the source: state first, then the items' listeners.
    func takeNext() {
        let tick = source.next()
        last = tick
        sentCount += 1
        let second = floorDivide(tick.time, UTCNanos.perSecond)
        if second >= dayEnds { turnDay(at: second) }
        day.take(tick, day: dayNumber)
        candles.take(tick, second: second)
        for view in views where !view.item.listeners.isEmpty {
            view.fill(from: self)
            view.item.publish()
        }
    }

    /// Closes candles whose interval is over at `second`: their last update says so.
    ///
    /// IG's moment of `CONS_END=1` is not known (ig-api § 12); ours is the interval's end.
    func closeCandles(at second: Int64) {
        for scale in CandleScale.allCases {
            guard candles.complete(scale, at: second), candleViewCount > 0 else { continue }
            for view in views where view.kind == .candle(scale) && !view.item.listeners.isEmpty {
                view.fill(from: self)
                view.item.publish()
            }
        }
    }

    private func turnDay(at second: Int64) {
        dayNumber = brokerDay(ofSecond: second)
        // Checked hourly: the day turns on a whole hour.
        dayEnds = (floorDivide(second, 3_600) + 1) * 3_600
    }
}

/// A pair's newest candle of each scale.
private struct OpenCandles {
    private var candles: [BrokerCandle?] = CandleScale.allCases.map { _ in nil }

    subscript(scale: CandleScale) -> BrokerCandle? { candles[scale.rawValue] }

    mutating func take(_ tick: MarketTick, second: Int64) {
        for scale in CandleScale.allCases {
            let start = floorDivide(second, scale.seconds) * scale.seconds
            if candles[scale.rawValue]?.start == start {
                candles[scale.rawValue]?.take(tick)
                candles[scale.rawValue]?.isComplete = false
            } else {
                candles[scale.rawValue] = BrokerCandle(start: start, first: tick)
            }
        }
    }

    /// - Returns: whether the candle's interval is over at `second`, and was not so before.
    mutating func complete(_ scale: CandleScale, at second: Int64) -> Bool {
        guard let candle = candles[scale.rawValue], !candle.isComplete, candle.start + scale.seconds <= second
        else { return false }
        candles[scale.rawValue]?.isComplete = true
        return true
    }
}
