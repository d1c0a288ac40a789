internal import IG
internal import MarketData
internal import TLCP
internal import Wire

/// The second opinion: candles that the broker makes itself, on the items that heartbeat and ticks leave free. If there
/// are more pairs than free items, each item goes on to the next pair when its candle is over.
///
/// Source: docs/architecture.md § Second opinion; `ig-api` §§ 9.3, 9.5.
struct NativeCandles {
    /// What the session is to do, by the number of the subscription.
    enum Turn: Hashable {
        case open(Int)
        case close(Int)
    }

    /// A pair whose candles are watched.
    private struct Watch {
        let index: Int
        /// The feed's time when it began, ns; 0: not known yet, or its market is shut.
        var began: Int64 = 0
        /// The start of a candle that moved while no tick of ours came; 0: none.
        var silentStart: Int64 = 0
        /// The last candle that was over.
        var last: CandleRecord?
    }

    /// What a candle says of the pair's tick item.
    enum Suspicion: Hashable {
        case none
        /// The candle moved, and no tick came in its interval.
        case suspect
        /// So did the one before, which began then, ns.
        case proven(since: Int64)
    }

    let timeframe: Timeframe
    /// How many items may be used at once.
    private(set) var share: Int
    private let instruments: [Instrument]
    private var watches: [Watch] = []
    /// How many items are used now.
    var watched: Int { watches.count }
    private var next = 0
    private var turns: [Turn] = []

    /// How much longer than its interval a candle is waited for: one without ticks may never end.
    private static var patience: Int64 { 30 * UTCNanos.perSecond }
    /// How far the feed's time may be behind the end of a candle that is over, ns.
    private static var lateness: Int64 { 5 * UTCNanos.perSecond }

    /// The broker's name of the candles of each timeframe. Source: `ig-api` § 9.3.
    private static let scales: [(Timeframe, String)] = [
        (.fiveMinutes, "5MINUTE"), (Timeframe(minutes: 1)!, "1MINUTE"), (Timeframe(minutes: 60)!, "HOUR"),
    ]

    private static let fields =
        ["UTM"] + ["BID", "OFR"].flatMap { side in ["OPEN", "HIGH", "LOW", "CLOSE"].map { "\(side)_\($0)" } }
        + ["CONS_END", "CONS_TICK_COUNT"]
    private static let fieldCount = fields.count

    /// - Parameter limit: the items that the broker allows on one connection. One stays free, for the renewal of a silent
    ///   subscription.
    /// - Returns: `nil` if no item is free, or no configured timeframe is one of the broker's.
    init?(instruments: [Instrument], timeframes: [Timeframe], limit: Int) {
        let share = min(limit - instruments.count - 2, instruments.count)
        guard share > 0, let timeframe = NativeCandles.scales.first(where: { timeframes.contains($0.0) })?.0 else {
            return nil
        }
        (self.timeframe, self.share, self.instruments) = (timeframe, share, instruments)
    }

    /// The subscription of each instrument's candles, in their order.
    var requests: [SubscriptionRequest] {
        let scale = Self.scales.first { $0.0 == timeframe }?.1 ?? ""
        return instruments.map {
            SubscriptionRequest(mode: .merge, items: [$0.candleItem(scale: scale)], fields: Self.fields)
        }
    }

    /// The instrument of a subscription: they follow those of the heartbeat and of the ticks.
    func index(of subscription: Int) -> Int? {
        let index = subscription - 1 - instruments.count
        return instruments.indices.contains(index) ? index : nil
    }

    private func subscription(of index: Int) -> Int { 1 + instruments.count + index }

    /// How long it takes until every pair had its turn, seconds.
    var roundSeconds: Int64 { Int64((instruments.count + share - 1) / share) * timeframe.seconds }

    // MARK: Rotation

    /// - Returns: what the session is to do since the last call, in order.
    mutating func takeTurns() -> [Turn] {
        if turns.isEmpty { return [] }
        defer { turns = [] }
        return turns
    }

    /// Uses every free item.
    mutating func fill(feedTime: Int64) {
        while watches.count < share {
            next = unwatched(feedTime: feedTime)
            watches.append(Watch(index: next, began: feedTime))
            turns.append(.open(subscription(of: next)))
            next = (next + 1) % instruments.count
        }
    }

    /// The next pair without an item, one whose market is open if there is one.
    private func unwatched(feedTime: Int64) -> Int {
        let free = instruments.indices.map { (next + $0) % instruments.count }.filter { index in
            !watches.contains { $0.index == index }
        }
        return free.first { isOpen($0, feedTime) } ?? free[0]
    }

    private func isOpen(_ index: Int, _ feedTime: Int64) -> Bool {
        feedTime > 0 && instruments[index].hours.isOpen(at: UTCNanos(rawValue: feedTime).seconds)
    }

    /// Goes on from pairs whose candle does not end, and from those whose market is shut while another one's is open.
    mutating func timePassed(feedTime: Int64) {
        guard share < instruments.count, feedTime > 0 else { return }
        let limit = 2 * timeframe.nanos + Self.patience
        var left: [Int] = []
        for watch in watches.indices {
            let (index, began) = (watches[watch].index, watches[watch].began)
            // Times that were set back begin anew too.
            if !isOpen(index, feedTime) {
                watches[watch].began = 0
                left.append(index)
            } else if began == 0 || began > feedTime + timeframe.nanos {
                watches[watch].began = feedTime
            } else if feedTime - began > limit {
                left.append(index)
            }
        }
        for index in left where isOpen(unwatched(feedTime: feedTime), feedTime) { leave(index, feedTime: feedTime) }
    }

    private mutating func leave(_ index: Int, feedTime: Int64) {
        guard share < instruments.count else { return }
        close(index)
        fill(feedTime: feedTime)
    }

    private mutating func close(_ index: Int) {
        watches.removeAll { $0.index == index }
        turns.append(.close(subscription(of: index)))
    }

    /// The broker allows fewer items than it said: uses one less.
    /// - Returns: whether one was in use.
    mutating func yield() -> Bool {
        guard share > 0 else { return false }
        share -= 1
        if watches.count > share, let last = watches.last { close(last.index) }
        return true
    }

    // MARK: Candles

    enum Reading {
        /// The same again.
        case repeated
        case candle(CandleRecord)
        /// Not what the broker promises.
        case wrong(String)
    }

    /// Whether an update says that its candle is over. A snapshot may be an older candle.
    @inline(__always)
    static func isOver(_ update: FieldUpdate) -> Bool {
        guard update.fieldCount == fieldCount, !update.flags.contains(.snapshot), let end = update[9] else {
            return false
        }
        return end.count == 1 && end[0] == UInt8(ascii: "1")
    }

    /// - Parameters:
    ///   - update: one that says that its candle is over.
    ///   - feedTime: the broker's time, ns.
    func read(_ update: FieldUpdate, _ index: Int, feedTime: Int64) -> Reading {
        let instrument = instruments[index]
        guard let millis = update[0].flatMap(DigitWord.number), FeedDecoder.plausibleMillis.contains(millis),
            millis % (timeframe.seconds * 1_000) == 0,
            let count = update[10].flatMap(DigitWord.number), count >= 0
        else { return .wrong("\(instrument.epic): its start or its tick count is missing or invalid") }
        let start = UTCNanos(rawValue: millis * UTCNanos.perMillisecond)
        guard start.rawValue + timeframe.nanos <= feedTime + Self.lateness else {
            return .wrong("\(instrument.epic): marked as ended before its interval ended")
        }
        guard let bid = side(update, 1, instrument), let ask = side(update, 5, instrument) else {
            return .wrong("\(instrument.epic): no possible prices")
        }
        var candle = CandleRecord(
            Series(instrument.pair, timeframe), start: start, bid: bid, ask: ask, mid: .zero, source: .native,
            inputStream: .ticks)
        candle.tickCount = UInt32(clamping: count)
        return isRepeated(candle, index) ? .repeated : .candle(candle)
    }

    /// IG sends a candle that is over more than once (`ig-api` § 14).
    private func isRepeated(_ candle: CandleRecord, _ index: Int) -> Bool {
        guard let last = watches.first(where: { $0.index == index })?.last else { return false }
        return (last.start, last.bid, last.ask, last.tickCount) == (
            candle.start, candle.bid, candle.ask, candle.tickCount
        )
    }

    private func side(_ update: FieldUpdate, _ first: Int, _ instrument: Instrument) -> OHLC? {
        func price(_ field: Int) -> Price? {
            update[field].flatMap { Price(decimal: $0, pointShift: instrument.pointShift) }
        }
        guard let open = price(first), let high = price(first + 1), let low = price(first + 2),
            let close = price(first + 3), low.rawValue > 0
        else { return nil }
        let side = OHLC(open: open, high: high, low: low, close: close)
        return side.isConsistent ? side : nil
    }

    /// A candle is over: goes on to the next pair, unless this one deserves a second look.
    /// - Parameter isSilent: it moved, and no tick of its interval came though the pair seemed seen.
    mutating func finish(_ candle: CandleRecord, _ index: Int, isSilent: Bool, feedTime: Int64) -> Suspicion {
        guard let watch = watches.firstIndex(where: { $0.index == index }) else { return .none }
        watches[watch].last = candle
        let (start, before) = (candle.start.rawValue, watches[watch].silentStart)
        if isSilent, before == 0 || start <= before {
            watches[watch].silentStart = start
            return start == before ? .none : .suspect
        }
        watches[watch].silentStart = 0
        // One that was over before this pair's turn may be sent again.
        let end = start + timeframe.nanos
        if end > watches[watch].began { leave(index, feedTime: max(feedTime, end)) }
        return isSilent ? .proven(since: before) : .none
    }
}
