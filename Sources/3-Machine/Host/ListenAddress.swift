internal import Glibc

/// Where a server listens: a TCP port, or a Unix socket.
public enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// - Parameters:
    ///   - host: a name, an address, one of IPv6 in brackets, or `*` for all addresses.
    ///   - port: 0: a free one.
    case tcp(host: String, port: UInt16)
    /// - Parameter path: absolute, at most `pathLimit` bytes.
    case unix(path: String)

    /// What fits into an address of a Unix socket.
    public static let pathLimit = 107

    /// `HOST:PORT`, such as `127.0.0.1:9641`, `[::1]:9641` or `*:9641`; or `unix:/path/to/socket`.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/"), path.count > 1, path.utf8.count <= ListenAddress.pathLimit else { return nil }
            self = .unix(path: path)
            return
        }
        guard let (host, port) = hostAndPort(text) else { return nil }
        self = .tcp(host: host, port: port)
    }

    public var description: String {
        switch self {
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// As clients name it: `http://127.0.0.1:9641`, or `unix:/path/to/socket`.
    public var url: String {
        guard case .tcp = self else { return description }
        return "http://\(self)"
    }

    /// Only processes of this machine can reach it.
    public var isLocal: Bool {
        guard case .tcp(let host, _) = self else { return true }
        var address = in_addr()
        if inet_pton(AF_INET, host, &address) == 1 { return UInt32(bigEndian: address.s_addr) >> 24 == 127 }
        return host == "[::1]" || host.lowercased() == "localhost"
    }
}

/// Takes `HOST:PORT` apart; an IPv6 address stays in its brackets.
public func hostAndPort(_ text: String) -> (host: String, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    let host = text[..<colon]
    let name = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host
    let isBracketed = name.count < host.count
    let isHost = name.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "._-*".utf8.contains(byte)
            || isBracketed && ":%".utf8.contains(byte)
    }
    return name.isEmpty || !isHost ? nil : (String(host), port)
}
