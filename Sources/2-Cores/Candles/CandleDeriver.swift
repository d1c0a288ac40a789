public import MarketData
public import Wire

/// Makes candles of larger timeframes of those in the `history` stream: a function of its records alone, whatever
/// their order.
///
/// A larger candle is made once every part of its interval that touches the pair's trading hours is known: bought, empty, or
/// recorded again out of the store (`PART`). Open is the first part's, close the last one's, high and low the extremes
/// of all; ticks are the sum. If a part changes, a further revision follows.
///
/// Keeps every part until `forget`, so that it grows with the retained journal. Source: docs/architecture.md § Candles.
public struct CandleDeriver {
    /// What was derived; a larger interval whose parts are all empty is an `EMPT`. The caller takes them away.
    public var output: [CandleEnvelope] = []

    private let timeframes: [Timeframe]
    private let calendar: TradingCalendar
    private var parts: [Interval: Parts] = [:]
    private var derived: [Interval: Derived] = [:]

    fileprivate enum Part: Equatable {
        case unknown, empty
        /// Out of the store, which may know better the next time, or out of a file of the user's.
        case told(Prices)
        case bought(Prices)

        var prices: Prices? {
            switch self {
            case .told(let prices), .bought(let prices): prices
            case .unknown, .empty: nil
            }
        }

        /// Whether `other` takes this one's place, whichever comes first: what was bought stays.
        func givesWay(to other: Part) -> Bool {
            switch (self, other) {
            case (.bought, _): false
            case (.told, .empty): false
            default: true
            }
        }
    }

    /// Of one larger interval, oldest first.
    fileprivate struct Parts {
        var all: [Part]
        /// Of the newest record about one of them.
        var position: UInt64
    }

    fileprivate struct Prices: Equatable {
        var bid: OHLC
        var ask: OHLC
        var mid: OHLC
        var tickCount: UInt32
        var invertedTicks: UInt32

        init(_ record: CandleRecord) {
            (bid, ask, mid) = (record.bid, record.ask, record.mid)
            (tickCount, invertedTicks) = (record.tickCount, record.invertedTicks)
        }

        mutating func take(_ next: Prices) {
            bid.take(next.bid)
            ask.take(next.ask)
            mid.take(next.mid)
            tickCount &+= next.tickCount
            invertedTicks &+= next.invertedTicks
        }
    }

    fileprivate struct Derived {
        /// `nil`: empty.
        var prices: Prices?
        var revision: UInt16
    }

    public init(timeframes: [Timeframe], calendar: TradingCalendar = TradingCalendar()) {
        self.timeframes = timeframes.sorted()
        self.calendar = calendar
    }

    /// Takes the next record of the stream.
    public mutating func take(_ record: CandleEnvelope) {
        guard let series = record.series, timeframes.contains(series.timeframe) else { return }
        let interval = Interval(series, start: record.start.seconds)
        switch record.content {
        case .candle(let candle):
            let prices = Prices(candle)
            take(candle.source == .imported ? .told(prices) : .bought(prices), interval, record.position)
        case .part(let part): take(.told(Prices(part.candle)), interval, record.position)
        case .empty(let empty): if !empty.isUnusable { take(.empty, interval, record.position) }
        case .forming, .request, .reply, .feed, .unknown: break
        }
    }

    /// Puts a part into each larger interval that is made of its timeframe.
    private mutating func take(_ part: Part, _ interval: Interval, _ position: UInt64) {
        let smaller = interval.series.timeframe
        for larger in timeframes where larger.part(among: timeframes) == smaller {
            let whole = Interval(Series(interval.series.pair, larger), start: larger.start(of: interval.start))
            var all = parts[whole]?.all ?? unknownParts(of: whole, smaller)
            let place = Int((interval.start.rawValue - whole.start.rawValue) / smaller.seconds)
            let isNew = all[place].givesWay(to: part)
            if isNew { all[place] = part }
            parts[whole] = Parts(all: all, position: position)
            if isNew, !all.contains(.unknown) { derive(whole, all, position) }
        }
    }

    /// Forgets the intervals about which no record from a position on said anything: a fold that begins there would not
    /// know them either.
    mutating func forget(before position: UInt64) {
        for (interval, known) in parts where known.position < position {
            parts[interval] = nil
            derived[interval] = nil
        }
    }

    /// A closed market has no candle, so such a part need not be given.
    private func unknownParts(of whole: Interval, _ smaller: Timeframe) -> [Part] {
        let hours = calendar[whole.series.pair]
        let open = Set(hours.parts(of: whole.start, whole.series.timeframe, smaller))
        return smaller.starts(in: whole.start..<whole.end).map { open.contains($0) ? .unknown : .empty }
    }

    private mutating func derive(_ whole: Interval, _ all: [Part], _ position: UInt64) {
        var sum: Prices?
        for next in all.compactMap(\.prices) {
            if sum == nil { sum = next } else { sum?.take(next) }
        }
        let former = derived[whole]
        guard former == nil || former?.prices != sum else { return }
        let revision = (former?.revision ?? 0) &+ 1
        derived[whole] = Derived(prices: sum, revision: revision)
        output.append(CandleDeriver.record(whole, sum, revision, position))
        // It may be a part of a still larger one; a later revision counts there too.
        take(sum.map { .told($0) } ?? .empty, whole, position)
    }

    private static func record(_ whole: Interval, _ prices: Prices?, _ revision: UInt16, _ position: UInt64)
        -> CandleEnvelope
    {
        let start = UTCNanos(seconds: whole.start)
        var record = EmptyRecord(whole.series, start: start).envelope
        if let prices {
            var candle = CandleRecord(
                whole.series, start: start, bid: prices.bid, ask: prices.ask, mid: prices.mid, source: .derived,
                inputStream: .history)
            (candle.tickCount, candle.invertedTicks) = (prices.tickCount, prices.invertedTicks)
            record = candle.envelope
        }
        record.revision = revision
        record.inputPosition = position
        return record
    }
}

// MARK: As bytes

extension CandleDeriver {
    func write(to bytes: inout StateWriter) {
        precondition(output.isEmpty)
        bytes.put(parts)
        bytes.put(derived)
    }

    /// - Parameter timeframes: those of the deriver that the bytes were made of; the same is true of `calendar`.
    init(timeframes: [Timeframe], calendar: TradingCalendar, from bytes: inout StateReader) throws(StateDamage) {
        self.init(timeframes: timeframes, calendar: calendar)
        (parts, derived) = (try bytes.take(), try bytes.take())
        let isConsistent = parts.allSatisfy { whole, known in
            let larger = whole.series.timeframe
            guard let smaller = larger.part(among: self.timeframes) else { return false }
            return known.all.count == Int(larger.seconds / smaller.seconds)
        }
        guard isConsistent else { throw StateDamage() }
    }
}

extension CandleDeriver.Parts: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(all)
        bytes.put(position)
    }

    init(from bytes: inout StateReader) throws(StateDamage) { (all, position) = (try bytes.take(), try bytes.take()) }
}

extension CandleDeriver.Part: StateValue {
    func write(to bytes: inout StateWriter) {
        let code: UInt8 =
            switch self {
            case .unknown: 0
            case .empty: 1
            case .told: 2
            case .bought: 3
            }
        bytes.put(code)
        if let prices { bytes.put(prices) }
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        let code: UInt8 = try bytes.take()
        switch code {
        case 0: self = .unknown
        case 1: self = .empty
        case 2: self = .told(try bytes.take())
        case 3: self = .bought(try bytes.take())
        default: throw StateDamage()
        }
    }
}

extension CandleDeriver.Prices: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(bid)
        bytes.put(ask)
        bytes.put(mid)
        bytes.put(tickCount)
        bytes.put(invertedTicks)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        (bid, ask, mid) = (try bytes.take(), try bytes.take(), try bytes.take())
        (tickCount, invertedTicks) = (try bytes.take(), try bytes.take())
    }
}

extension CandleDeriver.Derived: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(prices)
        bytes.put(revision)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        (prices, revision) = (try bytes.take(), try bytes.take())
    }
}
