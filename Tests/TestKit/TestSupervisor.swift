internal import Glibc
import Synchronization

/// The supervisor's side of the notify protocol: a datagram socket, as systemd's, and what came through it.
public final class TestSupervisor: Sendable {
    /// The value of `NOTIFY_SOCKET`.
    public let address: String
    private let descriptor: Int32
    private let received = Mutex<[String]>([])

    public init(folder: TemporaryFolder) {
        address = folder.path + "/notify"
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: address.utf8) }
        let code = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        precondition(code == 0, "no notify socket")
    }

    deinit { close(descriptor) }

    /// The environment of a supervised program with this limit for its watchdog.
    public func environment(watchdogMilliseconds: Int) -> [String: String] {
        ["NOTIFY_SOCKET": address, "WATCHDOG_USEC": "\(watchdogMilliseconds * 1_000)"]
    }

    /// Every message so far, in order.
    public var messages: [String] {
        received.withLock { messages in
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
                messages.append(String(decoding: buffer[..<count], as: UTF8.self))
            }
            return messages
        }
    }

    public func count(_ message: String) -> Int { messages.count { $0 == message } }
}
