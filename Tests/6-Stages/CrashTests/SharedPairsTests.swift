import Candles
import Foundation
import Host
import MarketData
import SQLiteStore
import Settings
import Store
import Streams
import Testing
import TestKit
import Wire

/// Two collectors with the same pairs, each cut and killed at random times by a seed: every interval that at least one of
/// them saw whole is whole in the store. 12 seeds in every run; `SIM_SEED=0 SIM_COUNT=500 swift test --filter
/// SharedPairsTests` runs more.
@Suite struct SharedPairsTests {
    private static let seeds: Range<UInt64> = {
        let environment = ProcessInfo.processInfo.environment
        guard let first = environment["SIM_SEED"].flatMap({ UInt64($0) }) else { return 0..<12 }
        return first..<(first + (environment["SIM_COUNT"].flatMap { UInt64($0) } ?? 1))
    }()

    @Test func `what one of two saw whole is whole in the store`() async throws {
        let outcome = try await onOwnThread { Self.run() }
        #expect(outcome.faults.isEmpty)
        // Otherwise nothing was shown.
        #expect(outcome.filled.allSatisfy { $0 > 0 } && outcome.lacking > 0, "\(outcome)")
    }

    private struct Outcome {
        var faults: [String] = []
        /// Intervals that only one of them saw whole, by the one that did.
        var filled = [0, 0]
        /// That none saw whole.
        var lacking = 0
        var whole = 0
    }

    private static func run() -> Outcome {
        var outcome = Outcome()
        for seed in seeds {
            let folder = TemporaryFolder()
            do {
                let world = try CollectorsWorld(seed: seed, folder: folder.path)
                try world.run(steps: 150)
                try check(world, seed, &outcome)
            } catch {
                outcome.faults.append("SIM_SEED=\(seed): \(error)")
            }
        }
        print("SharedPairsTests: seeds \(seeds): \(outcome)")
        return outcome
    }

    private static func check(_ world: CollectorsWorld, _ seed: UInt64, _ outcome: inout Outcome) throws {
        let brokers = world.members.map(\.broker)
        guard brokers[0].truth == brokers[1].truth else {
            return outcome.faults.append("SIM_SEED=\(seed): the brokers serve two markets")
        }
        let reader = try SQLiteEngine().openReader(world.members[0].paths)
        let last = try world.members.map { try lastCandles($0.paths) }
        let end = UTCNanos(rawValue: brokers[0].now) - .seconds(400)
        for (interval, ticks) in MarketTruth.candles(brokers[0], world.configuration.timeframes)
        where UTCNanos(seconds: interval.end) < end {
            let seen = last.map { $0[interval].map { !$0.flags.contains(.partial) } ?? false }
            let stored = try reader.record(interval.series, start: interval.start)
            let fault = Self.fault(stored, seen, last.map { $0[interval] }, ticks)
            if let fault { outcome.faults.append("SIM_SEED=\(seed): \(interval): \(fault)") }
            switch (seen[0], seen[1]) {
            case (true, true): outcome.whole += 1
            case (true, false): outcome.filled[0] += 1
            case (false, true): outcome.filled[1] += 1
            case (false, false): outcome.lacking += 1
            }
        }
    }

    private static func fault(
        _ stored: CollectedCandle?, _ seen: [Bool], _ last: [CandleRecord?], _ ticks: [HostileBroker.Tick]
    ) -> String? {
        guard let stored else { return last.contains { $0 != nil } ? "is missing" : nil }
        let isWhole = !stored.record.flags.contains(.partial)
        guard isWhole == seen.contains(true) else { return isWhole ? "none saw it whole" : "\(seen): it is partial" }
        if isWhole {
            return MarketTruth(stored.record) == MarketTruth(ticks) ? nil : "it is shown as whole and is wrong"
        }
        let most = last.compactMap { $0?.tickCount }.max()
        return stored.record.tickCount == most ? nil : "the part with fewer ticks is seen"
    }

    /// Of each interval the candle that stays of a collector's candles stream.
    private static func lastCandles(_ paths: Paths) throws -> [Interval: CandleRecord] {
        var records: [CandleEnvelope] = []
        let reader = try JournalReader(folder: paths.journal(.candles), recordSize: CandleEnvelope.byteCount)
        while try reader.read(CandleEnvelope.self, { records.append($0) }) > 0 {}
        return Invariants.best(of: records)
    }
}
