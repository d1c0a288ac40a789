public import Host
public import MarketData
public import Store
public import Wire

/// The database as its one writer sees it.
///
/// Transactions of several writers, each with collectors of its own, come one after the other, since what a candle becomes
/// depends on those that are there. A transaction begins with the streams' positions: it goes on only if they are those
/// that this writer knows. So two writers of one collector never mix their rows, also after a failover to a server that
/// knows no lock of the first.
///
/// - Note: Data thread only.
public final class PostgresWriter: CandleWriter {
    let connection: PostgresConnection
    private let lock: FileLock
    /// A candle that the broker's own disputes is partial.
    private let enforcesOpinions: Bool
    private var collectors: [Collector: CollectorKey] = [:]
    private var instruments: [Pair: Int64] = [:]
    /// Since when each collector streams a pair, by ids, as `streamed_pair` has it.
    private var streamedSince: [StreamedPair: UTCSeconds] = [:]
    private(set) var timeframes: Set<Int64> = []
    /// Of which there are native candles.
    private var nativeTimeframes: Set<Int64> = []
    /// That have a partition.
    var months: Set<CandleMonth> = []
    private var positions: [Collector: [Stream: UInt64]] = [:]
    private var areNamesLoaded = false

    /// Connects and brings the schema up to date. The database must be there.
    /// - Parameters:
    ///   - lock: a file that refuses a second writer on this machine.
    ///   - enforcesOpinions: a candle that the broker's own disputes is partial; otherwise it is marked only.
    /// - Throws: `Failure` (75) if the server cannot be reached, (65) if a later version made the database, (78) if the URI
    ///   is refused; `StoreError`.
    public init(uri: String, environment: Environment, lock: String, enforcesOpinions: Bool) throws {
        self.enforcesOpinions = enforcesOpinions
        let address = try PostgresAddress(uri, environment: environment)
        self.lock = try FileLock(path: lock)
        let connection = try PostgresConnection.open(address.forWriting)
        self.connection = connection
        try during("open") {
            try connection.prepareForWriting()
            try PostgresSchema.migrate(connection)
            try connection.run(IntervalTable.staging)
        }
    }

    public func claim(_ collector: Collector, origin: String) throws {
        try during("write") {
            // What another process has stored meanwhile is read anew.
            collectors[collector] = nil
            let key = try claim(collector)
            let own = SQLValue.int(key.id)
            try connection.execute(
                """
                UPDATE collector SET origin = $2 WHERE id = $1 AND (origin IS NULL
                    OR NOT EXISTS (SELECT 1 FROM stream_position WHERE collector_id = $1))
                """, [own, .text(origin)])
            let stored = try connection.execute("SELECT origin FROM collector WHERE id = $1", [own]).first?.text(0)
            guard stored == origin else {
                throw Failure(
                    .configuration,
                    """
                    what \(connection.name) holds of collector \(collector) came from the journals of another machine: give \
                    this one another name (the key 'collector' of the configuration); a machine that continues with the \
                    other's journals needs the file 'origin' beside them too
                    """)
            }
        }
    }

    /// The last position of a collector's stream that is in the database; 0 before the first.
    /// - Throws: `Failure` (75) if another process writes the collector's streams; `StoreError`.
    public func position(of stream: Stream, collector: Collector) throws -> UInt64 {
        try during("read") {
            _ = try claim(collector)
            return try connection.position(of: stream, collector: collector)
        }
    }

    /// Takes a collector for this writer.
    private func claim(_ collector: Collector) throws -> CollectorKey {
        if let key = collectors[collector] { return key }
        let key = CollectorKey(id: try id(of: collector.name, in: "collector"), name: collector)
        try connection.lock(key)
        var known: [Stream: UInt64] = [:]
        for stream in Stream.allCases { known[stream] = try connection.position(of: stream, collector: collector) }
        positions[collector] = known
        collectors[collector] = key
        return key
    }

    /// Writes records and the stream's position in one transaction.
    ///
    /// Idempotent, and in any order: a record that is there already, or that ranks lower than what is there, changes
    /// nothing that a reader sees.
    /// - Returns: the candles that a reader now sees in the place of others.
    /// - Throws: `Failure` (75) if another process has moved the position meanwhile; `StoreError`.
    public func write(
        _ records: [CandleEnvelope], collector: Collector, stream: Stream, position: UInt64, now: UTCNanos
    ) throws -> [CandleRecord] {
        try during("write") {
            let key = try claim(collector)
            var noted: [Stream: UInt64] = [stream: position]
            let history = records.lazy.filter { $0.inputStream == .history }.map(\.inputPosition).max()
            if let history { noted[.history] = max(history, noted[.history] ?? 0) }
            do {
                let seen = try connection.transaction(PostgresConnection.beginWriting) {
                    for (stream, position) in noted { try note(stream, position, key, now) }
                    return try store(records, key, now)
                }
                positions[collector]?.merge(noted) { max($0, $1) }
                return seen
            } catch {
                // What a transaction made that was undone is not there.
                areNamesLoaded = false
                throw error
            }
        }
    }

    /// Ends the session, as the end of the process does.
    public func close() throws {}

    // MARK: Position

    /// The server notifies readers of each stream but `history`, which goes with another one.
    private static let noteSQL = """
        INSERT INTO stream_position (stream, position, updated_at, collector_id) VALUES ($1, $2, $3, $5)
        ON CONFLICT (collector_id, stream) DO UPDATE
        SET position = GREATEST(stream_position.position, excluded.position), updated_at = excluded.updated_at
        WHERE stream_position.position = $4
        RETURNING CASE WHEN stream <> 'history' THEN pg_notify('candlewick', stream || ' ' || position || ' ' || $6) END
        """

    private func note(_ stream: Stream, _ position: UInt64, _ collector: CollectorKey, _ now: UTCNanos) throws {
        let rows = try connection.execute(
            Self.noteSQL,
            [
                .text(stream.rawValue), .int(Int64(bitPattern: position)), .int(now.seconds.rawValue),
                .int(Int64(bitPattern: positions[collector.name]?[stream] ?? 0)), .int(collector.id),
                .text(collector.name.name),
            ])
        guard !rows.isEmpty else {
            throw Failure(
                .temporary,
                """
                another process has stored records of collector \(collector.name), stream \(stream.rawValue), in \
                \(connection.name) meanwhile: only one may write them
                """)
        }
    }

    // MARK: Rows

    private func store(
        _ records: [CandleEnvelope], _ collector: CollectorKey, _ now: UTCNanos
    ) throws -> [CandleRecord] {
        try loadNames()
        var intervals = IntervalTable(connection, collector)
        let candles = records.compactMap(\.candle)
        for candle in candles { intervals.add(try key(candle.series, candle.start), candle.series) }
        try makeMonths(of: candles.filter { $0.source != .native }.map(\.start.seconds))
        let withOpinions = !nativeTimeframes.isEmpty || candles.contains { $0.source == .native }
        try intervals.load(withOpinions: withOpinions)
        var stored: [CandleRecord] = []
        for record in records {
            switch record.content {
            case .candle(let candle):
                if let seen = try take(candle, &intervals, collector, now) { stored.append(seen) }
            case .empty(let empty): try insertEmpty(empty)
            case .feed(let feed): try insertEvent(feed, collector)
            case .request(let sent): try insert(sent.request, position: record.inputPosition, collector)
            case .reply(let answer): try complete(answer.reply, collector)
            case .part, .forming, .unknown: break
            }
        }
        try intervals.write()
        return stored
    }

    /// - Returns: the candle of the interval that a reader now sees; `nil` if it is the same as before.
    private func take(
        _ candle: CandleRecord, _ intervals: inout IntervalTable, _ collector: CollectorKey, _ now: UTCNanos
    ) throws -> CandleRecord? {
        let key = try key(candle.series, candle.start)
        if candle.source == .native {
            nativeTimeframes.insert(key.timeframe)
            var marked = intervals.change(key) { $0.compare(candle, collector, enforces: enforcesOpinions, now: now) }
            // Its position in the candles stream is not known any more.
            marked?.seal(position: 0)
            return marked
        }
        if candle.source == .streamed { try noteStreamed(key, collector) }
        let seen = intervals.change(key) { $0.store(candle, collector, now: now) }
        guard candle.source == .streamed, let native = intervals[key]?.native else { return seen }
        var marked = intervals.change(key) { $0.compare(native, collector, enforces: enforcesOpinions, now: now) }
        marked?.seal(position: candle.position)
        return marked ?? seen
    }

    /// Notes since when the collector streams a pair.
    private func noteStreamed(_ key: CandleKey, _ collector: CollectorKey) throws {
        let pair = StreamedPair(collector: collector.id, instrument: key.instrument)
        if let since = streamedSince[pair], since <= key.openTime { return }
        let rows = try connection.execute(
            """
            INSERT INTO streamed_pair (collector_id, instrument_id, since) VALUES ($1, $2, $3)
            ON CONFLICT (collector_id, instrument_id) DO UPDATE SET since = LEAST(streamed_pair.since, excluded.since)
            RETURNING since
            """, [.int(collector.id), .int(key.instrument), .int(key.openTime.rawValue)])
        streamedSince[pair] = rows.first.map { UTCSeconds(rawValue: $0[0]) }
    }

    // MARK: Names and partitions

    func key(_ series: Series, _ start: UTCNanos) throws -> CandleKey {
        CandleKey(
            instrument: try instrumentID(series.pair), timeframe: try ensure(series.timeframe),
            openTime: start.seconds)
    }

    /// Once, and again after a transaction that was undone.
    private func loadNames() throws {
        guard !areNamesLoaded else { return }
        func numbers(_ sql: String) throws -> Set<Int64> { Set(try connection.execute(sql).map { $0[0] }) }
        instruments = [:]
        streamedSince = [:]
        for row in try connection.execute("SELECT id, name FROM instrument") {
            if let pair = Pair(row.text(1)) { instruments[pair] = row[0] }
        }
        timeframes = try numbers("SELECT seconds FROM timeframe")
        nativeTimeframes = try numbers("SELECT DISTINCT timeframe FROM second_opinion")
        months = try connection.months()
        areNamesLoaded = true
    }

    private func instrumentID(_ pair: Pair) throws -> Int64 {
        if let id = instruments[pair] { return id }
        let id = try id(of: pair.description, in: "instrument")
        instruments[pair] = id
        return id
    }

    /// The id of a name in a table of names, which gets it if it is missing.
    private func id(of name: String, in table: String) throws -> Int64 {
        let find = "SELECT id FROM \(table) WHERE name = $1"
        if let known = try connection.execute(find, [.text(name)]).first?[0] { return known }
        try connection.execute("INSERT INTO \(table) (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", [.text(name)])
        guard let id = try connection.execute(find, [.text(name)]).first?[0] else {
            throw PostgresError(state: "XX000", message: "\(table) \(name) was inserted and is missing")
        }
        return id
    }

    /// - Returns: the timeframe's id: its seconds.
    private func ensure(_ timeframe: Timeframe) throws -> Int64 {
        if timeframes.contains(timeframe.seconds) { return timeframe.seconds }
        try connection.execute(
            "INSERT INTO timeframe (seconds, name) VALUES ($1, $2) ON CONFLICT (seconds) DO NOTHING",
            [.int(timeframe.seconds), .text(String(timeframe.minutes))])
        timeframes.insert(timeframe.seconds)
        return timeframe.seconds
    }

    /// Makes the partitions that candles need, and the one after the newest of them.
    private func makeMonths(of starts: [UTCSeconds]) throws {
        var wanted = Set(starts.map { CandleMonth(of: $0) })
        if let newest = starts.max() { wanted.insert(CandleMonth(of: newest).next) }
        // Another collector's writer may have made them.
        if !wanted.isSubset(of: months) { months = try connection.months() }
        for month in wanted.subtracting(months).sorted(by: { $0.start < $1.start }) {
            try connection.run(month.creation)
            months.insert(month)
        }
    }

    func during<Result>(_ operation: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as PostgresError {
            throw StoreError(operation, connection.name, error)
        }
    }
}

@available(*, unavailable)
extension PostgresWriter: Sendable {}
