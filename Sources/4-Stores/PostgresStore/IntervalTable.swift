internal import MarketData
internal import Store
internal import Wire

/// The intervals that a batch of a collector's records is about: read once, changed in memory, written once.
struct IntervalTable {
    private let connection: PostgresConnection
    private let collector: CollectorKey
    private var places: [CandleKey: Int] = [:]
    private var intervals: [IntervalRows] = []

    /// Of the session: `seen` is 1 for rows of `candle`, 0 for those of `outranked_candle`.
    static let staging = """
        CREATE TEMPORARY TABLE staged_candle (seen BIGINT, LIKE candle) ON COMMIT DELETE ROWS
        """

    init(_ connection: PostgresConnection, _ collector: CollectorKey) {
        (self.connection, self.collector) = (connection, collector)
    }

    mutating func add(_ key: CandleKey, _ series: Series) {
        guard places[key] == nil else { return }
        places[key] = intervals.count
        intervals.append(IntervalRows(key, series))
    }

    subscript(key: CandleKey) -> IntervalRows? { places[key].map { intervals[$0] } }

    /// Works on the rows of an interval that was added.
    mutating func change<Result>(_ key: CandleKey, _ body: (inout IntervalRows) -> Result?) -> Result? {
        places[key].flatMap { body(&intervals[$0]) }
    }

    // MARK: Reading

    private static let columns = (CandleRow.keyColumns + CandleRow.valueColumns).map { "c.\($0)" }
    private static let keys = "unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS k (instrument, seconds, start)"

    /// The range lets PostgreSQL leave out the partitions of other months.
    private static func join(_ table: String) -> String {
        """
        FROM \(keys) JOIN \(table) c ON c.instrument_id = k.instrument AND c.timeframe = k.seconds
            AND c.open_time = k.start AND c.open_time BETWEEN $4 AND $5
        """
    }

    private static let loadSQL =
        [("candle", 1), ("outranked_candle", 0)].map { table, seen in
            """
            SELECT \(seen)::bigint AS seen, \(columns.joined(separator: ", ")), o.name AS collector \(join(table))
            JOIN collector o ON o.id = c.collector_id
            """
        }.joined(separator: " UNION ALL ") + " ORDER BY seen, source, collector"

    private static let loadOpinionsSQL = {
        let names = CandleRow.keyColumns + OpinionRow.columns(prefix: "native_")
        return
            "SELECT \(names.map { "c.\($0)" }.joined(separator: ", ")) \(join("second_opinion")) WHERE c.collector_id = $6"
    }()

    /// - Parameter withOpinions: the broker's own candles too.
    mutating func load(withOpinions: Bool) throws {
        let starts = intervals.map(\.key.openTime)
        guard let first = starts.min(), let last = starts.max() else { return }
        let values: [SQLValue] = [
            .ints(intervals.map(\.key.instrument)), .ints(intervals.map(\.key.timeframe)),
            .ints(starts.map(\.rawValue)), .int(first.rawValue), .int(last.rawValue),
        ]
        for row in try connection.execute(Self.loadSQL, values) {
            guard let place = places[CandleKey(row, from: 1)] else { continue }
            let series = intervals[place].series
            let candle = try CandleRow(row, from: 4, series, start: intervals[place].key.openTime)
            if row[0] == 1 { intervals[place].know(seen: candle) } else { intervals[place].know(waiting: candle) }
        }
        guard withOpinions else { return }
        for row in try connection.execute(Self.loadOpinionsSQL, values + [.int(collector.id)]) {
            guard let place = places[CandleKey(row, from: 0)] else { continue }
            let (key, series) = (intervals[place].key, intervals[place].series)
            var native = CandleRecord(
                series, start: UTCNanos(seconds: key.openTime), bid: OHLC(row, from: 3), ask: OHLC(row, from: 7),
                mid: .zero, source: .native, inputStream: .ticks)
            native.tickCount = UInt32(truncatingIfNeeded: row[11])
            intervals[place].know(native: native)
        }
    }

    // MARK: Writing

    private static func upsert(_ table: String, seen: Int, _ key: [String]) -> String {
        let columns = CandleRow.columns.joined(separator: ", ")
        let changes = CandleRow.columns.filter { !key.contains($0) }.map { "\($0) = excluded.\($0)" }
        return """
            INSERT INTO \(table) (\(columns)) SELECT \(columns) FROM staged_candle WHERE seen = \(seen)
            ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(changes.joined(separator: ", "))
            """
    }

    private static func copy(_ table: String, _ columns: [String]) -> String {
        "COPY \(table) (\(columns.joined(separator: ", "))) FROM STDIN (FORMAT binary)"
    }

    private static let newSQL = copy("candle", CandleRow.columns)
    private static let stagedSQL = copy("staged_candle", ["seen"] + CandleRow.columns)
    private static let seenSQL = upsert("candle", seen: 1, CandleRow.keyColumns)
    private static let waitingSQL = upsert(
        "outranked_candle", seen: 0, CandleRow.keyColumns + ["source", "collector_id"])
    private static let deleteSQL = """
        DELETE FROM outranked_candle o
        USING unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
            AS k (instrument, seconds, start, source, collector)
        WHERE o.instrument_id = k.instrument AND o.timeframe = k.seconds AND o.open_time = k.start
            AND o.source = k.source AND o.collector_id = k.collector
        """

    /// Writes what is not as it was read. What is new goes straight into `candle`: that takes half the time.
    func write() throws {
        var (new, staged) = (CopyBytes(), CopyBytes())
        var (newCount, seenCount, waitingCount) = (0, 0, 0)
        var gone: [(key: CandleKey, row: CandleRow)] = []
        for rows in intervals {
            if rows.isChanged, let seen = rows.seen {
                if rows.isNew {
                    new.append(rows.key.values + seen.values)
                    newCount += 1
                } else {
                    staged.append([1] + rows.key.values + seen.values)
                    seenCount += 1
                }
            }
            for row in rows.changedWaiting {
                staged.append([0] + rows.key.values + row.values)
                waitingCount += 1
            }
            gone += rows.goneWaiting.map { (rows.key, $0) }
            try rows.opinion?.write(rows.key, connection)
        }
        try delete(gone)
        if newCount > 0 { try connection.copy(Self.newSQL, new) }
        if seenCount + waitingCount > 0 { try connection.copy(Self.stagedSQL, staged) }
        if seenCount > 0 { try connection.execute(Self.seenSQL) }
        if waitingCount > 0 { try connection.execute(Self.waitingSQL) }
    }

    private func delete(_ gone: [(key: CandleKey, row: CandleRow)]) throws {
        guard !gone.isEmpty else { return }
        try connection.execute(
            Self.deleteSQL,
            [
                .ints(gone.map(\.key.instrument)), .ints(gone.map(\.key.timeframe)),
                .ints(gone.map(\.key.openTime.rawValue)), .ints(gone.map { Int64($0.row.candle.source.rawValue) }),
                .ints(gone.map(\.row.collector.id)),
            ])
    }
}

extension CandleKey {
    fileprivate init(_ row: SQLRow, from first: Int) {
        self.init(instrument: row[first], timeframe: row[first + 1], openTime: UTCSeconds(rawValue: row[first + 2]))
    }

    /// In the order of `CandleRow.keyColumns`.
    var values: [Int64] { [instrument, timeframe, openTime.rawValue] }
}
