internal import Glibc
internal import MarketData

/// Reports to the supervisor how the process is: ready, alive, stopping. Speaks the protocol of sd_notify(3),
/// datagrams to `$NOTIFY_SOCKET`; without that variable everything here does nothing.
///
/// - Note: One thread at a time.
public final class ServiceNotifier {
    private let socket: NotifySocket?
    private let clock: Clock
    private var isReady = false
    private var lastStatus = ""
    /// The time between two pings, ns: half the supervisor's limit; `nil` if it has none.
    let pingInterval: Int64?
    private var nextPing = Int64.min

    /// - Throws: `Failure` (78) if `NOTIFY_SOCKET` is not an address of a Unix socket.
    public init(environment: Environment, clock: Clock) throws {
        self.clock = clock
        socket = try environment["NOTIFY_SOCKET"].map(NotifySocket.init)
        pingInterval = ServiceNotifier.pingInterval(environment)
    }

    /// The process serves. Only the first call counts.
    public func ready() {
        if isReady { return }
        isReady = true
        // It must arrive, or the supervisor gives the start up: so this waits if its queue is full.
        _ = socket?.send("READY=1", waits: true)
    }

    /// One line for the person who asks the supervisor.
    public func status(_ line: String) {
        guard line != lastStatus, socket?.send("STATUS=\(line)", waits: false) == true else { return }
        lastStatus = line
    }

    /// The process ends in order.
    public func stopping() { _ = socket?.send("STOPPING=1", waits: true) }

    /// The work loop has made a turn. Pings the supervisor's watchdog where half of its limit has passed.
    ///
    /// To be called from the work loop alone: what pings for it would go on when it is wedged.
    public func progressed() {
        guard let pingInterval, case let now = clock.monotonic(), now >= nextPing,
            socket?.send("WATCHDOG=1", waits: false) == true
        else { return }
        nextPing = now + pingInterval
    }

    /// Source: sd_watchdog_enabled(3): µs in `WATCHDOG_USEC`, meant for this process alone where
    /// `WATCHDOG_PID` names one.
    private static func pingInterval(_ environment: Environment) -> Int64? {
        if let owner = environment["WATCHDOG_PID"], owner != "\(getpid())" { return nil }
        guard let limit = environment["WATCHDOG_USEC"].flatMap(Int64.init), limit > 0,
            limit <= Int64.max / 1_000
        else { return nil }
        return limit * 1_000 / 2
    }
}

@available(*, unavailable)
extension ServiceNotifier: Sendable {}

/// A datagram socket and the address to send to.
private final class NotifySocket {
    private let descriptor: Int32
    private var address = sockaddr_un()
    private let length: socklen_t

    /// - Parameter name: an absolute path, or `@` and the name of an abstract socket.
    init(_ name: String) throws {
        var bytes = Array(name.utf8)
        let isAbstract = bytes[0] == UInt8(ascii: "@")
        guard isAbstract || bytes[0] == UInt8(ascii: "/"),
            bytes.count < MemoryLayout.size(ofValue: address.sun_path)
        else { throw Failure(.configuration, "NOTIFY_SOCKET '\(name)' is not an address of a Unix socket") }
        if isAbstract { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // A path is followed by a NUL; an abstract name ends with its length.
        length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1))
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw Failure(.io, "a socket for NOTIFY_SOCKET cannot be made: \(systemMessage(errno))")
        }
    }

    /// - Parameter waits: whether to wait for room in the supervisor's queue.
    /// - Returns: whether it went out. That it did not must not end the work: the supervisor may be gone.
    func send(_ text: String, waits: Bool) -> Bool {
        let flags = Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT))
        var address = address
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, text, text.utf8.count, flags, $0, length) >= 0
            }
        }
    }

    deinit { close(descriptor) }
}
