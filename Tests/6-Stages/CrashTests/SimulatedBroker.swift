import MarketData
import TestKit
import Wire

/// What really happened on the market, and what the feed told of it. Written as `FeedRecorder` writes: told
/// blindness begins two seconds before the newest time, since ticks may be out of order by less than that.
struct SimulatedBroker {
    struct Tick: Hashable {
        let pair: Int
        let time: Int64
        /// `nil`: the tick does not bring this side.
        let bid: Int64?
        let ask: Int64?
    }

    static let pairs = ["EUR_USD", "NZD_USD", "USD_JPY"].map { Pair($0)! }
    static let start: Int64 = 1_778_572_800_000_000_000

    private(set) var now = start
    private(set) var truth: [Tick] = []
    private var lastTicks: [Int: Tick] = [:]
    private var lastClock = start
    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    /// Something that the broker sends.
    enum Message {
        case tick(Tick)
        case heartbeat(Int64)
        /// The broker dropped an update of the pair.
        case lost(pair: Int)
    }

    /// Lets market time pass: ticks, some a little out of order, and a heartbeat each second.
    mutating func pass(seconds: Double) -> [Message] {
        var messages: [Message] = []
        let end = now + Int64(seconds * 1e9)
        while now < end {
            now += Int64.random(in: 1_000_000...2_000_000_000, using: &random)
            if now - lastClock >= 1_000_000_000 {
                lastClock = now
                messages.append(.heartbeat(now))
            } else {
                messages.append(tick())
            }
        }
        return messages
    }

    private mutating func tick() -> Message {
        let pair = Int.random(in: SimulatedBroker.pairs.indices, using: &random)
        let delay = Int.random(in: 0..<5, using: &random) == 0 ? Int64.random(in: 0..<1_500_000_000, using: &random) : 0
        let bid = Int64.random(in: 100_000...101_000, using: &random) * 10_000
        let ask = bid + Int64.random(in: -2...20, using: &random) * 10_000
        let side = Int.random(in: 0..<40, using: &random)
        let tick = Tick(pair: pair, time: now - delay, bid: side == 0 ? nil : bid, ask: side == 1 ? nil : ask)
        truth.append(tick)
        lastTicks[pair] = tick
        return Int.random(in: 0..<200, using: &random) == 0 ? .lost(pair: pair) : .tick(tick)
    }

    /// Each pair's last tick, as sent at a subscription.
    var snapshots: [Tick] { lastTicks.values.sorted { $0.pair < $1.pair } }
}
