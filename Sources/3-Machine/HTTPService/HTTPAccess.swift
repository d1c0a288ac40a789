public import Host
internal import NIOHTTP1

/// Who may ask, and from which pages.
public struct HTTPAccess: Sendable {
    private let token: HTTPToken?
    private let origins: Set<String>
    private let hosts: Set<String>

    /// - Parameters:
    ///   - token: every request over TCP needs it; `nil`: none does, and the name in `Host` is checked instead.
    ///   - origins: pages of other servers that may read, such as `https://charts.example.org`, in lower case.
    ///   - address: where the server listens, which may be named in `Host` too.
    public init(token: HTTPToken? = nil, origins: [String] = [], address: ListenAddress? = nil) {
        self.token = token
        self.origins = Set(origins)
        // The page of another server that a name leads to us has that name in `Host`: only these are ours.
        var hosts =
            ["localhost", "127.0.0.1", "[::1]"] + origins.map { name(ofHost: $0.split(separator: "/").last ?? "") }
        if case .tcp(let host, _) = address { hosts.append(host.lowercased()) }
        self.hosts = Set(hosts)
    }

    var needsToken: Bool { token != nil }

    /// Why a request over TCP is not answered; `nil` if it is.
    func refusal(of head: HTTPRequestHead) -> HTTPResponse? {
        if let token {
            let headers = head.headers["authorization"]
            guard headers.count == 1, token.isIn(headers[0]) else { return HTTPAccess.unauthorized }
            return nil
        }
        let named = head.headers["host"]
        if named.isEmpty && head.version.minor == 0 || named.count == 1 && hosts.contains(name(ofHost: named[0][...])) {
            return nil
        }
        return HTTPResponse(
            421, contentType: plain,
            text:
                "the Host header names neither localhost, nor web.listen, nor one of web.origins: use localhost, or add the origin there\n"
        )
    }

    static let unauthorized = HTTPResponse(
        401, contentType: plain,
        headers: [("WWW-Authenticate", "Basic realm=\"candlewick\", Bearer")],
        text: "the token is missing or wrong: send 'Authorization: Bearer TOKEN', or it as any user's password\n")

    /// What lets the page of another server read the answer; empty if it may not, or if none asks.
    func crossOriginHeaders(_ head: HTTPRequestHead) -> [(name: String, value: String)] {
        if origins.isEmpty { return [] }
        guard let origin = allowedOrigin(head) else { return [("Vary", "Origin")] }
        return [
            ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"), ("Vary", "Origin"),
        ]
    }

    /// The answer to a preflight: a browser asks whether a page of an allowed origin may send a request. `nil` for any other
    /// request.
    /// Source: Fetch § CORS-preflight request.
    func preflight(_ head: HTTPRequestHead) -> HTTPResponse? {
        guard head.method == .OPTIONS, allowedOrigin(head) != nil,
            head.headers.contains(name: "access-control-request-method")
        else { return nil }
        return HTTPResponse(
            204, contentType: "",
            headers: [
                ("Access-Control-Allow-Methods", "GET, HEAD"), ("Access-Control-Allow-Headers", "Authorization"),
                ("Access-Control-Max-Age", "600"),
            ], body: [])
    }

    private func allowedOrigin(_ head: HTTPRequestHead) -> String? {
        head.headers.first(name: "origin").map { $0.lowercased() }.flatMap { origins.contains($0) ? $0 : nil }
    }
}

/// A host in lower case, without its port.
private func name(ofHost text: Substring) -> String {
    let host = text.lowercased()
    guard let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") else { return host }
    return String(host[..<colon])
}

let plain = "text/plain; charset=utf-8"
