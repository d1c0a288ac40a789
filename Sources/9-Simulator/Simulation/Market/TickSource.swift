internal import MarketData

/// The ticks of one pair in the order in which the broker sends them.
protocol TickSource: AnyObject {
    /// The time of the next tick, in nanoseconds since 1970; `Int64.max` if none follows.
    var nextTime: Int64 { get }
    /// Takes the next tick. Only while `nextTime` is not `Int64.max`.
    func next() -> MarketTick
    /// The ticks with `from <= time < to`, whether taken already or not, in order.
    func forEach(from: Int64, to: Int64, _ body: (MarketTick) -> Void)
    /// The first moment of which `forEach` knows anything.
    var beginning: Int64 { get }
}

/// Ticks from a file.
final class FileTicks: TickSource {
    private let ticks: [MarketTick]
    private var position = 0
    private(set) var nextTime: Int64
    /// The latest time of any row.
    let lastTime: Int64

    init(_ ticks: [MarketTick]) {
        self.ticks = ticks
        nextTime = ticks.first?.time ?? .max
        lastTime = ticks.reduce(.min) { max($0, $1.time) }
    }

    var beginning: Int64 { ticks.first?.time ?? .max }

    func next() -> MarketTick {
        let tick = ticks[position]
        position += 1
        nextTime = position < ticks.count ? ticks[position].time : .max
        return tick
    }

    func forEach(from: Int64, to: Int64, _ body: (MarketTick) -> Void) {
        var low = 0
        var high = ticks.count
        while low < high {
            let middle = (low + high) / 2
            if ticks[middle].time < from { low = middle + 1 } else { high = middle }
        }
        while low < ticks.count, ticks[low].time < to {
            body(ticks[low])
            low += 1
        }
    }
}

/// Ticks of a seeded random walk, made minute by minute, for ever.
final class WalkTicks: TickSource {
    private let walk: RandomWalk
    private var minute: Int64
    private var ticks: [MarketTick] = []
    private var position = 0
    private(set) var nextTime: Int64 = .max

    /// - Parameter start: nanoseconds since 1970; the first tick is not before it.
    init(walk: RandomWalk, start: Int64) {
        self.walk = walk
        minute = floorDivide(start, 60 * UTCNanos.perSecond)
        load(from: start)
    }

    /// Daily history of IG goes back 15 years; the walk is as good at any time. Source: ig-api § 3.6.
    var beginning: Int64 { .min }

    func next() -> MarketTick {
        let tick = ticks[position]
        position += 1
        if position < ticks.count {
            nextTime = ticks[position].time
        } else {
            minute += 1
            load(from: .min)
        }
        return tick
    }

    func forEach(from: Int64, to: Int64, _ body: (MarketTick) -> Void) {
        var minute = floorDivide(from, 60 * UTCNanos.perSecond)
        while minute * 60 * UTCNanos.perSecond < to {
            for tick in walk.ticks(minute: minute) where tick.time >= from && tick.time < to { body(tick) }
            minute += 1
        }
    }

    private func load(from start: Int64) {
        while true {
            let open = floorDivide(TradingWeek.nextOpen(from: minute * 60), 60)
            minute = max(minute, open)
            ticks = walk.ticks(minute: minute)
            position = ticks.firstIndex { $0.time >= start } ?? ticks.count
            if position < ticks.count { break }
            minute += 1
        }
        nextTime = ticks[position].time
    }
}
