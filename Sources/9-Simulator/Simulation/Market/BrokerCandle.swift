/// A candle as the broker builds it: open, high, low and close of bid and of offer, and a tick count.
struct BrokerCandle: Sendable, Equatable {
    struct Side: Sendable, Equatable {
        var open: WirePrice
        var high: WirePrice
        var low: WirePrice
        var close: WirePrice

        init(_ price: WirePrice) {
            open = price
            high = price
            low = price
            close = price
        }

        /// Takes the next price; a missing one moves nothing.
        mutating func take(_ price: WirePrice) {
            guard !price.isNull else { return }
            guard !open.isNull else {
                self = Side(price)
                return
            }
            if isLess(high, price) { high = price }
            if isLess(price, low) { low = price }
            close = price
        }
    }

    /// Seconds since 1970 UTC.
    let start: Int64
    var bid: Side
    var ask: Side
    var tickCount: Int64
    /// Its interval is over.
    var isComplete = false

    init(start: Int64, first tick: MarketTick) {
        self.start = start
        bid = Side(tick.bid)
        ask = Side(tick.ask)
        tickCount = 1
    }

    mutating func take(_ tick: MarketTick) {
        bid.take(tick.bid)
        ask.take(tick.ask)
        tickCount += 1
    }
}

private func isLess(_ a: WirePrice, _ b: WirePrice) -> Bool {
    if a.decimals == b.decimals { return a.mantissa < b.mantissa }
    let places = max(a.decimals, b.decimals)
    return a.units(decimals: places) < b.units(decimals: places)
}

/// The broker's figures of the day so far, on mid. Units of `decimals` places.
struct DayStatistics: Sendable {
    let decimals: UInt8
    private(set) var day: Int64 = .min
    private(set) var open: Int64 = 0
    private(set) var high: Int64 = 0
    private(set) var low: Int64 = 0
    private(set) var last: Int64 = 0

    init(decimals: UInt8) { self.decimals = decimals }

    mutating func take(_ tick: MarketTick, day: Int64) {
        guard !tick.bid.isNull, !tick.ask.isNull else { return }
        let mid = (tick.bid.units(decimals: decimals) &+ tick.ask.units(decimals: decimals)) / 2
        if day != self.day {
            self.day = day
            open = mid
            high = mid
            low = mid
        }
        last = mid
        if mid > high { high = mid }
        if mid < low { low = mid }
    }

    var hasValues: Bool { day != .min }
    var netChange: Int64 { last - open }
    /// In hundredths of a percent, so two decimals.
    var percentChange: Int64 { open == 0 ? 0 : netChange &* 10_000 / open }
}
