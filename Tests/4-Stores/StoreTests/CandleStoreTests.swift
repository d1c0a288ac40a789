import CandleReader
import GRDB
import Host
import MarketData
@testable import Store
import Testing
import TestKit
import Wire

@Suite struct CandleStoreTests {
    let folder = TemporaryFolder()
    var path: String { folder.path + "/candlewick.db" }

    private func rows(_ sql: String) throws -> [Row] {
        try DatabaseQueue(path: path).read { try Row.fetchAll($0, sql: sql) }
    }

    private func write(_ store: CandleStore, _ candles: [CandleRecord], position: UInt64 = 1) throws -> Int {
        try write(store, candles.map(\.envelope), position: position)
    }

    private func write(_ store: CandleStore, _ records: [CandleEnvelope], position: UInt64 = 1) throws -> Int {
        try store.write(records, stream: .candles, position: position, now: UTCNanos(seconds: 5)).count
    }

    @Test func `rows and position are in one transaction and survive a restart`() throws {
        do {
            let store = try CandleStore(path: path)
            #expect(try store.position(of: .candles) == 0)
            #expect(try write(store, [Make.candle(300), Make.candle(600)], position: 42) == 2)
            try store.close()
        }
        let store = try CandleStore(path: path)
        #expect(try store.position(of: .candles) == 42)
        #expect(try CandleReader(path: path).last(5, Make.eurUSD, .fiveMinutes, .all).map(\.timestamp) == [300, 600])
    }

    @Test func `the fixed view has the columns that bots query`() throws {
        let store = try CandleStore(path: path)
        _ = try write(store, [Make.candle(300, price: "1.38676"), Make.candle(600, flags: .partial)])
        let row = try #require(try rows("SELECT * FROM candles").first)
        #expect(
            Array(row.columnNames)
                == ["pair", "timeframe", "timestamp", "open", "high", "low", "close", "volume", "source", "created_at"])
        let texts: [String] = [row["pair"], row["timeframe"], row["source"]]
        let numbers: [Double] = [row["timestamp"], row["close"], row["volume"]]
        #expect(texts == ["EUR_USD", "5", "streamed"] && numbers == [300, 1.38676, 1])
        #expect(try rows("SELECT * FROM candles").count == 1)
        let full = try rows("SELECT * FROM candles_full ORDER BY timestamp")
        let wholeness: [[Int]] = full.map { [$0["complete"], $0["partial"]] }
        #expect(wholeness == [[1, 0], [0, 1]])
        let expected =
            ["pair", "timeframe", "timestamp"]
            + ["bid", "ask", "mid"].flatMap { side in ["open", "high", "low", "close"].map { "\(side)_\($0)" } }
            + ["tick_count", "complete", "partial", "blind_ms", "lost", "revision", "source", "created_at"]
        #expect(full.first.map { Array($0.columnNames) } == expected)
    }

    @Test(arguments: ["candles", "candles_full"])
    func `the last candles through a view come by the key in order`(view: String) throws {
        let store = try CandleStore(path: path)
        _ = try write(store, (1...50).map { Make.candle($0 * 300) })
        let plan = try rows(
            """
            EXPLAIN QUERY PLAN SELECT * FROM \(view)
            WHERE pair = 'EUR_USD' AND timeframe = '5' ORDER BY timestamp DESC LIMIT 20
            """
        ).map { $0["detail"] as String }
        #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") && !$0.contains("TEMP") }, "\(plan)")
        #expect(plan.contains { $0.contains("c USING PRIMARY KEY (instrument_id=? AND timeframe=?)") }, "\(plan)")
    }

    /// Whole streamed, bought, derived, imported, partial streamed; within a rank the higher revision.
    private static let ranked: [CandleRecord] = [
        Make.candle(300, price: "6", revision: 2), Make.candle(300, price: "4", source: .bought),
        Make.candle(300, price: "3", source: .derived),
        Make.candle(300, price: "2.5", source: .imported),
        Make.candle(300, price: "2", revision: 9, flags: .partial), Make.candle(300, price: "1", flags: .partial),
    ]

    @Test func `the best candle stays, in every order of arrival, and repeating changes nothing`() throws {
        let store = try CandleStore(path: path)
        for (index, order) in permutations(Array(Self.ranked.indices)).enumerated() {
            let pair = Instrument.defaults[index % 28].pair
            let start = Int64(index / 28 + 1) * 300
            let candles = order.map { place in
                var candle = Self.ranked[place]
                candle = Make.candle(
                    start, pair: pair, price: candle.bid.open.description, source: candle.source,
                    revision: candle.revision, flags: candle.flags)
                return candle
            }
            _ = try write(store, candles)
            #expect(try write(store, candles) == 0)
        }
        #expect(try rows("SELECT DISTINCT mid_close FROM candles_full").map { $0[0] as Double } == [6.0])
        let count: Int? = try rows("SELECT COUNT(*) FROM candles_full").first?[0]
        #expect(count == 720)
    }

    /// A whole streamed candle that is withdrawn, beside a bought and a derived one; or that is whole again at last.
    @Test(arguments: [[0, 1, 2, 3, 4], [0, 1, 2, 4, 5]])
    func `what was outranked comes back when the better one is withdrawn, in every order`(places: [Int]) throws {
        let store = try CandleStore(path: path)
        func candle(_ place: Int, _ start: Int64, _ pair: Pair) -> CandleRecord {
            switch place {
            case 0: Make.candle(start, pair: pair, price: "1", revision: 1)
            case 1: Make.candle(start, pair: pair, price: "2", revision: 2, flags: [.partial, .withdrawn])
            case 2: Make.candle(start, pair: pair, price: "3", source: .bought)
            case 3: Make.candle(start, pair: pair, price: "4", source: .derived)
            case 4: Make.candle(start, pair: pair, price: "5", flags: .partial)
            default: Make.candle(start, pair: pair, price: "6", revision: 3)
            }
        }
        let reader = try CandleReader(path: path)
        for (index, order) in permutations(places).enumerated() {
            let (pair, start) = (Instrument.defaults[index % 28].pair, Int64(index / 28 + 1) * 300)
            for place in order {
                let seen = try reader.last(50, pair, .fiveMinutes, .all).first { $0.timestamp == start }
                let changed = try store.write(
                    [candle(place, start, pair).envelope], stream: .candles, position: 1, now: UTCNanos(seconds: 5))
                let now = try #require(reader.last(50, pair, .fiveMinutes, .all).first { $0.timestamp == start })
                #expect((seen?.mid == now.mid) == changed.isEmpty, "\(order) at \(place)")
                if let told = changed.first { #expect(told.mid == now.mid, "\(order) at \(place)") }
            }
        }
        let expected = places.contains(5) ? 6.0 : 3.0
        #expect(try rows("SELECT DISTINCT mid_close FROM candles_full").map { $0[0] as Double } == [expected])
    }

    @Test func `requests, replies and empty intervals have their rows, and history its position`() throws {
        let store = try CandleStore(path: path)
        let series = Series(Make.eurUSD, .fiveMinutes)
        let request = HistoryRequest(
            series: series, first: 300, last: 900, points: 3, sent: UTCNanos(seconds: 77), isRepair: true)
        let allowance = HistoryReply.Allowance(remaining: 9_998, total: 10_000, renewal: 1_000)
        let reply = HistoryReply(
            request: 4, outcome: .answered, points: 2, allowance: allowance, received: UTCNanos(seconds: 78),
            clockOffset: -3_600)
        var records = [
            RequestRecord(request).envelope, EmptyRecord(series, start: UTCNanos(seconds: 600)).envelope,
            ReplyRecord(reply, to: request).envelope, RequestRecord(request).envelope,
            EmptyRecord(series, start: UTCNanos(seconds: 900), isUnusable: true).envelope,
        ]
        for index in records.indices { records[index].inputPosition = UInt64(index + 4) }
        for _ in 1...2 { #expect(try write(store, records, position: 9) == 0) }
        let reader = try CandleReader(path: path)
        let ledger = try reader.ledger()
        #expect(ledger.map(\.position) == [4, 7] && ledger.map(\.reply) == [reply, nil])
        #expect(ledger.map(\.request) == [request, request])
        let starts = try reader.starts(series, in: 0..<10_000)
        #expect(starts.empty == [600] && starts.unusable == [900])
        #expect(try reader.position(of: .history) == 8 && reader.position(of: .candles) == 9)
    }

    @Test func `each rank beats the next`() throws {
        let store = try CandleStore(path: path)
        for index in 1..<Self.ranked.count {
            let pair = Instrument.defaults[index].pair
            for place in [index, index - 1] {
                let candle = Self.ranked[place]
                let changed = try write(
                    store,
                    [
                        Make.candle(
                            300, pair: pair, price: candle.bid.open.description, source: candle.source,
                            revision: candle.revision, flags: candle.flags)
                    ])
                #expect(changed == 1)
            }
        }
    }

    @Test func `a partial revision that withdraws a whole one takes its place, whichever comes first`() throws {
        let store = try CandleStore(path: path)
        func complete(_ start: Int64) throws -> Int? {
            try rows("SELECT complete FROM candles_full WHERE timestamp = \(start)").first?[0]
        }
        for start in [Int64(300), 600] {
            let whole = Make.candle(start, price: "1", revision: 1)
            let withdrawn = Make.candle(start, price: "1", revision: 2, flags: [.partial, .withdrawn])
            _ = try write(store, start == 300 ? [whole, withdrawn] : [withdrawn, whole])
            #expect(try complete(start) == 0)
            _ = try write(store, [Make.candle(start, price: "2", revision: 3), withdrawn, whole])
            #expect(try complete(start) == 1)
        }
    }

    @Test func `a withdrawn candle gives way to a bought one`() throws {
        let store = try CandleStore(path: path)
        for start in [Int64(300), 600] {
            let withdrawn = Make.candle(start, price: "1", revision: 2, flags: [.partial, .withdrawn])
            let bought = Make.candle(start, price: "3", source: .bought)
            _ = try write(store, start == 300 ? [withdrawn, bought] : [bought, withdrawn])
        }
        #expect(try rows("SELECT DISTINCT source FROM candles_full").map { $0[0] as String } == ["bought"])
    }

    @Test func `old candles and events are deleted, the others stay`() throws {
        let store = try CandleStore(path: path)
        var event = Make.feed(.sessionNew, at: 400)
        event.seal(position: 1)
        _ = try write(store, [Make.candle(300), Make.candle(600), Make.candle(600, minutes: 15)])
        _ = try write(store, [CandleEnvelope.feed(event)])
        #expect(try store.forget(before: UTCNanos(seconds: 600)) == 1)
        #expect(try rows("SELECT timestamp FROM candles").map { $0[0] as Int } == [600, 600])
        #expect(try rows("SELECT * FROM feed_event").isEmpty)
    }

    @Test func `feed events reach the database once`() throws {
        let store = try CandleStore(path: path)
        var event = Make.feed(.updatesLost(count: 7), pair: Make.eurUSD, at: 99)
        event.seal(position: 17)
        for _ in 0..<2 { _ = try write(store, [CandleEnvelope.feed(event)]) }
        let rows = try rows("SELECT * FROM feed_event")
        let texts: [[String]] = rows.map { [$0["event"], $0["pair"]] }
        let numbers: [[Int]] = rows.map { [$0["position"], $0["detail"]] }
        #expect(texts == [["updates lost", "EUR_USD"]] && numbers == [[17, 7]])
    }

    @Test func `a hole is told beside the event whose position it took`() throws {
        let store = try CandleStore(path: path)
        let lost = FeedEvent.blindBegan(since: UTCNanos(seconds: 0))
        let hole = FeedEvent.blindEnded(from: UTCNanos(seconds: 90), until: UTCNanos(seconds: 99))
        for event in [lost, hole, lost, hole] {
            var record = Make.feed(event, at: 99)
            record.seal(position: 3)
            _ = try write(store, [CandleEnvelope.feed(record)])
        }
        let events = try rows("SELECT event FROM feed_event WHERE position = 3 ORDER BY event").map { $0[0] as String }
        #expect(events == ["blind began", "blind ended"])
    }

    @Test func `a database of the first version is taken over with its events`() throws {
        let first = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(first, upTo: "1 candles, feed events, positions")
        try first.write {
            try $0.execute(sql: "INSERT INTO feed_event VALUES (17, 1, 2, 'EUR_USD', 'updates lost', 7, 0)")
        }
        try first.close()
        var event = Make.feed(.updatesLost(count: 7), pair: Make.eurUSD, at: 99)
        event.seal(position: 17)
        _ = try write(CandleStore(path: path), [CandleEnvelope.feed(event)])
        let rows = try rows("SELECT position, time, receive_time, detail FROM feed_event")
        #expect(rows.map { Array($0.databaseValues) } == [[17, 1, 2, 7].map(\.databaseValue)])
        #expect(try self.rows("PRAGMA integrity_check").map { $0[0] as String } == ["ok"])
    }

    @Test func `the write-ahead log outlives the writer, for readers that may not write`() throws {
        let store = try CandleStore(path: path)
        _ = try write(store, [Make.candle(300)])
        try store.close()
        let files = Set(folderNames(folder.path))
        #expect(files.isSuperset(of: ["candlewick.db", "candlewick.db-wal", "candlewick.db-shm"]), "\(files)")
        #expect(try CandleReader(path: path).last(5, Make.eurUSD, .fiveMinutes, .all).count == 1)
    }

    @Test func `a second writer is refused and told who is there`() throws {
        let store = try CandleStore(path: path)
        let failure = #expect(throws: Failure.self) { try CandleStore(path: path) }
        #expect(failure?.code == .temporary && failure?.description.contains(" holds /") == true)
        try store.close()
    }

    @Test func `a file that is no database is refused by name and left as it is`() throws {
        let text = Array(
            "this is not a database, and it is longer than a header of one hundred bytes would be: so it stays".utf8)
        folder.write(text, to: "candlewick.db")
        let error = #expect(throws: StoreError.self) { try CandleStore(path: path) }
        #expect(error?.exitCode == .badData && error?.description.contains(path) == true)
        #expect(fileBytes(path) == text)
    }

    @Test func `a reader says where it looked for a database`() throws {
        let failure = #expect(throws: Failure.self) { try CandleReader(path: path) }
        #expect(failure?.code == .unavailable && failure?.description.contains(path) == true)
    }
}
