internal import MarketData
internal import Wire

/// How long after their intervals' ends candles became readable, and how many were revised afterwards: of the last hour,
/// as a histogram for each minute.
///
/// Owns no clock. Moments are monotonic ns, in order.
struct CandleDelays {
    /// The figures of some candles, ns. A percentile is the upper edge of its bucket, at most 12% above the truth, and
    /// never above the worst.
    struct Figures: Hashable {
        var candles: Int
        var p50: Int64
        var p90: Int64
        var p99: Int64
        var worst: Int64
    }

    private struct Minute {
        /// Minutes since the clock's beginning.
        var number = Int64.min
        var busy = Histogram()
        var quiet = Histogram()
        var revised = 0
    }

    private static let minuteCount: Int64 = 60
    private var minutes = [Minute](repeating: Minute(), count: Int(minuteCount))

    /// Notes a candle that became readable.
    /// - Parameters:
    ///   - delay: ns from its interval's end on.
    ///   - isBusy: of a busy pair.
    mutating func note(_ delay: Int64, isBusy: Bool, at moment: Int64) {
        let place = begin(moment)
        if isBusy { minutes[place].busy.note(delay) } else { minutes[place].quiet.note(delay) }
    }

    /// Notes candles that were revised after they were readable.
    mutating func noteRevised(_ count: Int, at moment: Int64) { minutes[begin(moment)].revised += count }

    /// Of busy pairs, or of quiet ones; `nil` without a candle.
    func figures(isBusy: Bool, at moment: Int64) -> Figures? {
        let all = Histogram(lastHour(moment).map { isBusy ? $0.busy : $0.quiet })
        guard all.total > 0 else { return nil }
        return Figures(
            candles: all.total, p50: all.percentile(50), p90: all.percentile(90), p99: all.percentile(99),
            worst: all.worst)
    }

    /// Candles that were revised after they were readable.
    func revised(at moment: Int64) -> Int { lastHour(moment).reduce(0) { $0 + $1.revised } }

    private static func number(_ moment: Int64) -> Int64 { floorDivide(moment, 60 * UTCNanos.perSecond) }

    /// - Returns: the place of the moment's minute, which holds nothing older.
    private mutating func begin(_ moment: Int64) -> Int {
        let number = CandleDelays.number(moment)
        let place = Int(number - floorDivide(number, CandleDelays.minuteCount) * CandleDelays.minuteCount)
        if minutes[place].number != number {
            minutes[place] = Minute()
            minutes[place].number = number
        }
        return place
    }

    private func lastHour(_ moment: Int64) -> [Minute] {
        let number = CandleDelays.number(moment)
        return minutes.filter { $0.number > number - CandleDelays.minuteCount && $0.number <= number }
    }
}

/// Delays by size: buckets from 1 ms to 60 s, each 12% wider than the one before, and one for longer delays.
private struct Histogram {
    /// The longest delay of each bucket but the last, ns.
    static let edges: [Int64] = {
        var edges = [UTCNanos.perMillisecond]
        while edges[edges.count - 1] < 60 * UTCNanos.perSecond { edges.append(edges[edges.count - 1] / 100 * 112) }
        return edges
    }()

    private var counts = [Int](repeating: 0, count: edges.count + 1)
    private(set) var total = 0
    private(set) var worst: Int64 = 0

    init() {}

    /// All of several.
    init(_ parts: [Histogram]) {
        for part in parts where part.total > 0 {
            for bucket in counts.indices { counts[bucket] += part.counts[bucket] }
            total += part.total
            worst = max(worst, part.worst)
        }
    }

    mutating func note(_ delay: Int64) {
        counts[Self.edges.firstIndex { delay <= $0 } ?? Self.edges.count] += 1
        total += 1
        worst = max(worst, delay)
    }

    /// The smallest edge below which so many of a hundred lie.
    func percentile(_ percent: Int) -> Int64 {
        var left = (total * percent + 99) / 100
        for (count, edge) in zip(counts, Self.edges) {
            left -= count
            if left <= 0 { return min(edge, worst) }
        }
        return worst
    }
}
