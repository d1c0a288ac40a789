import Glibc
import Host

/// A client that sends bytes as they are. Every wait ends within twenty seconds.
final class RawClient: @unchecked Sendable {
    let descriptor: Int32
    /// Lives as long as its client.
    private let server: TestServer

    /// - Parameter receiveBytes: how much the system may take for us; `nil`: as it likes.
    init(_ server: TestServer, receiveBytes: Int32? = nil) {
        self.server = server
        switch server.address {
        case .tcp(let host, let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            RawClient.prepare(descriptor, receiveBytes)
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_port = port.bigEndian
            inet_pton(AF_INET, host, &place.sin_addr)
            RawClient.connect(descriptor, &place)
        case .unix(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            RawClient.prepare(descriptor, receiveBytes)
            var place = sockaddr_un()
            place.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path.utf8) }
            RawClient.connect(descriptor, &place)
        }
    }

    private static func prepare(_ descriptor: Int32, _ receiveBytes: Int32?) {
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard var receiveBytes else { return }
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, 4)
    }

    private static func connect<Address>(_ descriptor: Int32, _ place: inout Address) {
        _ = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    deinit { close(descriptor) }

    /// - Returns: false if the server no longer takes anything.
    @discardableResult
    func send(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Our side is at its end.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// What has come, at most so many bytes.
    /// - Returns: empty at the end; `nil` if nothing came in time, or the connection was reset.
    func read(_ limit: Int = 65_536) -> String? {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &buffer, limit, 0)
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Everything until the server closes, or until `condition` holds of what has come.
    func read(until condition: (String) -> Bool) -> String {
        var text = ""
        while !condition(text), let more = read(), !more.isEmpty { text += more }
        return text
    }

    func readToEnd() -> String { read { _ in false } }

    /// Whether the server closes, in order or not, before the time is over.
    func isClosed() -> Bool {
        while true {
            var byte = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &byte, byte.count, 0)
            if count == 0 { return true }
            if count < 0 { return errno != EAGAIN && errno != EWOULDBLOCK }
        }
    }
}

/// A request's head.
func head(_ path: String, method: String = "GET", host: String? = "localhost", close: Bool = true, _ more: String...)
    -> String
{
    let lines =
        ["\(method) \(path) HTTP/1.1"] + (host.map { ["Host: \($0)"] } ?? []) + (close ? ["Connection: close"] : [])
        + more
    return lines.joined(separator: "\r\n") + "\r\n\r\n"
}

extension String {
    /// Of an HTTP response.
    var status: Int? {
        let words = split(separator: " ", maxSplits: 2)
        return words.count > 1 && hasPrefix("HTTP/1.") ? Int(words[1]) : nil
    }

    /// The value of a header of the first response; `nil` without it.
    func header(_ name: String) -> String? {
        for line in split(separator: "\r\n\r\n", maxSplits: 1).first?.split(separator: "\r\n") ?? [] {
            if line.lowercased().hasPrefix(name.lowercased() + ": ") { return String(line.dropFirst(name.count + 2)) }
        }
        return nil
    }

    /// What follows the first head.
    var body: String {
        let parts = split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count > 1 ? String(parts[1]) : ""
    }
}
