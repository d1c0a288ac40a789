internal import CPlatform
internal import Glibc

/// The terminal while a picture is redrawn on it, and its keys. Give it back by `end()`; an end by a signal does so too.
///
/// - Note: One at a time in a process.
public final class Screen {
    /// Readable once a key was pressed or a stop was asked for.
    public let descriptor: Int32

    /// - Throws: `Failure` (74) if the system refuses.
    public init(until stop: StopSignal) throws {
        // Without a terminal there are no keys, and a file would always be readable.
        let sources = [stop.descriptor] + (Terminal.isInput ? [0] : [])
        descriptor = candlewick_any_descriptor(sources, sources.count, nil, 0)
        guard descriptor >= 0 else { throw Failure(.io, "keys cannot be waited for: \(systemMessage(-descriptor))") }
        candlewick_screen_take()
    }

    /// Whether `q` was pressed since the last question, or the terminal has gone.
    public var isQuitPressed: Bool {
        var request = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        guard Terminal.isInput, poll(&request, 1, 0) > 0 else { return false }
        var keys = [UInt8](repeating: 0, count: 64)
        let count = read(0, &keys, keys.count)
        guard count > 0 else { return count == 0 || errno != EINTR }
        return keys.prefix(count).contains { $0 == UInt8(ascii: "q") || $0 == UInt8(ascii: "Q") }
    }

    /// Gives the terminal back.
    public func end() { candlewick_screen_give_back() }

    deinit {
        end()
        close(descriptor)
    }
}

@available(*, unavailable)
extension Screen: Sendable {}
