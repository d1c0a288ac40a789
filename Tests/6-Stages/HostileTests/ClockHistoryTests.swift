import Foundation
import MarketData
@testable import StreamIngest
import Testing
import TestKit

/// Histories of the broker's clock that are wrong, jump, drift, repeat and stop, each from one seed.
///
/// `CLOCK_SEED=17 swift test --filter ClockHistoryTests` repeats one; `CLOCK_COUNT=500` runs so many.
@Suite struct ClockHistoryTests {
    private static let environment = ProcessInfo.processInfo.environment

    private static let seeds: [UInt64] = {
        let first = environment["CLOCK_SEED"].flatMap { UInt64($0) } ?? 0
        let count = environment["CLOCK_COUNT"].flatMap { UInt64($0) } ?? (environment["CLOCK_SEED"] == nil ? 40 : 1)
        return Array(first..<(first + count))
    }()

    @Test func `no wrong time makes a complete candle wrong, and right times heal within a minute`() async throws {
        let faults = try await onOwnThread { Self.seeds.flatMap(Self.faults) }
        #expect(faults.isEmpty)
    }

    private static func faults(_ seed: UInt64) -> [String] {
        var random = SplitMix(seed: seed &* 17 &+ 3)
        let world = HostileWorld(seed: seed)
        // The beginning may be wrong already.
        if Bool.random(using: &random) { err(world, &random) }
        world.start()
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            world.pass(Double.random(in: 1...80, using: &random))
            err(world, &random)
            if Int.random(in: 0..<6, using: &random) == 0 { world.restart() }
        }
        world.pass(Double.random(in: 1...40, using: &random))
        Hostility.calm(world)
        let healed = world.broker.now
        world.pass(60)
        let command = "CLOCK_SEED=\(seed) swift test --filter ClockHistoryTests"
        var faults: [String] = []
        if world.recorder.sight != .seeing { faults.append("\(command): blind a minute after right times") }
        world.pass(190)
        // The first whole minute behind the one that heals.
        if world.wholeCandles(after: healed + 60 * HostileBroker.second) == 0 {
            faults.append("\(command): no complete candle two minutes after right times")
        }
        do {
            faults += try world.violations().map { "\(command): \($0)" }
        } catch {
            faults.append("\(command): \(error)")
        }
        return faults
    }

    private static func err(_ world: HostileWorld, _ random: inout SplitMix) {
        let sizes: [ClosedRange<Int64>] = [600...3_600, 3_600...100_000, 1_000_000_000...2_300_000_000]
        let size = Int64.random(in: sizes.randomElement(using: &random)!, using: &random) * HostileBroker.second
        let error = Bool.random(using: &random) ? size : -min(size, 40_000_000 * HostileBroker.second)
        switch Int.random(in: 0..<9, using: &random) {
        case 0: world.broker.nextHeartbeatError = error
        case 1: world.broker.nextTickError = error
        case 2: world.broker.heartbeatError = error
        case 3: world.broker.tickError = error
        case 4: (world.broker.heartbeatError, world.broker.tickError) = (error, error)
        case 5: world.broker.hasHeartbeat = false
        case 6: world.broker.heartbeatError += Int64.random(in: -3...3, using: &random) * HostileBroker.second
        case 7: world.hostError = error
        default:
            (world.broker.heartbeatError, world.broker.tickError) = (0, 0)
            world.broker.hasHeartbeat = true
        }
    }
}
