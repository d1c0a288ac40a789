@testable import Archive
import Glibc
import Host
import MarketData
import Streams
import TestKit
import Testing
import Wire

/// A state folder with small journals.
struct ArchiveWorld {
    let folder = TemporaryFolder()
    let paths: Paths

    static let pairs = ["EUR_USD", "GBP_JPY", "DE40"].map { Pair($0)! }
    /// 2026-11-23 23:00 UTC, so that a journal of some hours has two days.
    static let start: Int64 = 1_795_474_800

    init() throws { paths = try Paths(state: folder.path) }

    func settings(segmentRecords: Int = 50) -> JournalSettings {
        var settings = JournalSettings()
        (settings.segmentRecords, settings.syncMilliseconds, settings.retentionDays) = (segmentRecords, 60_000, 0)
        return settings
    }

    func writer(_ stream: Wire.Stream, segmentRecords: Int = 50) throws -> JournalWriter {
        try JournalWriter(
            folder: paths.journal(stream), recordSize: stream.recordSize,
            settings: settings(segmentRecords: segmentRecords),
            logger: quietLogger())
    }

    /// The record of a number: mostly ticks, among them clocks and events.
    static func tick(_ number: Int) -> TickEnvelope {
        let time = UTCNanos(rawValue: (start + Int64(number) * 17) * UTCNanos.perSecond + Int64(number % 7))
        switch number % 11 {
        case 3: return .clock(time, receiveTime: time + .milliseconds(3))
        case 8:
            return .feed(
                .blindBegan(since: time), pair: number % 2 == 0 ? pairs[0] : .none, brokerTime: time, receiveTime: time)
        default:
            return .tick(
                pairs[number * 7 / 3 % pairs.count], brokerTime: time - .seconds(number % 5), receiveTime: time,
                bid: Price(rawValue: 1_100_000_000 + Int64(number % 13) * 10_000),
                ask: Price(rawValue: 1_100_090_000 - Int64(number % 3)), flags: number % 17 == 0 ? [.snapshot] : [])
        }
    }

    static func candle(_ number: Int) -> CandleRecord {
        var candle = Make.candle(
            UTCSeconds(rawValue: start + Int64(number) * 900), minutes: 15, pair: pairs[number % 3],
            price: "1.2345\(number % 10)",
            source: number % 2 == 0 ? .streamed : .bought, revision: UInt16(number % 60_000))
        candle.tickCount = UInt32.max - UInt32(number)
        candle.invertedTicks = UInt32(number)
        return candle
    }

    func append(_ numbers: Range<Int>, segmentRecords: Int = 50) throws {
        let writer = try writer(.ticks, segmentRecords: segmentRecords)
        for number in numbers {
            if writer.needsFlush { try writer.flush() }
            writer.append(Self.tick(number))
        }
        try writer.close()
    }

    /// The segments of a stream but the newest, by name.
    func closed(_ stream: Wire.Stream = .ticks) -> [String: [UInt8]] {
        let names = segments(stream).dropLast()
        return Dictionary(uniqueKeysWithValues: names.map { ($0, fileBytes("\(paths.journal(stream))/\($0)")) })
    }

    func segments(_ stream: Wire.Stream = .ticks) -> [String] {
        folderNames(paths.journal(stream)).filter { $0.hasSuffix(".journal") }
    }

    func archiver(_ stream: Wire.Stream = .ticks, passed: @escaping () throws -> Void = {}) -> Archiver {
        Archiver(stream, paths, passed: passed)
    }

    /// The segments that the archive makes again, by name.
    func restored(_ stream: Wire.Stream = .ticks, from first: UInt64 = 0, until last: UInt64 = .max) throws -> [String:
        [UInt8]]
    {
        let target = TemporaryFolder()
        _ = try ArchiveRestore.restore(stream, paths, positions: first...last, into: target.path)
        return Dictionary(
            uniqueKeysWithValues: folderNames(target.path).map { ($0, fileBytes("\(target.path)/\($0)")) })
    }

    /// What a reader sees of a stream: its records, and how many positions are missing.
    func read(_ source: some JournalSource) throws -> (records: [UInt8], missing: UInt64) {
        var records: [UInt8] = []
        while let count = try source.readBatch({ records += $0 }), count > 0 {}
        return (records, source.missingPositions)
    }

    func journaled(_ stream: Wire.Stream = .ticks, from position: UInt64? = nil) throws -> (
        records: [UInt8], missing: UInt64
    ) {
        try read(JournalReader(folder: paths.journal(stream), recordSize: stream.recordSize, from: position))
    }

    func dropSegments(_ count: Int, _ stream: Wire.Stream = .ticks) {
        for name in segments(stream).prefix(count) { unlink("\(paths.journal(stream))/\(name)") }
    }

    /// The files of the archive, by their paths in it.
    func files(_ below: String = "") throws -> [String] {
        try Files.all(below: "\(paths.archive)\(below)").map { below.isEmpty ? $0 : "\(below.dropFirst())/\($0)" }
    }
}

/// Overwrites some bytes of a file.
func overwrite(_ path: String, at offset: Int, _ bytes: [UInt8]) {
    let file = open(path, O_WRONLY)
    precondition(file >= 0 && pwrite(file, bytes, bytes.count, off_t(offset)) == bytes.count)
    close(file)
}

/// Flips a bit of a file.
func flip(_ path: String, at offset: Int) {
    overwrite(path, at: offset, [fileBytes(path)[offset] ^ 4])
}
