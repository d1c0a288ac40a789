import CandleFiles
import CZlib
import Foundation
import Host
import MarketData
import SQLiteStore
import Store
import Testing
import TestKit
import Wire

/// The files of other programs, to the letter. scripts/check-formats reads them by the programs themselves.
@Suite struct ForeignExportTests {
    let folder = TemporaryFolder()
    /// 2026-05-12 08:00 UTC, a Tuesday.
    static let start: UTCSeconds = 1_778_572_800

    /// Stores candles whose ask is 2 points above the bid.
    private func reader(_ candles: [CandleRecord]) throws -> any CandleQueries {
        let path = folder.path + "/candlewick.db"
        let store = try SQLiteWriter(path: path)
        _ = try store.write(
            candles.map(\.envelope), collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        return try SQLiteReader(path: path)
    }

    private func side(_ open: String, _ high: String, _ low: String, _ close: String) throws -> OHLC {
        let prices = try [open, high, low, close].map { try #require(Price($0)) }
        return OHLC(open: prices[0], high: prices[1], low: prices[2], close: prices[3])
    }

    private func candle(_ offset: Int64, minutes: Int = 5, flags: CandleFlags = []) throws -> CandleRecord {
        var candle = Make.candle(UTCSeconds(rawValue: Self.start.rawValue + offset), minutes: minutes, flags: flags)
        candle.bid = try side("1.1", "1.10025", "1.09999", "1.10012")
        candle.ask = try side("1.10002", "1.10027", "1.10001", "1.100145")
        candle.mid = .mid(bid: candle.bid, ask: candle.ask)
        candle.tickCount = 41
        return candle
    }

    private func text(
        _ reader: any CandleQueries, _ format: ForeignFormat, price: CandlePrice? = nil
    ) throws -> (text: String, export: ForeignExport) {
        var export = ForeignExport(reader, format, price: price)
        var text = ""
        for line in try reader.statistics() {
            try export.write(line.series, in: line.oldest..<(line.newest + 1)) {
                text += $0
                return true
            }
        }
        return (text, export)
    }

    @Test(arguments: [
        (
            ForeignFormat.backtrader, CandlePrice?.none,
            """
            datetime,open,high,low,close,volume,openinterest
            2026-05-12 08:00:00,1.10001,1.10026,1.1,1.1001325,41,0
            2026-05-12 08:10:00,1.10001,1.10026,1.1,1.1001325,41,0

            """
        ),
        (
            .backtesting, .ask,
            """
            Date,Open,High,Low,Close,Volume
            2026-05-12 08:00:00,1.10002,1.10027,1.10001,1.100145,41
            2026-05-12 08:10:00,1.10002,1.10027,1.10001,1.100145,41

            """
        ),
        (
            .freqtrade, nil,
            """
            [[1778572800000,1.10001,1.10026,1.1,1.1001325,41],
            [1778573400000,1.10001,1.10026,1.1,1.1001325,41]]

            """
        ),
        (
            .mt5, nil,
            """
            <DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>
            2026.05.12\t08:00:00\t1.1\t1.10025\t1.09999\t1.10012\t41\t0\t3
            2026.05.12\t08:10:00\t1.1\t1.10025\t1.09999\t1.10012\t41\t0\t3

            """
        ),
    ])
    func `a series as one text, partial candles left out`(
        format: ForeignFormat, price: CandlePrice?, expected: String
    ) throws {
        let reader = try reader([candle(0), candle(300, flags: .partial), candle(600)])
        let (text, export) = try text(reader, format, price: price)
        #expect(text == expected)
        #expect(export.candles == 2 && export.partial == 1)
    }

    @Test func `a freqtrade file without a candle is an empty list`() throws {
        #expect(try text(try reader([candle(0, flags: .partial)]), .freqtrade).text == "[]\n")
    }

    @Test(arguments: [
        ("USD_JPY", "161.204", "161.219", 15), ("XAU_USD", "3300.1", "3300.45", 35), ("EUR_USD", "1.2", "1.1", 0),
    ])
    func `the spread of mt5 is in points of the pair, and never below 0`(
        name: String, bid: String, ask: String, points: Int
    ) throws {
        var candle = Make.candle(Self.start, pair: try #require(Pair(name)))
        candle.bid = try side(bid, bid, bid, bid)
        candle.ask = try side(ask, ask, ask, ask)
        #expect(try text(try reader([candle]), .mt5).text.hasSuffix("\t\(points)\n"))
    }

    @Test func `files have the names that the programs expect, and are not replaced unasked`() throws {
        let reader = try reader([candle(0), candle(0, minutes: 60), candle(86_400, minutes: 1_440)])
        var names: [String] = []
        for format in ForeignFormat.allCases where format.isOneText {
            var export = ForeignExport(reader, format, price: nil)
            for line in try reader.statistics() {
                let out = "\(folder.path)/\(format.rawValue)"
                let range = line.oldest..<(line.newest + 1)
                try export.write(line.series, in: range, folder: out, replacing: false)
                let failure = #expect(throws: Failure.self) {
                    try export.write(line.series, in: range, folder: out, replacing: false)
                }
                #expect(failure?.code == .usage)
                try export.write(line.series, in: range, folder: out, replacing: true)
            }
            names += try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(format.rawValue)").sorted()
        }
        let common = ["EUR_USD-1d", "EUR_USD-1h", "EUR_USD-5m"]
        let expected =
            common.map { "\($0).csv" } + common.map { "\($0).csv" } + common.map { "\($0).json" }
            + ["EURUSD_D1.csv", "EURUSD_H1.csv", "EURUSD_M5.csv"]
        #expect(names == expected)
    }

    @Test func `a series without a complete candle makes no file`() throws {
        let reader = try reader([candle(0, flags: .partial)])
        var export = ForeignExport(reader, .backtrader, price: nil)
        let line = try #require(try reader.statistics().first)
        try export.write(
            line.series, in: line.oldest..<(line.newest + 1), folder: folder.path + "/out", replacing: false)
        #expect(export.files == 0 && export.partial == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
    }

    @Test func `lean has a zip file a day of minutes, one of hours, and bid and ask`() throws {
        let reader = try reader([
            candle(0, minutes: 1), candle(60, minutes: 1), candle(86_400, minutes: 1), candle(3_600, minutes: 60),
        ])
        var export = ForeignExport(reader, .lean, price: nil)
        for line in try reader.statistics() {
            try export.write(line.series, in: line.oldest..<(line.newest + 1), folder: folder.path, replacing: false)
        }
        #expect(export.files == 3 && export.candles == 4)
        let prices = "1.1,1.10025,1.09999,1.10012,0,1.10002,1.10027,1.10001,1.100145,0"
        let oanda = "\(folder.path)/forex/oanda"
        let day = try Zipped("\(oanda)/minute/eurusd/20260512_quote.zip")
        #expect(day.name == "20260512_eurusd_minute_quote.csv")
        #expect(day.text == "28800000,\(prices)\n28860000,\(prices)\n")
        #expect(try Zipped("\(oanda)/minute/eurusd/20260513_quote.zip").text == "28800000,\(prices)\n")
        let hours = try Zipped("\(oanda)/hour/eurusd.zip")
        #expect(hours.name == "eurusd.csv" && hours.text == "20260512 09:00,\(prices)\n")
    }
}

/// The one file inside a zip file, found by way of its directory and checked.
private struct Zipped {
    let name: String
    let text: String

    init(_ path: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        func number(_ at: Int, _ count: Int) -> Int {
            (0..<count).reversed().reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
        }
        let end = bytes.count - 22
        try #require(number(end, 4) == 0x0605_4B50 && number(end + 10, 2) == 1)
        let entry = number(end + 16, 4)
        try #require(number(entry, 4) == 0x0201_4B50 && entry + number(end + 12, 4) == end)
        let (packed, plain, length) = (number(entry + 20, 4), number(entry + 24, 4), number(entry + 28, 2))
        name = String(decoding: bytes[(entry + 46)..<(entry + 46 + length)], as: UTF8.self)
        let local = number(entry + 42, 4)
        try #require(number(local, 4) == 0x0403_4B50 && number(local + 8, 2) == 8)
        let data = local + 30 + number(local + 26, 2) + number(local + 28, 2)
        try #require(data + packed == entry)

        var stream = z_stream()
        try #require(inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK)
        defer { inflateEnd(&stream) }
        var input = Array(bytes[data..<entry])
        var output = [UInt8](repeating: 0, count: plain)
        let outcome = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
                (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
                return inflate(&stream, Z_FINISH)
            }
        }
        try #require(outcome == Z_STREAM_END && Int(stream.total_out) == plain)
        try #require(crc32_z(0, output, output.count) == UInt(number(entry + 16, 4)))
        text = String(decoding: output, as: UTF8.self)
    }
}
