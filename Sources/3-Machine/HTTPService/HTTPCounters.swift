internal import Synchronization

/// Keeps the counts of a server. Any thread.
public final class HTTPCounters: Sendable {
    private let counts = Mutex(HTTPCounts())

    public init() {}

    public var now: HTTPCounts { counts.withLock { $0 } }

    func add(_ field: WritableKeyPath<HTTPCounts, Int>, _ number: Int = 1) {
        counts.withLock { $0[keyPath: field] += number }
    }
}
