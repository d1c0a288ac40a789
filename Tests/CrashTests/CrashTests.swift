import Foundation
import TestKit
import Testing

/// Journal, merge of replay and live, and fold under one seed that drives kills, power cuts, damage, a bus that
/// loses, repeats, reorders and garbles, and a clock that steps.
///
/// 400 seeds are the same in every run, as many begin where the wall clock says. `SIM_SEED=17 swift test --filter
/// CrashTests` repeats one seed; `SIM_SEED=1000 SIM_COUNT=5000` runs so many from there on.
@Suite struct CrashTests {
    private static let environment = ProcessInfo.processInfo.environment

    private static let seeds: [UInt64] = {
        if let first = environment["SIM_SEED"].flatMap({ UInt64($0) }) {
            return Array(first..<(first + (environment["SIM_COUNT"].flatMap { UInt64($0) } ?? 1)))
        }
        let fresh = UInt64(Date().timeIntervalSince1970)
        print("CrashTests: seeds 0 to 399 and from \(fresh) on")
        return Array(0..<400) + Array(fresh..<(fresh + 400))
    }()

    private static let shares = 8

    @Test(arguments: 0..<shares)
    func `nothing is lost, nothing is told twice, and every hole is known`(share: Int) async throws {
        for place in stride(from: share, to: Self.seeds.count, by: Self.shares) {
            let seed = Self.seeds[place]
            let folder = TemporaryFolder()
            let world = CrashWorld(seed: seed, folder: folder.path)
            do {
                try world.run(steps: 150)
                let violations = try Invariants(world).violations
                #expect(violations.isEmpty, "SIM_SEED=\(seed) swift test --filter CrashTests: \(violations)")
            } catch {
                Issue.record("SIM_SEED=\(seed) swift test --filter CrashTests: \(error)")
            }
            // Tests that wait for a moment must get their turn.
            await Task.yield()
        }
    }
}
