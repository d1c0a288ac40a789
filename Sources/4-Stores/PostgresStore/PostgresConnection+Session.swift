internal import CLibpq
internal import Glibc
internal import Host
internal import MarketData
internal import Store
internal import Wire

/// What writers and readers ask of a session.
extension PostgresConnection {
    /// The last position of a collector's stream that is in the database; 0 before the first.
    func position(of stream: Stream, collector: Collector) throws -> UInt64 {
        let sql = """
            SELECT position FROM stream_position
            WHERE stream = $1 AND collector_id = (SELECT id FROM collector WHERE name = $2)
            """
        return UInt64(bitPattern: try execute(sql, [.text(stream.rawValue), .text(collector.name)]).first?[0] ?? 0)
    }

    /// The months that have a partition.
    func months() throws -> Set<CandleMonth> {
        let sql = """
            SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'candle'::regclass
            """
        return Set(try execute(sql).compactMap { CandleMonth(name: $0.text(0)) })
    }

    /// The keys of our advisory locks: the schema's id, and this (ASCII `CW`) with the collector's id added; with nothing
    /// added it is the lock of every transaction that writes.
    private static let lockBase: Int64 = 0x4357_0000

    private static let schemaID = "(SELECT oid::int FROM pg_namespace WHERE nspname = current_schema())"

    /// Begins a transaction, and waits until no other one writes.
    static let beginWriting = "BEGIN; SELECT pg_advisory_xact_lock(\(schemaID), \(lockBase))"

    /// - Throws: `Failure` (78) if no schema of the search path exists; `PostgresError`.
    func prepareForWriting() throws {
        // A machine that is gone without a word keeps its locks until the server notices.
        try run("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3")
        // Before the supervisor loses patience with a writer that waits.
        try run("SET lock_timeout = '\(Self.patience)'")
        guard try execute("SELECT current_schema()::text").first?.isNull(0) == false else {
            throw Failure(.configuration, "database \(name) has no schema that its search_path names")
        }
    }

    private static let patience = "30s"

    /// Takes the lock that says that a collector has a writer. A courtesy to people who start a second one: a server that
    /// takes over after a failover does not know it. What keeps rows right is the compared position.
    /// - Throws: `Failure` (75) if another session has it; `PostgresError`.
    func lock(_ collector: CollectorKey) throws {
        let key = Self.lockBase + collector.id
        do {
            // A writer that has just ended may still be leaving.
            try run("SET lock_timeout = '2s'")
            try execute("SELECT pg_advisory_lock(\(Self.schemaID), \(key))")
            try run("SET lock_timeout = '\(Self.patience)'")
        } catch let error as PostgresError where error.state == PostgresError.lockNotAvailable {
            throw Failure(
                .temporary,
                """
                \(try holder(key)) writes collector \(collector.name) in \(name): only one process may; two machines need \
                two names (the key 'collector' of the configuration)
                """)
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

    private func holder(_ key: Int64) throws -> String {
        let sql = """
            SELECT a.pid, coalesce(host(a.client_addr), 'the server''s machine') FROM pg_locks l
            JOIN pg_stat_activity a USING (pid)
            WHERE l.locktype = 'advisory' AND l.granted AND l.classid::int = \(Self.schemaID) AND l.objid::bigint = $1
            """
        let rows = try execute(sql, [.int(key)])
        return rows.first.map { "session \($0[0]) from \($0.text(1))" } ?? "another session"
    }
}
