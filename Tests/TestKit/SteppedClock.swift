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
            now: { self.now },
            monotonic: { self.state.withLock { $0.monotonic } })
    }

    public var now: UTCNanos { UTCNanos(rawValue: state.withLock { $0.now }) }

    /// Somebody sets the wall clock.
    public func set(_ now: UTCNanos) { state.withLock { $0.now = now.rawValue } }

    /// Both clocks go on.
    public func advance(by duration: Duration) {
        state.withLock {
            $0.now += duration.nanoseconds
            $0.monotonic += duration.nanoseconds
        }
    }
}
