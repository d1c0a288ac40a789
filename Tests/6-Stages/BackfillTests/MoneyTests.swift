import Foundation
import Testing

/// Repair keeps its bounds against the simulator's own allowance, even if candles are imported, processes killed,
/// clocks set or answers lost.
@Suite(.serialized) struct MoneyTests {
    /// `CANDLEWICK_MONEY_SEEDS` says how many sequences; 20 without it.
    private static let count = UInt64(ProcessInfo.processInfo.environment["CANDLEWICK_MONEY_SEEDS"] ?? "") ?? 20

    @Test func `repair keeps its bounds whatever happens`() throws {
        var sum = MoneyReport()
        for seed in 1...Self.count {
            let world = try MoneyWorld(seed: seed)
            for _ in 0..<12 { try world.step() }
            #expect(world.violations.isEmpty, "\(world.violations.prefix(3))")
            sum += world.report
        }
        print("seeds 1 to \(Self.count): \(sum)")
        #expect(sum.points > 0 && sum.kills > 0 && sum.lost > 0 && sum.fromReserve > 0, "\(sum)")
    }
}
