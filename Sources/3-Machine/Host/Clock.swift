internal import CPlatform
internal import Glibc
public import MarketData

/// The time. Handed in, so that a test can set it; only `Host` reads the system's clock.
public struct Clock: Sendable {
    /// The wall clock, UTC. May step back.
    public let now: @Sendable () -> UTCNanos
    /// Nanoseconds since an arbitrary moment; never steps back. For intervals.
    public let monotonic: @Sendable () -> Int64

    public init(now: @escaping @Sendable () -> UTCNanos, monotonic: @escaping @Sendable () -> Int64) {
        self.now = now
        self.monotonic = monotonic
    }

    /// The machine's clocks.
    public static let system = Clock(
        now: { UTCNanos(rawValue: read(CLOCK_REALTIME)) },
        monotonic: { read(CLOCK_MONOTONIC) })

    /// Whether the system says that something keeps the wall clock right.
    public static var isKept: Bool { candlewick_clock_is_kept() != 0 }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * UTCNanos.perSecond + Int64(time.tv_nsec)
    }
}
