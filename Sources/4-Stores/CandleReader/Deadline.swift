internal import Host
internal import MarketData
internal import Streams

/// The end of a wait.
struct Deadline {
    private let end: Int64

    /// - Parameter milliseconds: from now on; as long as a year if it is more.
    init(milliseconds: Int) {
        let most = 366 * 86_400 * 1_000
        end = Clock.system.monotonic() + Int64(min(max(milliseconds, 0), most)) * UTCNanos.perMillisecond
    }

    /// 0 when it is over.
    var millisecondsLeft: Int { Int(max(0, end - Clock.system.monotonic()) / UTCNanos.perMillisecond) }
}

extension Subscriber {
    /// - Returns: whether a message is there; false when the deadline is over.
    func wait(until deadline: Deadline) -> Bool {
        let left = deadline.millisecondsLeft
        return left > 0 && Subscriber.wait(for: [self], milliseconds: left)
    }
}
