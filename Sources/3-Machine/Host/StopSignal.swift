internal import CPlatform
internal import Glibc

/// SIGTERM and SIGINT as a descriptor that becomes readable. Make it first of all: the signals are then
/// blocked in every thread, and SIGPIPE is ignored.
public struct StopSignal: Sendable {
    /// Readable once a stop was asked for.
    public let descriptor: Int32

    /// - Parameter hearsHangup: whether the end of the terminal (SIGHUP) counts too, unless it is ignored.
    /// - Throws: `Failure` (74) if the system refuses.
    public init(hearsHangup: Bool = false) throws {
        descriptor = candlewick_stop_descriptor(hearsHangup ? 1 : 0)
        guard descriptor >= 0 else { throw Failure(.io, "signals cannot be watched: \(systemMessage(-descriptor))") }
    }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// The same, raised also when one of the programs has ended. Stays open as long as the process.
    /// - Throws: `Failure` (74) if the system refuses.
    public func orEnd(of programs: [SupervisedProgram]) throws -> StopSignal {
        let pipes = programs.map(\.output)
        let any = candlewick_any_descriptor([descriptor], 1, pipes, pipes.count)
        guard any >= 0 else { throw Failure(.io, "programs cannot be watched: \(systemMessage(-any))") }
        return StopSignal(descriptor: any)
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
