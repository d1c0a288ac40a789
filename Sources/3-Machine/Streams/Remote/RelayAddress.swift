/// Where a relay listens: two ports in sequence, the first for what comes live, the second for requests.
public struct RelayAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address; one of IPv6 in brackets.
    public let host: String
    /// The first port; 0 to listen on two free ones.
    public let port: UInt16

    public init(host: String, port: UInt16) { (self.host, self.port) = (host, port) }

    /// `HOST:PORT`, such as `192.0.2.7:7411` or `[2001:db8::7]:7411`.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port < .max
        else { return nil }
        let host = text[..<colon]
        let name = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host
        let isBracketed = name.count < host.count
        let isHost = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "._-*".utf8.contains(byte)
                || isBracketed && ":%".utf8.contains(byte)
        }
        guard !name.isEmpty, isHost else { return nil }
        self.init(host: String(host), port: port)
    }

    public var description: String { "\(host):\(port)" }

    var isIPv6: Bool { host.hasPrefix("[") }
    /// What comes live.
    var liveEndpoint: String { "tcp://\(host):\(port)" }
    var requestEndpoint: String { "tcp://\(host):\(port + 1)" }
}
