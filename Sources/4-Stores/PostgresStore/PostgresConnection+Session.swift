internal import CLibpq
internal import Glibc
internal import Host
internal import MarketData
internal import Wire

/// What writers and readers ask of a session.
extension PostgresConnection {
    /// The last position of a stream that is in the database; 0 before the first.
    func position(of stream: Stream) throws -> UInt64 {
        let rows = try execute("SELECT position FROM stream_position WHERE stream = $1", [.text(stream.rawValue)])
        return UInt64(bitPattern: rows.first?[0] ?? 0)
    }

    /// The months that have a partition.
    func months() throws -> Set<CandleMonth> {
        let sql = """
            SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'candle'::regclass
            """
        return Set(try execute(sql).compactMap { CandleMonth(name: $0.text(0)) })
    }

    /// ASCII `CWLK`: the first part of the key of our advisory locks; the second is the schema's id.
    private static let lockClass = 0x4357_4C4B

    /// Takes the lock that says that a writer is here. A courtesy to people who start a second one: a server that takes
    /// over after a failover does not know it. What keeps rows right is the compared position.
    /// - Throws: `Failure` (75) if another session has it, (78) if no schema of the search path exists; `PostgresError`.
    func lockDatabase() throws {
        // A machine that is gone without a word keeps the lock until the server notices.
        try run("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3")
        let schema = try execute("SELECT oid::int FROM pg_namespace WHERE nspname = current_schema()").first?[0]
        guard let schema else {
            throw Failure(.configuration, "database \(name) has no schema that its search_path names")
        }
        do {
            // A writer that has just ended may still be leaving.
            try run("SET lock_timeout = '2s'")
            try execute("SELECT pg_advisory_lock(\(Self.lockClass), \(schema))")
            // Before the supervisor loses patience with a writer that waits.
            try run("SET lock_timeout = '30s'")
        } catch let error as PostgresError where error.state == PostgresError.lockNotAvailable {
            throw Failure(.temporary, "\(try holder(schema)) holds \(name): only one process may write here")
        }
    }

    /// Asks to be notified of commits.
    /// - Returns: `false` if the server cannot: a replica.
    func listen() throws -> Bool {
        do {
            try run("LISTEN candlewick")
            return true
        } catch let error as PostgresError where error.state == PostgresError.readOnly {
            return false
        }
    }

    /// Waits for a notification, at most so long.
    func awaitNotification(milliseconds: Int) throws -> Bool {
        let deadline = Clock.system.monotonic() + Int64(milliseconds) * UTCNanos.perMillisecond
        while true {
            if try takeNotifications() { return true }
            let left = (deadline - Clock.system.monotonic()) / UTCNanos.perMillisecond
            guard left > 0 else { return false }
            var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
            poll(&descriptor, 1, Int32(clamping: left))
        }
    }

    /// - Returns: whether any had come.
    private func takeNotifications() throws -> Bool {
        guard PQconsumeInput(handle) == 1 else { throw PostgresError(state: nil, message: "the session ended") }
        var isAny = false
        while let notification = PQnotifies(handle) {
            PQfreemem(notification)
            isAny = true
        }
        return isAny
    }

    private func holder(_ schema: Int64) throws -> String {
        let sql = """
            SELECT a.pid, coalesce(host(a.client_addr), 'the server''s machine') FROM pg_locks l
            JOIN pg_stat_activity a USING (pid)
            WHERE l.locktype = 'advisory' AND l.granted AND l.classid::bigint = $1 AND l.objid::bigint = $2
            """
        // Ids of the server count to 2^32.
        let rows = try execute(sql, [.int(Int64(Self.lockClass)), .int(schema & 0xFFFF_FFFF)])
        return rows.first.map { "session \($0[0]) from \($0.text(1))" } ?? "another session"
    }
}
