import Aggregation
import Candles
import Host
import Inspection
import Logging
import MarketData
import Reports
import Settings
import Store
import Streams
import Testing
import TestKit
import Wire

/// Stored candles against the journals, without a process.
@Suite struct VerificationTests {
    let folder = TemporaryFolder()
    private static let start = 1_778_572_800.0

    private var settings: JournalSettings {
        var settings = JournalSettings()
        settings.retentionDays = 0
        return settings
    }

    /// A journal with these records.
    private func write<Record: StreamEnvelope>(_ records: [Record], to path: String) throws {
        let writer = try JournalWriter(
            folder: path, recordSize: Record.byteCount, settings: settings,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
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
    /// - Parameter change: what the database holds instead.
    private func verification(
        of ticks: [TickEnvelope], _ change: (inout [CandleEnvelope]) -> Void = { _ in }
    ) throws -> Verification {
        let paths = try Paths(runtime: folder.path, state: folder.path)
        let configuration = Configuration()
        try write(ticks, to: paths.journal(.ticks))
        var fold = ResumedFold(options: .init(configuration), emitted: EmittedMark())
        var candles: [CandleEnvelope] = []
        for (index, tick) in ticks.enumerated() {
            var tick = tick
            tick.seal(position: UInt64(index + 1))
            fold.fold(tick)
            try fold.takeNew(publishTime: UTCNanos(rawValue: 1)) { candles.append($0) }
        }
        try write(candles, to: paths.journal(.candles))
        change(&candles)
        let store = try CandleStore(path: paths.database)
        _ = try store.write(
            candles, stream: .candles, position: UInt64(candles.count), now: UTCNanos(seconds: 5))
        try store.close()
        return try Verification(paths: paths, configuration: configuration, stop: try StopSignal())
    }

    @Test func `late revisions are equal`() throws {
        let verification = try verification(of: ticks(late: 100))
        #expect(verification.isSound && verification.compared > 0, "\(verification.text(.plain))")
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
}
