internal import MarketData

/// The whole market in market time: merges the pairs' ticks with the seconds and publishes both in order.
///
/// The second `s` (candle closings, then the heartbeat) comes before the ticks with `time >= s`. Owns no
/// clock: `step` is told how far market time may go.
final class Market {
    /// Where the play is.
    enum Phase: Equatable { case waiting, running, finished }

    let pairs: [PairMarket]
    let heartbeat = MarketItem(name: "TRADE:HB.U.HEARTBEAT.IP", mode: .merge, fields: ["HEARTBEAT"])
    private(set) var phase = Phase.waiting
    /// Market time: nanoseconds since 1970.
    private(set) var now: Int64
    /// Where market time began: a whole second.
    let start: Int64
    /// When all ticks are out and every candle of theirs is closed; `Int64.max` for a walk.
    let end: Int64

    private let byName: [String: PairMarket]
    private var nextSecond: Int64
    /// Which pairs' ticks must be subscribed before the play starts; empty: any one will do.
    private let awaited: Set<Pair>

    /// - Parameters:
    ///   - start: nanoseconds since 1970; rounded down to the second.
    ///   - end: nanoseconds since 1970.
    init(pairs: [PairMarket], start: Int64, end: Int64, awaited: Set<Pair>) {
        self.pairs = pairs
        let firstSecond = floorDivide(start, UTCNanos.perSecond)
        self.start = firstSecond * UTCNanos.perSecond
        self.end = end
        self.awaited = awaited
        now = self.start
        nextSecond = firstSecond
        byName = Dictionary(pairs.map { ("\($0.pair.base)\($0.pair.quote)", $0) }) { first, _ in first }
        heartbeat.values[0] = FieldValue(firstSecond)
        heartbeat.hasValues = true
    }

    /// Market time in whole seconds since 1970.
    var second: Int64 { floorDivide(now, UTCNanos.perSecond) }

    /// - Parameter name: six letters, such as `EURUSD`.
    func pair(named name: String) -> PairMarket? { byName[name] }

    /// Starts the play when every awaited pair is among the subscribed ones.
    func start(subscribed: Set<Pair>) {
        guard phase == .waiting, !subscribed.isEmpty, awaited.isSubset(of: subscribed) else { return }
        phase = .running
    }

    /// Publishes at most `budget` events with market time up to `limit`.
    /// - Returns: the number of events published; less than `budget` when market time reached `limit`
    ///   or the play's end.
    /// - Parameter pauses: asked before each event; true ends the step early.
    func step(until limit: Int64, budget: Int, unless pauses: () -> Bool = { false }) -> Int {
        guard phase != .waiting else { return 0 }
        var count = 0
        while count < budget, !pauses() {
            let secondStart = nextSecond * UTCNanos.perSecond
            let (index, time) = earliestTick()
            if let index, time < secondStart {
                guard time <= limit else { break }
                now = max(now, time)
                pairs[index].takeNext()
            } else {
                guard secondStart <= limit else { break }
                if phase == .running, secondStart > end {
                    phase = .finished
                    break
                }
                publishSecond()
            }
            count += 1
        }
        return count
    }

    private func earliestTick() -> (index: Int?, time: Int64) {
        var best: Int?
        var bestTime = Int64.max
        for index in pairs.indices {
            let time = pairs[index].source.nextTime
            if time < bestTime {
                bestTime = time
                best = index
            }
        }
        return (best, bestTime)
    }

    private func publishSecond() {
        let second = nextSecond
        nextSecond += 1
        now = max(now, second * UTCNanos.perSecond)
        for pair in pairs { pair.closeCandles(at: second) }
        heartbeat.values[0] = FieldValue(second)
        heartbeat.publish()
    }
}
