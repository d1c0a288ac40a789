import Foundation
import Testing
import TestKit
import Wire

/// Journal, merge of replay and live, and fold under one seed that drives kills, power cuts, damage, a bus that
/// loses, repeats, reorders and garbles, and a clock that steps.
///
/// 200 seeds are the same in every run, as many begin where the wall clock says. `SIM_SEED=17 swift test --filter
/// CrashTests` repeats one seed; `SIM_SEED=1000 SIM_COUNT=5000` runs so many from there on.
@Suite struct CrashTests {
    private static let environment = ProcessInfo.processInfo.environment

    private static let seeds: [UInt64] = {
        if let first = environment["SIM_SEED"].flatMap({ UInt64($0) }) {
            return Array(first..<(first + (environment["SIM_COUNT"].flatMap { UInt64($0) } ?? 1)))
        }
        let fresh = UInt64(Date().timeIntervalSince1970)
        print("CrashTests: seeds 0 to 199 and from \(fresh) on")
        return Array(0..<200) + Array(fresh..<(fresh + 200))
    }()

    private static let shares = 2

    @Test(arguments: 0..<shares)
    func `nothing is lost, no record comes twice, and every hole is recorded`(share: Int) async throws {
        let outcome = try await onOwnThread { Self.run(share) }
        #expect(outcome.faults.isEmpty)
        print("CrashTests: \(outcome.starts) of aggregators")
        // Otherwise nothing was shown of them.
        #expect(outcome.starts.atCheckpoint > 0 || Self.seeds.count < 10)
    }

    @Test func `in a world without trouble minutes close by the clock as learned`() throws {
        let folder = TemporaryFolder()
        let world = try CrashWorld(seed: 0, folder: folder.path)
        try world.run(steps: 0)
        let records = (world.appended[.ticks] ?? [:]).values.map { bytes in
            bytes.withUnsafeBytes { $0.loadUnaligned(as: TickEnvelope.self) }
        }
        // Of eight minutes; a heartbeat may come with the proof.
        #expect(records.count { $0.flags.contains(.predicted) } >= 3)
        #expect(try Invariants(world).violations.isEmpty)
    }

    private struct Outcome {
        /// Each with the command that repeats it.
        var faults: [String] = []
        /// Of aggregators.
        var starts = (atCheckpoint: 0, atBeginning: 0)
    }

    /// Runs a share of the seeds.
    private static func run(_ share: Int) -> Outcome {
        var outcome = Outcome()
        for place in stride(from: share, to: seeds.count, by: shares) {
            let folder = TemporaryFolder()
            do {
                let world = try CrashWorld(seed: seeds[place], folder: folder.path)
                try world.run(steps: 150)
                outcome.faults += try Invariants(world).violations.map { fault(place, $0) }
                outcome.starts.atCheckpoint += world.starts.atCheckpoint
                outcome.starts.atBeginning += world.starts.atBeginning
            } catch {
                outcome.faults.append(fault(place, "\(error)"))
            }
        }
        return outcome
    }

    private static func fault(_ place: Int, _ sentence: String) -> String {
        "SIM_SEED=\(seeds[place]) swift test --filter CrashTests: \(sentence)"
    }
}
