internal import MarketData

/// The values that an item shows of a pair's market.
enum ItemKind: Hashable, Sendable {
    case tick
    case candle(CandleScale)
    case price

    var isCandle: Bool { if case .candle = self { true } else { false } }

    var mode: ItemMode { self == .tick ? .distinct : .merge }

    /// Field names in the order in which `ItemView` fills them. Source: ig-api §§ 9.4–9.6.
    var fields: [String] {
        switch self {
        case .tick:
            ["BID", "OFR", "LTP", "LTV", "TTV", "UTM"] + ItemKind.dayFields
        case .candle:
            ["LTV", "TTV", "UTM"] + ItemKind.dayFields
                + ["OFR", "BID", "LTP"].flatMap { side in ["OPEN", "HIGH", "LOW", "CLOSE"].map { "\(side)_\($0)" } }
                + ["CONS_END", "CONS_TICK_COUNT"]
        case .price:
            ["MID_OPEN", "HIGH", "LOW", "BIDQUOTEID", "ASKQUOTEID"] + ItemKind.ladder("") + ["CURRENCY0"]
                + (1...5).flatMap { level in ["CURRENCY\(level)"] }
                + (1...5).flatMap { level in
                    ["BID", "ASK"].flatMap { side in (1...5).map { "C\(level)\(side)SIZE\($0)" } }
                }
                + ["TIMESTAMP", "DLG_FLAG", "NET_CHG", "NET_CHG_PCT", "DELAY"]
        }
    }

    private static let dayFields = ["DAY_OPEN_MID", "DAY_NET_CHG_MID", "DAY_PERC_CHG_MID", "DAY_HIGH", "DAY_LOW"]

    private static func ladder(_ prefix: String) -> [String] {
        ["BIDPRICE", "ASKPRICE", "BIDSIZE", "ASKSIZE"].flatMap { name in (1...5).map { "\(prefix)\(name)\($0)" } }
    }
}

/// Fills one item from a pair's market, in the scale of the item's epic.
final class ItemView {
    let kind: ItemKind
    let item: MarketItem
    /// How many places the point moves right for an epic quoted in points: 0, 4, or 2 for yen.
    private let pointShift: UInt8
    /// Whether `13359.0` is written `13359`: the market's fault at the last filling.
    private var stripsZeros = false

    init(kind: ItemKind, name: String, pointShift: UInt8) {
        self.kind = kind
        self.pointShift = pointShift
        item = MarketItem(name: name, mode: kind.mode, fields: kind.fields)
    }

    /// Brings the item's values up to date; does not publish.
    /// - Parameter asSnapshot: for a new subscriber.
    func fill(from market: PairMarket, asSnapshot: Bool = false) {
        stripsZeros = market.faults.stripsZeros
        switch kind {
        case .tick: fillTick(market)
        case .candle(let scale):
            let isOld = asSnapshot && market.faults.showsOldCandles
            fillCandle(market, isOld ? market.olderCandle(scale) : market.candle(scale))
        case .price: fillPrice(market)
        }
    }

    private func fillTick(_ market: PairMarket) {
        guard let tick = market.last, let sent = market.lastSent else { return }
        item.values[0] = value(sent.bid)
        item.values[1] = value(sent.ask)
        item.values[3] = FieldValue(1)
        // At the close everything is null. Source: ig-api § 10.
        let isClose = tick.bid.isNull && tick.ask.isNull
        item.values[5] = isClose ? .null : FieldValue(floorDivide(market.stamp, UTCNanos.perMillisecond))
        fillDay(market.day, at: 6)
    }

    private func fillDay(_ day: DayStatistics, at index: Int) {
        guard day.hasValues else { return }
        item.values[index] = dayValue(day.open, day)
        item.values[index + 1] = dayValue(day.netChange, day)
        item.values[index + 2] = FieldValue(day.percentChange, decimals: 2)
        item.values[index + 3] = dayValue(day.high, day)
        item.values[index + 4] = dayValue(day.low, day)
    }

    private func fillCandle(_ market: PairMarket, _ candle: BrokerCandle?) {
        guard let candle else { return }
        item.values[0] = FieldValue(candle.tickCount)
        item.values[2] = FieldValue(candle.start * 1_000)
        fillDay(market.day, at: 3)
        fillSide(candle.ask, at: 8)
        fillSide(candle.bid, at: 12)
        item.values[20] = FieldValue(candle.isComplete ? 1 : 0)
        item.values[21] = FieldValue(candle.tickCount)
    }

    private func fillSide(_ side: BrokerCandle.Side, at index: Int) {
        item.values[index] = value(side.open)
        item.values[index + 1] = value(side.high)
        item.values[index + 2] = value(side.low)
        item.values[index + 3] = value(side.close)
    }

    private func fillPrice(_ market: PairMarket) {
        guard let tick = market.last else { return }
        let day = market.day
        item.values[0] = day.hasValues ? dayValue(day.open, day) : .null
        item.values[1] = day.hasValues ? dayValue(day.high, day) : .null
        item.values[2] = day.hasValues ? dayValue(day.low, day) : .null
        item.values[5] = value(tick.bid)
        item.values[10] = value(tick.ask)
        item.values[15] = FieldValue(1_000_000)
        item.values[20] = FieldValue(1_000_000)
        let last = item.values.count - 5
        item.values[last] = FieldValue(floorDivide(market.stamp, UTCNanos.perMillisecond))
        // The real server pads the flag with spaces. Source: ig-api § 9.6.
        let isOpen = TradingWeek.isOpen(at: floorDivide(tick.time, UTCNanos.perSecond))
        item.values[last + 1] = FieldValue(text: isOpen ? "DEAL    " : "EDIT    ")
        item.values[last + 2] = day.hasValues ? dayValue(day.netChange, day) : .null
        item.values[last + 3] = day.hasValues ? FieldValue(day.percentChange, decimals: 2) : .null
        item.values[last + 4] = FieldValue(0)
    }

    private func value(_ price: WirePrice) -> FieldValue {
        let shown = price.inPoints(shiftedBy: pointShift)
        return FieldValue(stripsZeros ? shown.withoutTrailingZeros : shown)
    }

    private func dayValue(_ units: Int64, _ day: DayStatistics) -> FieldValue {
        value(WirePrice(mantissa: units, decimals: day.decimals))
    }
}
