import Aggregation
import Archive
import Candles
import Host
import Inspection
import Logging
import MarketData
import Reports
import Settings
import SQLiteStore
import Store
import Streams
import Testing
import TestKit
import Wire

/// Stored candles against the journals, without a process.
@Suite struct VerificationTests {
    let folder = TemporaryFolder()
    private static let start = 1_778_572_800.0

    private func settings(segmentRecords: Int) -> JournalSettings {
        var settings = JournalSettings()
        (settings.retentionDays, settings.segmentRecords) = (0, segmentRecords)
        return settings
    }

    /// A journal with these records.
    private func write<Record: StreamEnvelope>(_ records: [Record], to path: String, segmentRecords: Int) throws {
        let writer = try JournalWriter(
            folder: path, recordSize: Record.byteCount, settings: settings(segmentRecords: segmentRecords),
            logger: quietLogger())
        for record in records {
            if writer.needsFlush { try writer.flush() }
            writer.append(record)
        }
        try writer.close()
    }

    /// Ticks of one interval, all but the first after it was closed: each makes a revision.
    private func ticks(late count: Int) -> [TickEnvelope] {
        let late = (0..<count).map { place in
            Make.tick(Self.start + 1 + Double(place) / 1_000, "1.\(10_000 + place)", "1.\(10_002 + place)")
        }
        return [Make.clock(Self.start), Make.tick(Self.start, "1.1", "1.2"), Make.clock(Self.start + 400)] + late
    }

    /// The files that a pipeline makes from these ticks.
    /// - Parameters:
    ///   - isArchived: the journals hold their newest segments alone.
    ///   - change: what the database holds instead.
    private func verification(
        of ticks: [TickEnvelope], since: UTCSeconds? = nil, isArchived: Bool = false,
        _ change: (inout [CandleEnvelope]) -> Void = { _ in }
    ) throws -> Verification {
        let paths = try Paths(runtime: folder.path, state: folder.path)
        let configuration = Configuration()
        let segmentRecords = isArchived ? 20 : 1_000_000
        try write(ticks, to: paths.journal(.ticks), segmentRecords: segmentRecords)
        var fold = ResumedFold(options: .init(configuration), emitted: EmittedMark())
        var candles: [CandleEnvelope] = []
        for (index, tick) in ticks.enumerated() {
            var tick = tick
            tick.seal(position: UInt64(index + 1))
            fold.fold(tick)
            try fold.takeNew(publishTime: UTCNanos(rawValue: 1)) { candles.append($0) }
        }
        try write(candles, to: paths.journal(.candles), segmentRecords: segmentRecords)
        let position = UInt64(candles.count)
        change(&candles)
        let store = try SQLiteWriter(path: paths.database)
        _ = try store.write(candles, collector: .main, stream: .candles, position: position, now: UTCNanos(seconds: 5))
        try store.close()
        if isArchived {
            _ = try Archiver.run(paths)
            for stream in [Wire.Stream.ticks, .candles] {
                TemporaryFolder.dropClosedSegments(of: paths.journal(stream))
                #expect(folderNames(paths.journal(stream)).count { $0.hasSuffix(".journal") } == 1)
            }
        }
        return try Verification(
            paths: paths, configuration: configuration, since: since,
            watch: VerificationWatch(stop: try StopSignal(), isShown: false))
    }

    @Test func `late revisions are equal`() throws {
        let verification = try verification(of: ticks(late: 100))
        #expect(verification.isSound && verification.compared > 0, "\(verification.text(.plain))")
    }

    /// Two candles of five minutes and one of fifteen.
    private var threeCandles: [TickEnvelope] {
        let seconds = [0.0, 60, 310].map { Self.start + $0 }
        return [Make.clock(Self.start)] + seconds[..<2].map { Make.tick($0, "1.1", "1.2") }
            + [Make.clock(Self.start + 305), Make.tick(seconds[2], "1.3", "1.4"), Make.clock(Self.start + 1_000)]
    }

    private func candle(_ records: [CandleEnvelope], _ start: Double, minutes: Int) -> Int? {
        records.firstIndex { $0.start == Make.nanos(start) && $0.candle?.timeframe.minutes == minutes }
    }

    @Test func `an untouched database is sound`() throws {
        let verification = try verification(of: threeCandles)
        #expect(verification.isSound && verification.compared == 3 && verification.beyond == 0)
        #expect(verification.text(.plain).contains("3 candles compared: all equal"), "\(verification.text(.plain))")
    }

    @Test func `a changed price is named with both values, and the ticks behind it`() throws {
        let verification = try verification(of: threeCandles) {
            guard let index = candle($0, Self.start, minutes: 5), var changed = $0[index].candle else { return }
            changed.bid.high = Price("9.9")!
            $0[index] = changed.envelope
        }
        #expect(verification.wrong == 1 && verification.compared == 3)
        let text = verification.text(.plain)
        #expect(text.contains("EUR_USD 5m 2026-05-12 08:00:00  different; 2 ticks, positions 2 to 3"), "\(text)")
        #expect(text.contains("    bid_high: database 9.9, journals 1.1"), "\(text)")
        #expect(text.split(separator: "\n").count == 3, "nothing else differs: \(text)")
    }

    @Test func `a row that is missing is reported`() throws {
        let verification = try verification(of: threeCandles) {
            guard let index = candle($0, Self.start + 300, minutes: 5) else { return }
            $0.remove(at: index)
        }
        #expect(verification.wrong == 1 && verification.compared == 3)
        let text = verification.text(.plain)
        #expect(text.contains("EUR_USD 5m 2026-05-12 08:05:00  not in the database; 1 ticks"), "\(text)")
    }

    @Test func `a row that no tick made is reported`() throws {
        let verification = try verification(of: threeCandles) {
            var invented = Make.candle(UTCSeconds(rawValue: Int64(Self.start) + 600))
            invented.inputPosition = 2
            $0.append(invented.envelope)
        }
        #expect(verification.wrong == 1 && verification.compared == 4)
        let text = verification.text(.plain)
        #expect(
            text.contains("EUR_USD 5m 2026-05-12 08:10:00  not in the journals; no ticks in archive or journal"),
            "\(text)")
    }

    @Test func `a stored candle that is older than the last of one number is wrong`() throws {
        let verification = try verification(of: ticks(late: 65_600)) {
            guard var last = $0.popLast()?.candle else { return }
            last.tickCount -= 1
            $0.append(last.envelope)
        }
        #expect(!verification.isSound, "\(verification.text(.plain))")
        #expect(verification.text(.plain).contains("tick_count"))
    }

    // MARK: Archive

    @Test func `ticks and candles that the journals no longer hold come out of the archive`() throws {
        let verification = try verification(of: ticks(late: 100), isArchived: true)
        #expect(verification.isSound && verification.beyond == 0, "\(verification.text(.plain))")
        #expect(verification.ticks == 103 && verification.compared == 1)
    }

    @Test func `the ticks behind a difference are found in the archive`() throws {
        let filler = (0..<60).map { Make.clock(Self.start + 1_001 + Double($0)) }
        let verification = try verification(of: threeCandles + filler, isArchived: true) {
            guard let index = candle($0, Self.start, minutes: 5), var changed = $0[index].candle else { return }
            changed.bid.high = Price("9.9")!
            $0[index] = changed.envelope
        }
        #expect(verification.wrong == 1 && verification.compared == 3)
        let text = verification.text(.plain)
        #expect(text.contains("EUR_USD 5m 2026-05-12 08:00:00  different; 2 ticks, positions 2 to 3"), "\(text)")
    }

    /// A tick an hour over some days.
    private func hours(_ count: Int) -> [TickEnvelope] {
        (0..<count).flatMap { hour in
            let time = Self.start + Double(hour) * 3_600
            return [Make.clock(time), Make.tick(time + 1, "1.1", "1.2"), Make.clock(time + 1_000)]
        }
    }

    @Test(arguments: [false, true])
    func `of a late moment on, candles before it are not compared, nor their ticks read`(
        isArchived: Bool
    ) throws {
        let since = UTCSeconds(rawValue: Int64(Self.start) + 90 * 3_600)
        let verification = try verification(of: hours(100), since: since, isArchived: isArchived)
        #expect(verification.isSound && verification.beyond == 0, "\(verification.text(.plain))")
        // Ten hours with a candle of 5m and one of 15m each.
        #expect(verification.compared == 20)
        if isArchived { #expect(verification.ticks < 3 * 70, "\(verification.ticks) were folded") }
        #expect(
            verification.text(.plain).contains("20 candles since 2026-05-16 02:00:00 UTC compared: all equal"),
            "\(verification.text(.plain))")
    }

    @Test func `since a moment, a wrong candle before it does not count`() throws {
        let since = UTCSeconds(rawValue: Int64(Self.start) + 90 * 3_600)
        func verified(wrongHour: Double) throws -> Verification {
            let other = VerificationTests()
            return try other.verification(of: other.hours(100), since: since) {
                guard let index = candle($0, Self.start + wrongHour * 3_600, minutes: 5), var changed = $0[index].candle
                else { return }
                changed.tickCount = 7
                $0[index] = changed.envelope
            }
        }
        #expect(try verified(wrongHour: 89).isSound)
        #expect(try verified(wrongHour: 90).wrong == 1)
    }
}
