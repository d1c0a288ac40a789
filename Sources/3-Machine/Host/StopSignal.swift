internal import CPlatform
internal import Glibc

/// SIGTERM and SIGINT as a descriptor that becomes readable. Make it first of all: the signals are then
/// blocked in every thread, and SIGPIPE is ignored.
public struct StopSignal: Sendable {
    /// Readable once a stop was asked for.
    public let descriptor: Int32

    /// - Throws: `Failure` (74) if the system refuses.
    public init() throws {
        descriptor = candlewick_stop_descriptor()
        guard descriptor >= 0 else { throw Failure(.io, "signals cannot be watched: \(systemMessage(-descriptor))") }
    }

    /// Whether a stop has been asked for; stays true.
    public var isRaised: Bool { wait(milliseconds: 0) }

    /// Waits for a stop, at most this long.
    @discardableResult
    public func wait(milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, milliseconds) > 0
    }
}
