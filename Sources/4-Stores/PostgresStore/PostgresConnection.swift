internal import CLibpq
internal import Host
internal import Store

/// One session with a server. Each statement is prepared once.
///
/// Every function throws `PostgresError`.
///
/// - Note: One thread only.
final class PostgresConnection {
    /// The database's name for messages.
    let name: String
    let handle: OpaquePointer
    /// The names of prepared statements by their text.
    private var statements: [String: String] = [:]

    /// Does not throw: a throwing `init` that fails after its last property is set runs `deinit`, and a connection must be
    /// freed in one place.
    private init(_ handle: OpaquePointer, name: String) {
        (self.handle, self.name) = (handle, name)
        // Notices say that what we ask for is there already.
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
    }

    deinit { PQfinish(handle) }

    /// - Throws: `Failure` (78) if the server wants a password and none was given, or a wrong one; (75) for any other reason:
    ///   a server that cannot be reached must not look like a database that is not there.
    static func open(_ address: PostgresAddress) throws -> PostgresConnection {
        guard let handle = address.connect() else { throw Failure(.software, "libpq has no memory") }
        let connection = PostgresConnection(handle, name: address.name)
        guard connection.isLost else { return connection }
        guard PQconnectionNeedsPassword(handle) == 0 else {
            throw Failure(
                .configuration,
                "database \(address.name) wants a password: give it in the file that PGPASSFILE names, or as the credential PGPASSWORD"
            )
        }
        if PQconnectionUsedPassword(handle) == 1, address.refusal() == PostgresError.invalidPassword {
            throw Failure(
                .configuration,
                """
                database \(address.name) refuses the password: \(connection.lastMessage): correct it in the file that PGPASSFILE \
                names, or in the credential PGPASSWORD
                """)
        }
        throw Failure(.temporary, "database \(address.name) cannot be opened: \(connection.lastMessage)")
    }

    var isLost: Bool { PQstatus(handle) != CONNECTION_OK }

    /// One line.
    private var lastMessage: String {
        let text = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
        return text.split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }.joined(separator: "; ")
    }

    // MARK: Statements

    /// Executes one statement, prepared at its first use.
    @discardableResult
    func execute(_ sql: String, _ values: [SQLValue] = []) throws -> SQLRows {
        let statement = try prepared(sql)
        return try checked(
            withCTexts(values.map(\.text)) {
                PQexecPrepared(handle, statement, Int32(values.count), $0, nil, nil, 1)
            })
    }

    /// Executes statements without parameters and without preparing them.
    @discardableResult
    func run(_ sql: String) throws -> SQLRows { try checked(PQexec(handle, sql)) }

    private func prepared(_ sql: String) throws -> String {
        if let name = statements[sql] { return name }
        let name = "s\(statements.count)"
        _ = try checked(PQprepare(handle, name, sql, 0, nil))
        statements[sql] = name
        return name
    }

    /// - Parameter sql: a `COPY … FROM STDIN`.
    func copy(_ sql: String, _ rows: CopyBytes) throws {
        try run(sql)
        let sent = rows.ended.withUnsafeBytes {
            PQputCopyData(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
        }
        guard sent == 1, PQputCopyEnd(handle, nil) == 1 else { throw PostgresError(state: nil, message: lastMessage) }
        while let result = PQgetResult(handle) { _ = try checked(result) }
    }

    private func checked(_ result: OpaquePointer?) throws -> SQLRows {
        let rows = SQLRows(result)
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_COPY_IN: return rows
        default: break
        }
        func field(_ letter: Character) -> String? {
            letter.asciiValue.flatMap { PQresultErrorField(result, Int32($0)) }.map { String(cString: $0) }
        }
        throw PostgresError(state: isLost ? nil : field("C"), message: field("M") ?? lastMessage)
    }

    // MARK: Transactions

    /// All of it or nothing.
    func transaction<Result>(_ begin: String = "BEGIN", _ body: () throws -> Result) throws -> Result {
        try run(begin)
        do {
            let result = try body()
            let tag = try run("COMMIT").tag
            guard tag == "COMMIT" else { throw PostgresError(state: "40000", message: "the server answered \(tag)") }
            return result
        } catch {
            _ = try? run("ROLLBACK")  // If the session is lost, the server does it.
            throw error
        }
    }
}

@available(*, unavailable)
extension PostgresConnection: Sendable {}
