internal import Host

/// Where a relay listens: two ports in sequence, the first for what comes live, the second for requests.
public struct RelayAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address; one of IPv6 in brackets.
    public let host: String
    /// The first port; 0 to listen on two free ones.
    public let port: UInt16

    public init(host: String, port: UInt16) { (self.host, self.port) = (host, port) }

    /// `HOST:PORT`, such as `192.0.2.7:7411` or `[2001:db8::7]:7411`.
    public init?(_ text: String) {
        guard let (host, port) = hostAndPort(text), port < .max else { return nil }
        self.init(host: host, port: port)
    }

    public var description: String { "\(host):\(port)" }

    var isIPv6: Bool { host.hasPrefix("[") }
    /// What comes live.
    var liveEndpoint: String { "tcp://\(host):\(port)" }
    var requestEndpoint: String { "tcp://\(host):\(port + 1)" }
}
