internal import CLibpq
internal import Glibc
internal import Host

/// Where a PostgreSQL database is, and how connections to it are protected.
///
/// A host that is not this machine is spoken to only with TLS whose certificate and name are verified. A password comes
/// from a file of libpq's (`PGPASSFILE`, `~/.pgpass`), or from `PGPASSWORD` as variable or credential; never from the URI.
/// Source: PostgreSQL 15, § 34.1.1 (URIs), § 34.19 (SSL).
struct PostgresAddress {
    /// The URI as it was given, for messages.
    let name: String
    private var parameters: [String: String]
    private let password: Secret?

    /// Debian's; libpq 15 has no name for the certificates of the system.
    private static let systemCertificates = "/etc/ssl/certs/ca-certificates.crt"

    /// - Throws: `Failure` (78) if libpq cannot read it, it holds a password, or a weaker `sslmode` than another machine
    ///   needs.
    init(_ uri: String, environment: Environment) throws {
        name = uri
        parameters = try Self.parse(uri)
        guard parameters["password"] == nil, parameters["sslpassword"] == nil else {
            throw Failure(.configuration, Paths.passwordRefusal)
        }
        password = try environment.credential("PGPASSWORD").map { Secret($0) }
        if Self.isRemote(parameters, environment) { try demandTLS(environment) }
        // A server that is gone without a word is noticed within half a minute.
        let defaults = [
            "connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
            "tcp_user_timeout": "25000", "fallback_application_name": "candlewick", "client_encoding": "UTF8",
        ]
        parameters.merge(defaults) { given, _ in given }
    }

    private static func parse(_ uri: String) throws -> [String: String] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(uri, &message) else {
            // Not shown: libpq's reason may quote the URI, and with it what was meant as a password.
            PQfreemem(message)
            throw Failure(
                .configuration,
                "CANDLEWICK_DATABASE cannot be read as a URI of libpq: postgresql://USER@HOST:PORT/DATABASE?KEY=VALUE")
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return values
    }

    private static func isRemote(_ parameters: [String: String], _ environment: Environment) -> Bool {
        // A service file may name any host.
        if parameters["service"] ?? environment["PGSERVICE"] != nil { return true }
        let hosts = [parameters["host"] ?? environment["PGHOST"], parameters["hostaddr"] ?? environment["PGHOSTADDR"]]
        return hosts.compactMap { $0 }.flatMap { $0.split(separator: ",") }.contains { !isLocal($0) }
    }

    /// A Unix socket or loopback.
    private static func isLocal(_ host: Substring) -> Bool {
        if host.hasPrefix("/") || host.hasPrefix("@") || ["localhost", "::1"].contains(host) { return true }
        return host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." }
    }

    private mutating func demandTLS(_ environment: Environment) throws {
        let needed = "verify-full"
        if let given = parameters["sslmode"], given != needed {
            throw Failure(
                .configuration,
                "CANDLEWICK_DATABASE has sslmode=\(given): a server on another machine needs sslmode=\(needed), the default"
            )
        }
        parameters["sslmode"] = needed
        // Kerberos would take the place of TLS.
        parameters["gssencmode"] = "disable"
        let own = environment["HOME"].map { "\($0)/.postgresql/root.crt" }
        let hasOwn = environment["PGSSLROOTCERT"] != nil || own.map { access($0, R_OK) == 0 } == true
        if parameters["sslrootcert"] == nil, !hasOwn { parameters["sslrootcert"] = Self.systemCertificates }
    }

    /// One of libpq's parameters; `nil` if it has its default.
    subscript(keyword: String) -> String? { parameters[keyword] }

    /// The same server for a session that writes: of several hosts the one that takes writes.
    var forWriting: PostgresAddress {
        var address = self
        address.parameters["target_session_attrs"] = "read-write"
        return address
    }

    /// - Returns: a connection, mostly one that works: ask its status.
    func connect() -> OpaquePointer? { withParameters { PQconnectdbParams($0, $1, 0) } }

    /// Tries once more, to learn the SQLSTATE of what the server answers: libpq tells that of a connection that fails only
    /// in its message, and only if it is asked to before.
    func refusal() -> String? {
        guard let handle = withParameters({ PQconnectStartParams($0, $1, 0) }) else { return nil }
        defer { PQfinish(handle) }
        PQsetErrorVerbosity(handle, PQERRORS_SQLSTATE)
        var events = POLLOUT
        while true {
            var descriptor = pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)
            guard poll(&descriptor, 1, Self.refusalMilliseconds) > 0 else { return nil }
            switch PQconnectPoll(handle) {
            case PGRES_POLLING_READING: events = POLLIN
            case PGRES_POLLING_WRITING: events = POLLOUT
            default:
                let message = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
                return message.split(whereSeparator: \.isWhitespace).last.map(String.init)
            }
        }
    }

    /// Of silence.
    private static let refusalMilliseconds: Int32 = 10_000

    private func withParameters<Result>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<UnsafePointer<CChar>?>?) -> Result
    ) -> Result {
        var entries = parameters.map { ($0.key, $0.value) }
        if let password { entries.append(("password", password.reveal())) }
        return withCTexts(entries.map(\.0) + [nil]) { keywords in
            withCTexts(entries.map(\.1) + [nil]) { values in body(keywords, values) }
        }
    }
}
