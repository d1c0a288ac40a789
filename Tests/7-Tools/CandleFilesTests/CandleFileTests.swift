import CandleFiles
import Host
import Logging
import MarketData
import SQLiteStore
import Store
import Streams
import Testing
import TestKit
import Wire

@Suite struct CandleFileTests {
    let folder = TemporaryFolder()

    private func file(_ text: String, pair: Pair? = nil, timeframe: Timeframe? = nil) throws -> CandleFile {
        try CandleFile(
            path: folder.write(text.utf8, to: "candles.csv"), pair: pair, timeframe: timeframe, endedBy: 2_000_000_000)
    }

    @Test func `mid alone, with quotes, spaces and times of data frames`() throws {
        let candles = try file(
            """
            Time,"Open",high, low ,close,volume,note
            2026-05-12 08:00:00+00:00,1.1,"1.2",1.0,1.15,33.0,"a, b"
            2026-05-12T08:05:00Z,1.15,1.2,1.1,1.2,,
            1778573400,1.15,1.2,1.1,1.2,7,
            """, pair: Make.eurUSD, timeframe: .fiveMinutes
        ).candles
        #expect(candles.map(\.start.seconds) == [1_778_572_800, 1_778_573_100, 1_778_573_400])
        #expect(candles.map(\.tickCount) == [33, 0, 7])
        #expect(candles[0].mid == candles[0].bid && candles[0].bid == candles[0].ask)
        #expect(candles[0].mid.high.description == "1.2" && candles[0].source == .imported)
    }

    @Test func `what export writes is read, bid and ask apart, partial ones left out`() throws {
        let path = folder.path + "/candlewick.db"
        let store = try SQLiteWriter(path: path)
        let usdJPY = try #require(Pair("USD_JPY"))
        let stored = [
            Make.candle(1_778_572_800, price: "1.38676"), Make.candle(1_778_573_100, price: "1.4", flags: .partial),
            Make.candle(1_778_573_400, pair: usdJPY, price: "161.2"),
        ]
        _ = try store.write(
            stored.map(\.envelope), collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        let reader = try SQLiteReader(path: path)
        let export = CandleExport(reader, view: .candlesFull, format: .csv)
        var text = export.head
        for line in try reader.statistics() {
            _ = try export.write(line.series, in: line.oldest..<(line.newest + 1)) {
                text += $0
                return true
            }
        }
        let file = try file(text)
        #expect(file.partial == 1)
        #expect(file.candles.map(\.pair) == [Make.eurUSD, usdJPY])
        #expect(file.candles.map(\.bid) == [stored[0].bid, stored[2].bid])
        #expect(file.candles.map(\.ask) == [stored[0].ask, stored[2].ask])
        #expect(file.candles.map(\.mid) == [stored[0].mid, stored[2].mid])
        #expect(file.candles.map(\.start) == [stored[0].start, stored[2].start])
    }

    @Test(arguments: [
        ("time,open,high,low\n", "columns open, high, low and close are needed"),
        ("open,high,low,close\n1,1,1,1\n", "timestamp or time"),
        ("time,open,high,low,close\n2026-05-12,1,1,1,x\n", "line 2: close 'x' is not a price"),
        ("time,open,high,low,close\n2026-05-12,1,1,1,1\n2026-05-12T00:01,1,1,1,1\n", "line 3: "),
        ("time,open,high,low,close\n2026-13-12,1,1,1,1\n", "line 2: '2026-13-12' is not a time"),
        ("time,open,high,low,close\n2026-05-12,1,0.9,1,1\n", "line 2: low and high do not enclose"),
        ("time,open,high,low,close\n2026-05-12,1,-1,1,1\n", "line 2: high '-1' is not a price"),
        ("time,open,high,low,close,volume\n2026-05-12,1,1,1,1,many\n", "line 2: volume 'many' is not a count"),
        ("time,open,high,low,close\n2062-05-12,1,1,1,1\n", "line 2: 2062-05-12T00:00:00.000Z has not ended yet"),
        (
            "time,open,high,low,close\n2026-05-12,1,1,1,1\n2026-05-12,1,1,1,1\n",
            "line 3: EUR_USD 5m at 2026-05-12T00:00:00.000Z is on line 2 too"
        ),
        (
            "timestamp,open,high,low,close\n1778400,1,1,1,1\n",
            "line 2: 1970-01-21T14:00:00.000Z is before 2000: timestamp must be in Unix seconds, such as 1778572800"
        ),
        ("time,open,high,low,close\n1999-12-31T23:55,1,1,1,1\n", "is before 2000"),
        ("time,open,open,high,low,close\n", "two columns are named 'open'"),
    ])
    func `a bad row is named by its line, and nothing is read`(text: String, reason: String) throws {
        let failure = #expect(throws: Failure.self) {
            try file(text, pair: Make.eurUSD, timeframe: .fiveMinutes)
        }
        #expect(failure?.code == .badData)
        #expect(failure?.description.contains(reason) == true, "\(failure?.description ?? "")")
    }

    @Test func `an import of years stays in the journal until the aggregator has taken it`() throws {
        let paths = try Paths(runtime: folder.path + "/run", state: folder.path + "/state")
        let rows = (0..<2_000).map { "\(1_600_000_200 + $0 * 3_600),1,1,1,1\n" }.joined()
        let candles = try file("time,open,high,low,close\n" + rows, pair: Make.eurUSD, timeframe: .fiveMinutes).candles
        let silent = quietLogger()
        var settings = JournalSettings()
        settings.syncMilliseconds = 1
        settings.segmentRecords = 100
        let first = try CandleImport(candles, paths: paths, repairDays: 30, clock: .system)
        try first.handOver(settings: settings, logger: silent)
        let reader = try JournalReader(folder: paths.journal(.history), recordSize: CandleEnvelope.byteCount, from: nil)
        var positions: [UInt64] = []
        while try reader.read(CandleEnvelope.self, { positions.append($0.position) }) > 0 {}
        #expect(positions == Array(1...2_000))
        // With what is not stored yet, nothing can be compared.
        let failure = #expect(throws: Failure.self) {
            try CandleImport(candles, paths: paths, repairDays: 30, clock: .system)
        }
        #expect(failure?.code == .temporary)
    }

    @Test(arguments: [CandleExport.View.candles, .candlesFull])
    func `nothing of one's own export would be imported`(view: CandleExport.View) throws {
        let paths = try Paths(runtime: folder.path + "/run", state: folder.path + "/state")
        try paths.prepare()
        let store = try SQLiteWriter(path: paths.database)
        let stored = [
            Make.candle(1_778_572_800, price: "1.38676"), Make.candle(1_778_573_100, price: "1.4", source: .bought),
            Make.candle(1_778_573_400, source: .imported),
        ]
        _ = try store.write(
            stored.map(\.envelope), collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        let reader = try SQLiteReader(path: paths.database)
        let export = CandleExport(reader, view: view, format: .csv)
        var text = export.head
        for line in try reader.statistics() {
            _ = try export.write(line.series, in: line.oldest..<(line.newest + 1)) {
                text += $0
                return true
            }
        }
        let own = try CandleImport(file(text).candles, paths: paths, repairDays: 30, clock: .system)
        #expect(own.known == stored.count && own.candles.isEmpty, "\(own.candles)")
    }

    @Test func `what is stored with the same values is not imported, be it streamed`() throws {
        let paths = try Paths(runtime: folder.path + "/run", state: folder.path + "/state")
        try paths.prepare()
        let store = try SQLiteWriter(path: paths.state + "/candlewick.db")
        let stored = [
            Make.candle(1_778_572_800), Make.candle(1_778_573_100), Make.candle(1_778_573_400, flags: .partial),
        ]
        _ = try store.write(
            stored.map(\.envelope), collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        // As streamed, with another close, and whole where the stored one is partial.
        let candles = try file(
            """
            timestamp,open,high,low,close,volume
            1778572800,1.1,1.1,1.1,1.1,1
            1778573100,1.1,1.2,1.1,1.2,1
            1778573400,1.1,1.1,1.1,1.1,1
            """, pair: Make.eurUSD, timeframe: .fiveMinutes
        ).candles
        let taken = try CandleImport(candles, paths: paths, repairDays: 30, clock: .system)
        #expect(taken.known == 1)
        #expect(taken.candles.map(\.start.seconds) == [1_778_573_100, 1_778_573_400])
    }

    @Test func `pair and timeframe come from the file or from outside, and a file must be there`() throws {
        let rows = "time,open,high,low,close\n2026-05-12,1,1,1,1\n"
        #expect(throws: Failure.self) { try file(rows, pair: Make.eurUSD) }
        #expect(throws: Failure.self) { try file(rows, timeframe: .fiveMinutes) }
        let named = try file("pair,timeframe,time,open,high,low,close\nUSDJPY,15m,2026-05-12,1,1,1,1\n").candles
        #expect(named.first?.series == Series(try #require(Pair("USD_JPY")), .fifteenMinutes))
        let failure = #expect(throws: Failure.self) {
            try CandleFile(path: folder.path + "/none.csv", pair: nil, timeframe: nil, endedBy: 0)
        }
        #expect(failure?.code == .missingInput)
    }
}
