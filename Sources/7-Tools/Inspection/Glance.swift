package import Host
internal import Synchronization

/// A value that costs some work: made again as often as it costs at most a twentieth of the time. Any thread.
package final class Glance<Value: Sendable>: Sendable {
    /// The value, and until when it holds, on the monotonic clock.
    private let last = Mutex<(value: Value, until: Int64)?>(nil)

    package init() {}

    /// The value of a moment ago, or a new one.
    package func value(_ clock: Clock, _ make: () throws -> Value) rethrows -> Value {
        let began = clock.monotonic()
        if let last = last.withLock({ $0 }), began < last.until { return last.value }
        let value = try make()
        let end = clock.monotonic()
        last.withLock { $0 = (value, end + (end - began) * 20) }
        return value
    }
}
