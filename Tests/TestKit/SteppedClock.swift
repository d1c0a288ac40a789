public import Host
public import MarketData
internal import Synchronization

/// A clock that moves only when a test moves it.
public final class SteppedClock: Sendable {
    private let state: Mutex<(now: Int64, monotonic: Int64)>

    /// - Parameter now: the wall clock's time at first.
    public init(now: UTCNanos = UTCNanos(rawValue: 0)) { state = Mutex((now.rawValue, 0)) }

    public var clock: Clock {
        Clock(
            now: { UTCNanos(rawValue: self.state.withLock { $0.now }) },
            monotonic: { self.state.withLock { $0.monotonic } })
    }

    /// Both clocks go on.
    public func advance(by duration: Duration) {
        state.withLock {
            $0.now += duration.nanoseconds
            $0.monotonic += duration.nanoseconds
        }
    }
}
