internal import MarketData

/// The whole market in market time: merges the pairs' ticks with the seconds and publishes both in order.
///
/// The second `s` (candle closings, then the heartbeat) comes before the ticks with `time >= s`. Owns no
/// clock: `step` takes the limit of market time.
///
/// If a capture is played, it decides: market time follows its updates, and `step` takes how far
/// the time of their arrival may go.
final class Market {
    /// The place of the play.
    enum Phase: Equatable { case waiting, running, finished }

    let pairs: [PairMarket]
    let heartbeat = MarketItem(name: "TRADE:HB.U.HEARTBEAT.IP", mode: .merge, fields: ["HEARTBEAT"])
    let capture: CapturePlay?
    let faults = MarketFaults()
    /// Called behind each whole second of market time.
    var onSecond: () -> Void = {}
    private var ownPhase = Phase.waiting
    /// Market time: nanoseconds since 1970.
    private(set) var now: Int64
    /// The begin of market time: a whole second.
    let start: Int64
    /// When all ticks are out and every candle of theirs is closed; `Int64.max` for a walk.
    let end: Int64

    private let byName: [String: PairMarket]
    private var nextSecond: Int64
    /// The time of each pair's next tick, side by side: looked through for every tick.
    private var nextTimes: [Int64]
    /// Which pairs' ticks must be subscribed before the play starts; empty: any one will do.
    private let awaited: Set<Pair>

    /// - Parameters:
    ///   - start: nanoseconds since 1970; rounded down to the second.
    ///   - end: nanoseconds since 1970.
    init(pairs: [PairMarket], start: Int64, end: Int64, awaited: Set<Pair>, capture: CapturePlay? = nil) {
        self.pairs = pairs
        nextTimes = pairs.map(\.source.nextTime)
        self.capture = capture
        let firstSecond = floorDivide(start, UTCNanos.perSecond)
        self.start = firstSecond * UTCNanos.perSecond
        self.end = end
        self.awaited = awaited
        now = self.start
        // The beginning itself is what a subscriber has seen as the snapshot.
        nextSecond = firstSecond + 1
        byName = Dictionary(pairs.map { ("\($0.pair.base)\($0.pair.quote)", $0) }) { first, _ in first }
        heartbeat.values[0] = FieldValue(firstSecond)
        heartbeat.hasValues = true
        for pair in pairs { pair.faults = faults }
    }

    /// The pairs of the capture's items are listed, without prices.
    convenience init(_ capture: CapturePlay) {
        let pairs = capture.items.compactMap { item in
            item.name.split(separator: ":").dropFirst().first.flatMap { Epic($0) }.flatMap { Pair($0.pairName) }
        }
        self.init(
            pairs: Set(pairs).sorted { $0.description < $1.description }.map {
                PairMarket(pair: $0, source: FileTicks([]))
            }, start: capture.beginning, end: .max, awaited: [], capture: capture)
    }

    var phase: Phase { capture?.phase ?? ownPhase }

    /// The place of the play on the axis of `step`.
    var moment: Int64 { capture?.nextTime ?? now }

    /// How many ticks of each pair, or updates of each item of a capture, were published.
    var sentCounts: [(name: String, count: Int)] {
        guard let capture else { return pairs.map { ($0.pair.description, $0.sentCount) } }
        return zip(capture.items, capture.sentCounts).map { ($0.name, $1) }
    }

    /// Market time in whole seconds since 1970.
    var second: Int64 { floorDivide(now, UTCNanos.perSecond) }

    /// - Parameter name: such as `EURUSD` or `DE40`.
    func pair(named name: String) -> PairMarket? { byName[name] }

    /// Starts the play when every awaited pair is among the subscribed ones, or a capture's items are.
    func start(subscribed: Set<Pair>) {
        if let capture { return capture.startIfAttended() }
        guard phase == .waiting, !subscribed.isEmpty, awaited.isSubset(of: subscribed) else { return }
        ownPhase = .running
    }

    /// Publishes at most `budget` events with market time up to `limit`.
    /// - Returns: the number of events published; less than `budget` when market time reached `limit`
    ///   or the play's end.
    /// - Parameter pauses: asked before each event; true ends the step early.
    func step(until limit: Int64, budget: Int, unless pauses: () -> Bool = { false }) -> Int {
        guard phase != .waiting else { return 0 }
        if let capture { return step(capture, until: limit, budget: budget, unless: pauses) }
        var count = 0
        while count < budget, !pauses() {
            let secondStart = nextSecond * UTCNanos.perSecond
            let (index, time) = earliestTick()
            if let index, time < secondStart {
                guard time <= limit else { break }
                now = max(now, time)
                pairs[index].takeNext()
                nextTimes[index] = pairs[index].source.nextTime
            } else {
                guard secondStart <= limit else { break }
                if phase == .running, secondStart > end {
                    ownPhase = .finished
                    break
                }
                publishSecond()
            }
            count += 1
        }
        return count
    }

    private func step(
        _ capture: CapturePlay, until limit: Int64, budget: Int, unless pauses: () -> Bool
    ) -> Int {
        var count = 0
        while count < budget, capture.phase == .running, capture.nextTime <= limit, !pauses() {
            if let told = capture.playNext() { now = max(now, told) }
            count += 1
        }
        return count
    }

    private func earliestTick() -> (index: Int?, time: Int64) {
        var best: Int?
        var bestTime = Int64.max
        for (index, time) in nextTimes.enumerated() where time < bestTime {
            bestTime = time
            best = index
        }
        return (best, bestTime)
    }

    private func publishSecond() {
        let second = nextSecond
        nextSecond += 1
        now = max(now, second * UTCNanos.perSecond)
        for pair in pairs { pair.closeCandles(at: second) }
        // The heartbeat has a clock of its own. Source: ig-api § 14.
        heartbeat.values[0] = FieldValue(second + faults.takeHeartbeatShift())
        heartbeat.publish()
        onSecond()
    }
}
