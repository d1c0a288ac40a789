import Archive
import CandleFiles
import Glibc
import Host
import Logging
import MarketData
import Parquet
import Streams
import Testing
import TestKit
import Wire

/// Ticks of a journal as files.
@Suite struct TickExportTests {
    let folder = TemporaryFolder()
    /// 2026-05-12 08:00 UTC.
    private static let start = 1_778_572_800.0
    private static let usdJPY = Pair("USD_JPY")!

    private func paths() throws -> Paths { try Paths(runtime: folder.path, state: folder.path) }

    private func journal(_ records: [TickEnvelope]) throws {
        let writer = try JournalWriter(
            folder: try paths().journal(.ticks), recordSize: TickEnvelope.byteCount, settings: JournalSettings(),
            logger: quietLogger())
        for record in records {
            if writer.needsFlush { try writer.flush() }
            writer.append(record)
        }
        try writer.close()
    }

    /// A bit of everything.
    private func journalOfAll() throws {
        let start = UTCNanos(rawValue: 1_778_572_800_000_000_001)
        try journal([
            Make.feed(.blindBegan(since: UTCNanos(rawValue: 0))), Make.clock(Self.start),
            .tick(
                Make.eurUSD, brokerTime: start, receiveTime: UTCNanos(rawValue: start.rawValue + 249_999_999),
                bid: Price("1.07909")!,
                ask: Price("1.0792")!, flags: [.snapshot, .duplicate]),
            Make.tick(Self.start + 1, "161.2", "0.00000001", pair: Self.usdJPY),
            Make.feed(.updatesLost(count: LossCount(clamping: 3)), pair: Self.usdJPY, at: Self.start + 1.5),
            .tick(
                Make.eurUSD, brokerTime: Make.nanos(Self.start + 2), receiveTime: Make.nanos(Self.start + 2),
                bid: Price(rawValue: 0), ask: Price("2")!, flags: .bidMissing),
            .tick(
                Make.eurUSD, brokerTime: Make.nanos(Self.start + 3), receiveTime: Make.nanos(Self.start + 3),
                bid: Price("3")!, ask: Price(rawValue: 0), flags: .askMissing),
        ])
    }

    private func export(
        _ format: TickExport.Format, pairs: Set<Pair> = [], in times: Range<UTCNanos> = .min ..< .max,
        hasEvents: Bool = false
    ) throws -> (bytes: [UInt8], count: Int) {
        var bytes: [UInt8] = []
        let export = try TickExport(try paths(), .init(pairs: pairs, times: times, hasEvents: hasEvents))
        let count = try export.write(format, stop: try StopSignal()) {
            bytes += $0
            return true
        }
        return (bytes, count)
    }

    private func lines(
        _ format: TickExport.Format, pairs: Set<Pair> = [], in times: Range<UTCNanos> = .min ..< .max,
        hasEvents: Bool = false
    ) throws -> [String] {
        String(decoding: try export(format, pairs: pairs, in: times, hasEvents: hasEvents).bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test func `CSV has every digit, and nothing for a side that is missing`() throws {
        try journalOfAll()
        #expect(
            try lines(.csv) == [
                "time,receive_time,pair,bid,ask,position,flags",
                "2026-05-12T08:00:00.000000001Z,2026-05-12T08:00:00.250000000Z,EUR_USD,1.07909,1.0792,3,5",
                "2026-05-12T08:00:01.000000000Z,2026-05-12T08:00:01.000000000Z,USD_JPY,161.2,0.00000001,4,0",
                "2026-05-12T08:00:02.000000000Z,2026-05-12T08:00:02.000000000Z,EUR_USD,,2,6,8",
                "2026-05-12T08:00:03.000000000Z,2026-05-12T08:00:03.000000000Z,EUR_USD,3,,7,16", "",
            ])
    }

    @Test func `JSON Lines with events`() throws {
        try journalOfAll()
        let lines = try lines(.jsonl, hasEvents: true)
        #expect(lines.count == 7 && lines.last == "")
        #expect(
            lines[0]
                == #"{"time":"1970-01-01T00:00:00.000000000Z","receive_time":"1970-01-01T00:00:00.000000000Z","pair":null,"#
                + #""bid":null,"ask":null,"position":1,"flags":null,"event":"blind began","detail_1":0,"detail_2":0}"#)
        #expect(
            lines[4]
                == #"{"time":"2026-05-12T08:00:02.000000000Z","receive_time":"2026-05-12T08:00:02.000000000Z","#
                + #""pair":"EUR_USD","bid":null,"ask":2,"position":6,"flags":8,"event":null,"detail_1":null,"detail_2":null}"#
        )
        #expect(
            lines[3].contains(
                #""pair":"USD_JPY","bid":null,"ask":null,"position":5,"flags":null,"event":"updates lost","#))
    }

    @Test func `pairs and times choose, and events of the feed come with every pair`() throws {
        try journalOfAll()
        func positions(_ pairs: Set<Pair>, _ times: Range<UTCNanos>, hasEvents: Bool = false) throws -> [String] {
            try lines(.csv, pairs: pairs, in: times, hasEvents: hasEvents).dropFirst().dropLast()
                .map { String($0.split(separator: ",", omittingEmptySubsequences: false)[5]) }
        }
        #expect(try positions([Self.usdJPY], .min ..< .max) == ["4"])
        #expect(try positions([Make.eurUSD], .min ..< .max, hasEvents: true) == ["1", "3", "6", "7"])
        #expect(try positions([Self.usdJPY], .min ..< .max, hasEvents: true) == ["1", "4", "5"])
        let second = Make.nanos(Self.start + 1)..<Make.nanos(Self.start + 3)
        #expect(try positions([], second) == ["4", "6"])
        #expect(try export(.csv, in: second).count == 2)
        #expect(try positions([], Make.nanos(5)..<Make.nanos(6)) == [])
    }

    @Test func `a pair without any tick is named with those that there are`() throws {
        try journalOfAll()
        let failure = #expect(throws: Failure.self) { try export(.csv, pairs: [Make.eurUSD, Pair("GBP_USD")!]) }
        #expect(failure?.code == .unavailable)
        #expect(failure?.description == "there is no tick of GBP_USD: there are ticks of EUR_USD, USD_JPY")
        let none = #expect(throws: Failure.self) {
            let elsewhere = try Paths(state: folder.path + "/none")
            _ = try TickExport(elsewhere, .init(pairs: [], times: .min ..< .max, hasEvents: false))
        }
        #expect(none?.code == .unavailable)
    }

    @Test func `an export that is stopped by its reader ends at once`() throws {
        try journal((0..<30_000).map { Make.tick(Self.start + Double($0), "1.1", "1.2") })
        let export = try TickExport(try paths(), .init(pairs: [], times: .min ..< .max, hasEvents: false))
        var parts = 0
        _ = try export.write(.csv, stop: try StopSignal()) { _ in
            parts += 1
            return false
        }
        #expect(parts == 1)
    }

    // MARK: Parquet

    /// The values of a column, of all row groups.
    private func integers(_ name: String, _ file: ParquetFile, _ bytes: [UInt8]) throws -> [Int64] {
        try values(name, file, bytes).flatMap { if case .integers(let values) = $0 { values } else { [Int64]() } }
    }

    private func texts(_ name: String, _ file: ParquetFile, _ bytes: [UInt8]) throws -> [String] {
        try values(name, file, bytes).flatMap { if case .texts(let values) = $0 { values } else { [String]() } }
    }

    private func values(_ name: String, _ file: ParquetFile, _ bytes: [UInt8]) throws -> [ParquetValues] {
        let column = try #require(file.schema.columns.firstIndex { $0.name == name })
        return try bytes.withUnsafeBytes { bytes in
            try file.rowGroups.indices.map { group in
                let range = file.rowGroups[group].columns[column].bytes
                return try file.decode(
                    column: column, of: group, from: UnsafeRawBufferPointer(rebasing: bytes[range]))
            }
        }
    }

    @Test func `Parquet read back gives every field of the journal`() throws {
        try journalOfAll()
        let (bytes, count) = try export(.parquet, hasEvents: true)
        let file = try bytes.withUnsafeBytes { try ParquetFile(footer: $0, fileByteCount: bytes.count) }
        #expect(count == 4 && file.rowCount == 6)
        #expect(file.schema.metadata == [.init("price_unit", "1e-9")])
        let start: Int64 = 1_778_572_800_000_000_000
        #expect(try texts("pair", file, bytes) == ["", "EUR_USD", "USD_JPY", "USD_JPY", "EUR_USD", "EUR_USD"])
        #expect(try integers("position", file, bytes) == [1, 3, 4, 5, 6, 7])
        #expect(
            try integers("broker_time", file, bytes) == [
                0, start + 1, start + 1_000_000_000, start + 1_500_000_000, start + 2_000_000_000,
                start + 3_000_000_000,
            ])
        #expect(try integers("receive_time", file, bytes)[1] == start + 250_000_000)
        #expect(try integers("bid", file, bytes) == [0, 1_079_090_000, 161_200_000_000, 0, 0, 3_000_000_000])
        #expect(try integers("ask", file, bytes) == [0, 1_079_200_000, 10, 0, 2_000_000_000, 0])
        #expect(try integers("flags", file, bytes) == [0, 5, 0, 0, 8, 16])
        #expect(try texts("event", file, bytes) == ["blind began", "", "", "updates lost", "", ""])
        #expect(try integers("detail_1", file, bytes) == [0, 0, 0, 3, 0, 0])
        let plain = try export(.parquet)
        let columns = try plain.bytes.withUnsafeBytes {
            try ParquetFile(footer: $0, fileByteCount: plain.bytes.count).schema.columns.map(\.name)
        }
        #expect(columns == ["pair", "position", "broker_time", "receive_time", "bid", "ask", "flags"])
    }

    @Test func `many ticks make several row groups, in order`() throws {
        try journal((0..<140_000).map { Make.tick(Self.start + Double($0) / 8, "1.1", "1.2") })
        let (bytes, count) = try export(.parquet)
        let file = try bytes.withUnsafeBytes { try ParquetFile(footer: $0, fileByteCount: bytes.count) }
        #expect(count == 140_000 && file.rowGroups.count == 2)
        #expect(try integers("position", file, bytes) == Array(1...140_000))
    }

    // MARK: Archive

    @Test func `what is archived is exported as from the journal, and other pairs' files are not read`() throws {
        var settings = JournalSettings()
        (settings.retentionDays, settings.segmentRecords) = (0, 100)
        let paths = try paths()
        let writer = try JournalWriter(
            folder: paths.journal(.ticks), recordSize: TickEnvelope.byteCount, settings: settings, logger: quietLogger()
        )
        for number in 0..<1_050 {
            if writer.needsFlush { try writer.flush() }
            let pair = number % 3 == 0 ? Self.usdJPY : Make.eurUSD
            let time = Self.start + Double(number) * 100
            writer.append(
                number % 50 == 7
                    ? Make.feed(.sessionReplaced, at: time)
                    : Make.tick(
                        time, "1.\(number)", "2.\(number)", pair: pair, flags: number % 9 == 0 ? .recovered : []))
        }
        try writer.close()
        let times = Make.nanos(Self.start + 20_000)..<Make.nanos(Self.start + 95_000)
        func all() throws -> [[UInt8]] {
            try TickExport.Format.allCases.flatMap { format in
                [
                    try export(format, hasEvents: true).bytes,
                    try export(format, pairs: [Make.eurUSD], in: times, hasEvents: true).bytes,
                ]
            }
        }
        let before = try all()
        _ = try Archiver.run(paths)
        TemporaryFolder.dropClosedSegments(of: paths.journal(.ticks))
        #expect(try all() == before)
        for file in try ArchiveManifest(.ticks, paths).batches.flatMap(\.files) where file.pair == "USD_JPY" {
            unlink("\(paths.archive)/\(file.path)")
        }
        #expect(try export(.csv, pairs: [Make.eurUSD], in: times, hasEvents: true).bytes == before[1])
        let failure = #expect(throws: Failure.self) { try export(.csv) }
        #expect(failure?.code == .badData, "a missing file is an error, not fewer ticks")
        let unknown = #expect(throws: Failure.self) { try export(.csv, pairs: [Pair("GBP_USD")!]) }
        #expect(unknown?.description == "there is no tick of GBP_USD: there are ticks of EUR_USD, USD_JPY")
    }
}
