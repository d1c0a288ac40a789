@testable import Archive
import Glibc
import Host
import MarketData
import Streams
import TestKit
import Testing
import Wire

/// Ticks of a real market, from the journal into the archive and back.
@Suite struct RealTicksTests {
    private static let payrolls = ["EUR_USD", "NZD_USD"].map { (Pair($0)!, "\(Golden.folder)/payrolls/\($0).csv.gz") }
    /// Nine days of both pairs of one broker, beside the checkout; empty if they are not there.
    private static let nineDays = ["EURUSD", "NZDUSD"].compactMap { name -> (Pair, String)? in
        let root = Golden.folder.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
            separator: "/")
        let path = "\(root)/shared/data/ticks/oanda_\(name)_20140501_20140509.csv.gz"
        return Files.exists(path) ? (Pair(name)!, path) : nil
    }

    @Test func `the payrolls hour comes back byte for byte`() throws {
        try expectBack(Self.payrolls, segmentRecords: 2_000)
    }

    @Test(.enabled(if: nineDays.count == 2, "the ticks are not beside the checkout"))
    func `nine days come back byte for byte, with the journal deleted`() throws {
        try expectBack(Self.nineDays, segmentRecords: 65_536)
    }

    private func expectBack(_ files: [(pair: Pair, path: String)], segmentRecords: Int) throws {
        let world = try ArchiveWorld()
        let writer = try world.writer(.ticks, segmentRecords: segmentRecords)
        let ticks = try files.flatMap { try recorded($0.pair, $0.path) }.sorted { $0.brokerTime < $1.brokerTime }
        for (number, tick) in ticks.enumerated() {
            if writer.needsFlush { try writer.flush() }
            writer.append(tick.envelope)
            if number % 50 == 0, !writer.needsFlush {
                writer.append(TickEnvelope.clock(tick.brokerTime, receiveTime: tick.receiveTime))
            }
        }
        try writer.close()
        let journal = try world.journaled().records
        let kept = world.closed()
        let run = try world.archiver().run()
        #expect(run.segments == kept.count && kept.count > 1)
        for name in folderNames(world.paths.journal(.ticks)) where name != world.segments().last {
            unlink("\(world.paths.journal(.ticks))/\(name)")
        }
        #expect(try world.restored() == kept)
        #expect(try world.read(ArchivedStream(.ticks, world.paths)).records == journal)
        #expect(try ArchiveCheck(world.paths).damage.isEmpty)
        // Far below the 64 bytes of the journal, also in small files.
        #expect(run.bytes < run.records * 20, "\(run.bytes) bytes for \(run.records) records")
    }

    /// Lines of `timestamp_utc_ns,bid,ask` below a head.
    private func recorded(_ pair: Pair, _ path: String) throws -> [TickRecord] {
        let text = try ChildProcess.run(["/bin/zcat", path], input: [], seconds: 120).output
        return text.split(separator: UInt8(ascii: "\n")).dropFirst().map { line in
            let fields = line.split(separator: UInt8(ascii: ","))
            let time = fields[0].reduce(Int64(0)) { $0 * 10 + Int64($1 - 48) }
            let price = { (field: ArraySlice<UInt8>) in Price(String(decoding: field, as: UTF8.self))! }
            // The milliseconds on the way, as a network has them.
            return TickRecord(
                pair, brokerTime: UTCNanos(rawValue: time),
                receiveTime: UTCNanos(rawValue: time + 20_000_000 + time / 1_000_000 % 9_973_000),
                bid: price(fields[1]),
                ask: price(fields[2]))
        }
    }
}
