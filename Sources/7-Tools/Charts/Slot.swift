internal import MarketData

/// One place on the time axis. The axis runs by intervals, not by time, so that a weekend takes no room.
enum Slot: Equatable {
    /// By its number among the drawn candles.
    case candle(Int)
    /// An interval of the trading hours that has no candle, by its start.
    case empty(UTCSeconds)
    /// A longer row of such intervals, which takes one place: how many.
    case gap(Int)
    /// Markets were closed.
    case closed

    /// Up to this many intervals without a candle in a row have a place each: more would push the candles out.
    static let emptyMax = 12

    var isCandle: Bool { if case .candle = self { true } else { false } }
    var isEmpty: Bool { if case .empty = self { true } else { false } }
    var isGap: Bool { if case .gap = self { true } else { false } }

    static func slots(_ candles: [CandleChart.Candle], _ timeframe: Timeframe, _ hours: TradingHours = .fx) -> [Slot] {
        candles.indices.flatMap { index in
            let former = index == 0 ? nil : candles[index - 1].start
            return (former.map { between($0, candles[index].start, timeframe, hours) } ?? []) + [.candle(index)]
        }
    }

    private static func between(
        _ start: UTCSeconds, _ next: UTCSeconds, _ timeframe: Timeframe, _ hours: TradingHours
    ) -> [Slot] {
        var end = start + timeframe
        guard next > end else { return [] }
        let starts = hours.starts(of: timeframe, in: end..<next)
        guard starts.count <= emptyMax else { return [.gap(starts.count)] }
        var slots: [Slot] = []
        for start in starts + [next] {
            if start > end { slots.append(.closed) }
            if start < next { slots.append(.empty(start)) }
            end = start + timeframe
        }
        return slots
    }
}

/// The labels of the time axis.
struct TimeAxis {
    struct Mark: Equatable {
        let slot: Int
        let start: UTCSeconds

        fileprivate var daysSince1970: Int64 { floorDivide(start.rawValue, 86_400) }

        /// `13:55`.
        var time: String { String(start.text().suffix(8).prefix(5)) }

        /// `Wed 05-01`.
        var date: String {
            let days = daysSince1970
            // 1970-01-01 was a Thursday.
            let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int(days - floorDivide(days, 7) * 7)]
            return "\(weekday) \(CivilDate(daysSince1970: days).description.suffix(5))"
        }
    }

    /// Moments of the day, none if the timeframe is too long for them.
    let times: [Mark]
    /// The first place, and the first one of each further day.
    let days: [Mark]

    /// - Parameter spacing: how many places lie between two labels of a time at least.
    init(_ slots: [Slot], _ candles: [CandleChart.Candle], _ timeframe: Timeframe, spacing: Int) {
        let marks = slots.enumerated().compactMap { slot, content -> Mark? in
            switch content {
            case .candle(let index): Mark(slot: slot, start: candles[index].start)
            case .empty(let start): Mark(slot: slot, start: start)
            case .gap, .closed: nil
            }
        }
        let steps: [Int64] = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720].map { $0 * 60 }
        let step = steps.first { $0 % timeframe.seconds == 0 && $0 / timeframe.seconds >= Int64(spacing) }
        times = step.map { step in marks.filter { $0.start.rawValue % step == 0 } } ?? []
        days = marks.indices.filter { index in
            index == 0 || marks[index].daysSince1970 != marks[index - 1].daysSince1970
        }.map { marks[$0] }
    }
}
