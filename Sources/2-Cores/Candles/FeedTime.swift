internal import MarketData
internal import Wire

/// Feed time: the newest among the times of the broker's clocks and of the ticks, of which none moves it further than
/// the order margin beyond the last clock. Nanoseconds since 1970. Source: docs/architecture.md § Candles.
struct FeedTime {
    /// `.min` before the first record with a time.
    var newest = Int64.min
    /// The broker's newest clock; `nil` before the first.
    private(set) var clock: Int64?

    private static let day = 86_400 * UTCNanos.perSecond
    static let hour = 3_600 * UTCNanos.perSecond

    /// 1970 to 2200: outside of it, interval arithmetic could leave 64 bits.
    @inline(__always)
    static func isPlausible(_ time: Int64) -> Bool {
        UInt64(bitPattern: time) < 7_258_118_400_000_000_000
    }

    /// How far a tick moves it: one with a wrong time must not close what others are still filling.
    /// - Returns: `nil` if the tick is stamped impossibly far ahead.
    func reach(ofTick time: Int64) -> Int64? {
        guard let clock else { return time }
        return time > clock &+ Self.day ? nil : min(time, clock &+ FeedEvent.orderMargin)
    }

    /// Whether a time that the feed reported can be right: not a day ahead of its clock.
    func believes(_ time: Int64) -> Bool { Self.isPlausible(time) && time < (clock ?? time) &+ Self.day }

    /// Whether a clock shows that the broker's time was set back. The clock never steps back by itself: the word of it
    /// must be among missing positions.
    func wasSetBack(by time: Int64) -> Bool { clock.map { time < $0 &- Self.hour } ?? false }

    mutating func noteClock(_ time: Int64) { clock = max(clock ?? time, time) }

    mutating func setBack(to time: Int64) { (newest, clock) = (time, time) }
}

extension FeedTime: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(newest)
        bytes.put(clock)
    }

    init(from bytes: inout StateReader) throws(StateDamage) { (newest, clock) = (try bytes.take(), try bytes.take()) }
}
