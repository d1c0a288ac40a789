internal import MarketData

/// The market of one pair: its ticks, its last price, its day, its open candles, and the items that show
/// them under the names of its epics.
final class PairMarket {
    let pair: Pair
    let source: any TickSource
    /// Decimals of day statistics and of history: 5, or 3 where yen are the quote.
    let decimals: UInt8
    /// The newest tick, with both sides.
    private(set) var last: MarketTick?
    /// The same as it was sent, which may bring one side only.
    private(set) var lastSent: MarketTick?
    /// Its `UTM`, in nanoseconds since 1970.
    private(set) var stamp: Int64 = 0
    private(set) var sentCount = 0
    private(set) var day: DayStatistics
    private var candles = OpenCandles()
    /// The second at which the broker's day turns next.
    private var dayEnds: Int64 = .min
    private var dayNumber: Int64 = 0
    private var views: [ItemView] = []
    private var candleViewCount = 0
    /// Candle items that have news and wait for the second.
    private var owesCandles = false
    var faults = MarketFaults()
    private var wrongTicksTaken = 0
    private let key: UInt64

    init(pair: Pair, source: any TickSource) {
        self.pair = pair
        self.source = source
        decimals = pair.quote == "JPY" ? 3 : 5
        key = "\(pair.base)\(pair.quote)".utf8.reduce(0) { $0 << 8 | UInt64($1) }
        day = DayStatistics(decimals: decimals)
    }

    /// Makes a new item show this market; it is filled with the known values at its first subscription.
    func attach(_ view: ItemView) {
        views.append(view)
        if view.kind.isCandle { candleViewCount += 1 }
        view.item.refresh = { [unowned self, unowned view] in
            guard last != nil else { return }
            view.fill(from: self, asSnapshot: true)
            view.item.hasValues = true
        }
    }

    func candle(_ scale: CandleScale) -> BrokerCandle? { candles[scale] }

    /// The candle before the newest one, or the newest if it is the only one.
    func olderCandle(_ scale: CandleScale) -> BrokerCandle? { candles.older(scale) ?? candles[scale] }

    /// Handles the next tick of the source: state first, then the items' listeners.
    func takeNext() {
        let tick = source.next()
        let sent = faults.oneSided.shaped(tick, pair: key)
        let time = tick.time &+ faults.ahead(at: tick.time)
        last = tick
        lastSent = sent
        stamp = time &+ takeShift() &* UTCNanos.perSecond
        sentCount += 1
        let second = floorDivide(tick.time, UTCNanos.perSecond)
        if second >= dayEnds { turnDay(at: second) }
        day.take(sent, day: dayNumber)
        candles.take(sent, second: floorDivide(time, UTCNanos.perSecond))
        publishTick()
    }

    private func publishTick() {
        let isRepeated = faults.repeatsEvery.map { sentCount % $0 == 0 } ?? false
        for view in views where !view.item.listeners.isEmpty {
            if view.kind.isCandle, faults.mergesCandles {
                owesCandles = true
                continue
            }
            view.fill(from: self)
            view.item.publish()
            if isRepeated, view.kind == .tick { view.item.publish() }
        }
    }

    /// Closes candles whose interval is over at `second`: their last update says so.
    ///
    /// IG's moment of `CONS_END=1` is not known (ig-api § 12); ours is the interval's end.
    func closeCandles(at second: Int64) {
        let time = second &* UTCNanos.perSecond
        let brokerSecond = floorDivide(time &+ faults.ahead(at: time), UTCNanos.perSecond)
        for scale in CandleScale.allCases {
            let isNews = candles.complete(scale, at: brokerSecond)
            let isResent = faults.resendsCandles && candles.closed(scale) == second - 1
            if isNews { candles.close(scale, at: second) }
            guard isNews || isResent || owesCandles, candleViewCount > 0 else { continue }
            for view in views where view.kind == .candle(scale) && !view.item.listeners.isEmpty {
                view.fill(from: self)
                view.item.publish()
            }
        }
        owesCandles = false
    }

    /// The ticks with `from <= time < to` by the broker's clock, as it sent them: its history is made from them.
    func forEachSent(from: Int64, to: Int64, ahead: Int64, _ body: (MarketTick) -> Void) {
        let (start, isLow) = from.subtractingReportingOverflow(ahead)
        let (end, isHigh) = to.subtractingReportingOverflow(ahead)
        source.forEach(from: isLow ? from : start, to: isHigh ? to : end) { tick in
            var sent = faults.oneSided.shaped(tick, pair: key)
            sent.time = tick.time &+ ahead
            body(sent)
        }
    }

    /// The error of the next tick's `UTM`, in seconds.
    private func takeShift() -> Int64 {
        guard wrongTicksTaken != faults.wrongTick.number else { return faults.tickShift }
        wrongTicksTaken = faults.wrongTick.number
        return faults.tickShift &+ faults.wrongTick.seconds
    }

    private func turnDay(at second: Int64) {
        dayNumber = brokerDay(ofSecond: second)
        // Checked hourly: the day turns on a whole hour.
        dayEnds = (floorDivide(second, 3_600) + 1) * 3_600
    }
}

/// A pair's newest candle of each scale, and the one before.
private struct OpenCandles {
    private struct Place {
        var newest: BrokerCandle?
        var older: BrokerCandle?
        /// The second of market time at which the newest one closed.
        var closed: Int64?
    }

    private var places: [Place] = CandleScale.allCases.map { _ in Place() }

    subscript(scale: CandleScale) -> BrokerCandle? { places[scale.rawValue].newest }

    func older(_ scale: CandleScale) -> BrokerCandle? { places[scale.rawValue].older }

    func closed(_ scale: CandleScale) -> Int64? { places[scale.rawValue].closed }

    mutating func take(_ tick: MarketTick, second: Int64) {
        for scale in CandleScale.allCases {
            let start = floorDivide(second, scale.seconds) * scale.seconds
            let index = scale.rawValue
            if places[index].newest?.start == start {
                places[index].newest?.take(tick)
                places[index].newest?.isComplete = false
            } else {
                places[index].older = places[index].newest
                places[index].newest = BrokerCandle(start: start, first: tick)
            }
            places[index].closed = nil
        }
    }

    /// - Returns: whether the candle's interval is over at `second`, and was not so before.
    mutating func complete(_ scale: CandleScale, at second: Int64) -> Bool {
        guard let candle = places[scale.rawValue].newest, !candle.isComplete, candle.start + scale.seconds <= second
        else { return false }
        places[scale.rawValue].newest?.isComplete = true
        return true
    }

    mutating func close(_ scale: CandleScale, at second: Int64) { places[scale.rawValue].closed = second }
}
