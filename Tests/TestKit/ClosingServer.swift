import Glibc

/// A port of this machine that accepts connections and closes them without an answer.
public final class ClosingServer {
    private let descriptor: Int32
    public let port: UInt16
    /// How many connections have come.
    public private(set) var count = 0

    public init() {
        (descriptor, port) = listenOnLoopback(flags: Int32(SOCK_NONBLOCK.rawValue))
    }

    deinit { close(descriptor) }

    /// Turns away those that wait.
    public func turnAway() {
        while case let connection = accept(descriptor, nil, nil), connection >= 0 {
            close(connection)
            count += 1
        }
    }
}
