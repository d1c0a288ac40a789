import Foundation
import TestKit
import Testing

/// Journal, merge of replay and live, and fold under one seed that drives kills, power cuts, damage, a bus that
/// loses, repeats, reorders and garbles, and a clock that steps.
///
/// `SIM_SEED=17 swift test --filter CrashTests` repeats one seed; `SIM_COUNT=3000` runs more of them.
@Suite struct CrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["SIM_COUNT"].flatMap { UInt64($0) } ?? 400

    private static let seeds: [UInt64] = {
        if let one = environment["SIM_SEED"].flatMap({ UInt64($0) }) { return [one] }
        return Array(0..<count)
    }()

    @Test func `nothing is lost, nothing is told twice, and every hole is known`() throws {
        for seed in Self.seeds {
            let folder = TemporaryFolder()
            let world = CrashWorld(seed: seed, folder: folder.path)
            do {
                try world.run(steps: 150)
                let violations = try Invariants(world).violations
                #expect(violations.isEmpty, "SIM_SEED=\(seed) swift test --filter CrashTests: \(violations)")
            } catch {
                Issue.record("SIM_SEED=\(seed) swift test --filter CrashTests: \(error)")
            }
        }
    }
}
