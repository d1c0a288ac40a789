public import MarketData
public import Wire

/// Makes candles of larger timeframes of those in the `history` stream: a function of its records alone, whatever
/// their order.
///
/// A larger candle is made once every part of its interval that touches the trading week is known: bought, empty, or
/// told again out of the store (`PART`). Open is the first part's, close the last one's, high and low the extremes of
/// all; ticks are the sum. Where a part changes, a further revision follows.
///
/// Keeps every part that it was told, so that it grows with the retained journal. Source: docs/architecture.md § Candles.
public struct CandleDeriver {
    /// What was derived; a larger interval whose parts are all empty is an `EMPT`. The caller takes them away.
    public var output: [CandleRecord] = []

    private let timeframes: [Timeframe]
    private var intervals: [Interval: [Part]] = [:]
    private var derived: [Place: Derived] = [:]

    private enum Part: Equatable {
        case unknown, empty
        case candle(Prices)
    }

    private struct Prices: Equatable {
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

    /// One candle's place.
    private struct Place: Hashable {
        let series: Series
        let start: Int64
    }

    /// A larger interval as the sum of parts of one smaller timeframe.
    private struct Interval: Hashable {
        let place: Place
        let part: Timeframe
    }

    private struct Derived {
        var content: Part
        var revision: UInt16
    }

    public init(timeframes: [Timeframe]) { self.timeframes = timeframes.sorted() }

    /// Takes the next record of the stream.
    public mutating func take(_ record: CandleRecord) {
        guard let series = record.series, timeframes.contains(series.timeframe) else { return }
        switch record.kind {
        case .candle, .part: take(.candle(Prices(record)), series, record.start.seconds, record.position)
        case .empty: take(.empty, series, record.start.seconds, record.position)
        default: break
        }
    }

    private mutating func take(_ part: Part, _ series: Series, _ start: Int64, _ position: UInt64) {
        let length = series.timeframe.seconds
        for larger in timeframes where larger > series.timeframe && larger.seconds % length == 0 {
            let place = Place(
                series: Series(series.pair, larger), start: floorDivide(start, larger.seconds) * larger.seconds)
            let interval = Interval(place: place, part: series.timeframe)
            var parts = intervals[interval] ?? CandleDeriver.parts(of: interval)
            parts[Int((start - place.start) / length)] = part
            intervals[interval] = parts
            if !parts.contains(.unknown) { derive(place, parts, position) }
        }
    }

    /// What is closed has no candle and need not be told.
    private static func parts(of interval: Interval) -> [Part] {
        let length = interval.part.seconds
        let end = interval.place.start + interval.place.series.timeframe.seconds
        return stride(from: interval.place.start, to: end, by: Int(length)).map {
            TradingWeek.isOpen(during: $0..<($0 + length)) ? .unknown : .empty
        }
    }

    private mutating func derive(_ place: Place, _ parts: [Part], _ position: UInt64) {
        var content = Part.empty
        for case .candle(let next) in parts {
            guard case .candle(var sum) = content else {
                content = .candle(next)
                continue
            }
            sum.take(next)
            content = .candle(sum)
        }
        let former = derived[place]
        guard former?.content != content else { return }
        let revision = (former?.revision ?? 0) &+ 1
        derived[place] = Derived(content: content, revision: revision)
        output.append(CandleDeriver.record(place, content, revision, position))
        // It may be a part of a still larger one.
        take(content, place.series, place.start, position)
    }

    private static func record(_ place: Place, _ content: Part, _ revision: UInt16, _ position: UInt64) -> CandleRecord
    {
        let start = UTCNanos(seconds: place.start)
        var record: CandleRecord
        if case .candle(let prices) = content {
            record = CandleRecord(
                pair: place.series.pair, timeframe: place.series.timeframe, start: start, bid: prices.bid,
                ask: prices.ask, mid: prices.mid, source: .derived, inputStream: .history)
            (record.tickCount, record.invertedTicks) = (prices.tickCount, prices.invertedTicks)
        } else {
            record = .empty(place.series, start: start)
        }
        record.revision = revision
        record.inputPosition = position
        return record
    }
}
