internal import Foundation
package import Host
internal import MarketData
internal import Synchronization

/// A value that costs some work: made again only as often as its share of the time allows. Any thread.
package final class Glance<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        /// The value holds until then, on the monotonic clock.
        var until = Int64.min
        var isMaking = false
    }

    private let state = Mutex(State())
    private let share: Int64
    private let pause: Int64

    /// - Parameters:
    ///   - share: the work takes at most this part of the time: 20 means a twentieth.
    ///   - pause: a value holds for so long at least.
    package init(share: Int64 = 20, pause: Duration = .zero) { (self.share, self.pause) = (share, pause.nanoseconds) }

    /// The value of a moment ago, or a new one.
    package func value(_ clock: Clock, _ make: () throws -> Value) rethrows -> Value {
        let began = clock.monotonic()
        if let held = state.withLock({ began < $0.until ? $0.value : nil }) { return held }
        let value = try make()
        keep(value, since: began, clock)
        return value
    }

    /// The value that was made last, however old it is; `nil` before the first. If it holds no longer, a thread makes the
    /// next one; the caller does not wait.
    package func latest(_ clock: Clock, _ make: @escaping @Sendable () -> Value) -> Value? {
        let now = clock.monotonic()
        let (value, isDue) = state.withLock { state in
            let isDue = !state.isMaking && now >= state.until
            if isDue { state.isMaking = true }
            return (state.value, isDue)
        }
        if isDue { Thread.detachNewThread { [self] in keep(make(), since: now, clock) } }
        return value
    }

    private func keep(_ value: Value, since began: Int64, _ clock: Clock) {
        let end = clock.monotonic()
        state.withLock { $0 = State(value: value, until: end + max(pause, (end - began) * share)) }
    }
}
