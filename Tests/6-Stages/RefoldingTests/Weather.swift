import MarketData
import TestKit
import Wire

/// A generated ticks stream of some days: quiet and busy pairs, late ticks, blind stretches of the feed and of pairs, lost
/// updates, snapshots, sides that are missing.
struct Weather {
    static let pairs = ["EUR_USD", "USD_JPY", "AUD_NZD"].map { Pair($0)! }
    /// Tuesday 2026-05-12 00:00 UTC.
    static let start: Double = 1_778_544_000

    private var random: SplitMix
    private var time: Double
    private(set) var records: [TickEnvelope] = []
    private var blindSince: Double?
    private var blindPairs: [Pair: (since: Double, told: Double)] = [:]

    /// - Parameter hours: how long it lasts.
    init(seed: UInt64, hours: Double) {
        random = SplitMix(seed: seed)
        time = Weather.start + 100
        tell(.blindBegan(since: Make.nanos(0)))
        tell(.blindEnded(from: Make.nanos(0), until: Make.nanos(time)))
        while time < Weather.start + hours * 3_600 { step() }
        records.append(Make.clock(time + 1))
    }

    private mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

    private mutating func tell(_ event: FeedEvent, pair: Pair = .none) {
        records.append(Make.feed(event, pair: pair, at: time))
    }

    private mutating func step() {
        time += Double.random(in: 1...20, using: &random)
        if chance(400) { turn() }
        if chance(300) { turn(Weather.pairs[Int.random(in: 0..<3, using: &random)]) }
        for (pair, state) in blindPairs where time >= state.told + 600 {
            tell(.blindBegan(since: Make.nanos(state.since)), pair: pair)
            blindPairs[pair]?.told = time
        }
        records.append(Make.clock(time, flags: blindSince == nil ? [] : .localClock))
        guard blindSince == nil else { return }
        for (number, pair) in Weather.pairs.enumerated() where blindPairs[pair] == nil && chance(1 + 5 * number) {
            tick(pair)
        }
        if chance(500) { tell(.updatesLost(count: 3), pair: Weather.pairs[0]) }
    }

    /// The feed, or a pair, loses or finds its sight.
    private mutating func turn(_ pair: Pair = .none) {
        if pair == .none {
            if let since = blindSince {
                blindSince = nil
                tell(.blindEnded(from: Make.nanos(since), until: Make.nanos(chance(3) ? since : time)))
            } else {
                blindSince = time - 2
                tell(.blindBegan(since: Make.nanos(time - 2)))
            }
        } else if let state = blindPairs.removeValue(forKey: pair) {
            tell(.blindEnded(from: Make.nanos(state.since), until: Make.nanos(time)), pair: pair)
        } else {
            blindPairs[pair] = (time - 2, time)
            tell(.blindBegan(since: Make.nanos(time - 2)), pair: pair)
        }
    }

    private mutating func tick(_ pair: Pair) {
        let bid = Int64.random(in: 100_000_000...101_000_000, using: &random) * 10
        let late = chance(40) ? Double.random(in: 1...8_000, using: &random) : 0
        var flags: TickFlags = []
        if chance(50) { flags = .snapshot } else if chance(60) { flags = .askMissing }
        let moment = Make.nanos(max(Weather.start + 100, time - late))
        let ask = flags.contains(.askMissing) ? 0 : bid + (chance(80) ? -20 : 200)
        records.append(
            .tick(
                pair, brokerTime: moment, receiveTime: moment, bid: Price(rawValue: bid), ask: Price(rawValue: ask),
                flags: flags))
    }
}
