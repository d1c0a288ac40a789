/// The address of a Lightstreamer server: scheme, authority and an optional path before `/lightstreamer`.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    public let isSecure: Bool
    public let host: String
    public let port: Int
    /// Without a slash at its end; empty for most.
    public let prefix: String

    /// Reads `https://host[:port][/prefix]`; also `http`, `wss` and `ws`.
    public init?(_ text: String) {
        let schemes = ["https://": true, "wss://": true, "http://": false, "ws://": false]
        guard let scheme = schemes.first(where: { text.lowercased().hasPrefix($0.key) }) else { return nil }
        self.init(isSecure: scheme.value, rest: text.dropFirst(scheme.key.count), defaultPort: scheme.value ? 443 : 80)
    }

    private init?(isSecure: Bool, rest: Substring, defaultPort: Int) {
        let authority = rest.prefix { $0 != "/" }
        var prefix = rest.dropFirst(authority.count)
        while prefix.last == "/" { prefix.removeLast() }
        var host = authority
        var port = defaultPort
        if let bracket = authority.lastIndex(of: "]") {
            host = authority[...bracket]
            let tail = authority[bracket...].dropFirst()
            if !tail.isEmpty {
                guard tail.first == ":", let number = Int(tail.dropFirst()) else { return nil }
                port = number
            }
        } else if let colon = authority.lastIndex(of: ":") {
            guard let number = Int(authority[authority.index(after: colon)...]) else { return nil }
            host = authority[..<colon]
            port = number
        }
        let visible = host.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "@") }
        guard !host.isEmpty, (1...65_535).contains(port), visible,
            prefix.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        self.isSecure = isSecure
        self.host = String(host)
        self.port = port
        self.prefix = String(prefix)
    }

    /// The server that a session's control link names: no scheme, a port only if it differs. `*` and
    /// anything unreadable stand for this endpoint. Source: TLCP § Server lines, control link.
    public func followed(by controlLink: String) -> Endpoint {
        guard controlLink != "*", !controlLink.isEmpty else { return self }
        return Endpoint(isSecure: isSecure, rest: Substring(controlLink), defaultPort: port) ?? self
    }

    /// The path of the WebSocket, and of the HTTP requests before their name.
    public var path: String { "\(prefix)/lightstreamer" }

    /// `host:port`, without the port if it is the scheme's own.
    public var authority: String { port == (isSecure ? 443 : 80) ? host : "\(host):\(port)" }

    public var webSocketURL: String { "\(isSecure ? "wss" : "ws")://\(authority)\(path)" }
    public var httpURL: String { "\(isSecure ? "https" : "http")://\(authority)\(path)" }
    public var description: String { httpURL }
}
