import Foundation
import MarketData
import Testing
import TestKit
import Wire

/// A broker whose every byte is in the test's hand, against the whole way from bytes to rows.
///
/// `HOSTILE_SEED=17 swift test --filter HostileTests` repeats one seed; `HOSTILE_COUNT=2000` runs so many.
@Suite struct HostileTests {
    private static let environment = ProcessInfo.processInfo.environment

    private static let seeds: [UInt64] = {
        let first = environment["HOSTILE_SEED"].flatMap { UInt64($0) } ?? 0
        let count = environment["HOSTILE_COUNT"].flatMap { UInt64($0) } ?? (environment["HOSTILE_SEED"] == nil ? 60 : 1)
        return Array(first..<(first + count))
    }()

    private static let shares = 2

    @Test(arguments: Hostility.all)
    func `no candle is complete unless all of it was seen, if the broker`(hostility: Hostility) throws {
        var random = SplitMix(seed: 1)
        let world = HostileWorld(seed: 1)
        world.start()
        world.pass(130)
        hostility.act(world, &random)
        world.pass(100)
        Hostility.calm(world)
        world.pass(400)
        let violations = try world.violations()
        #expect(violations.isEmpty)
        // The broker's fault is over: candles are complete again.
        #expect(world.wholeCandles(after: world.broker.now - 150 * HostileBroker.second) > 0)
    }

    @Test func `a storm of ends and grants writes no more events than the client has asked for subscriptions`() {
        let world = HostileWorld(seed: 3)
        world.start()
        world.pass(20)
        for _ in 0..<3_600 {
            for item in 0..<3 { world.broker.storm(item) }
            world.pass(1)
        }
        // At the start, then after 60, 120, 240, 480, 960 and 1,800 s.
        for pair in HostileBroker.pairs {
            let ended = world.journal.count { $0.pair == pair && $0.feedEvent == .subscriptionEnded }
            #expect(ended >= 6 && ended <= 7, "\(pair): \(ended)")
        }
        let others = world.journal.count { $0.kind == .feed && $0.feedEvent != .subscriptionEnded }
        #expect(others < 100, "\(others)")
    }

    @Test func `a broker that errs in nothing leaves only complete candles`() throws {
        let world = HostileWorld(seed: 2)
        world.start()
        world.pass(600)
        #expect(try world.violations().isEmpty)
        let partial = world.fold().compactMap(\.candle).filter { $0.flags.contains(.partial) }
        #expect(partial.allSatisfy { $0.start.rawValue <= HostileBroker.start })
        // The broker's heartbeats come at whole seconds, so each minute closes by the clock as learned.
        let predicted = world.journal.filter { $0.flags.contains(.predicted) }.map(\.brokerTime)
        let closings = (1...9).map { HostileBroker.start + $0 * 60 * HostileBroker.second + HostileBroker.second / 2 }
        #expect(predicted.map(\.rawValue) == closings)
    }

    @Test(arguments: 0..<shares)
    func `whatever a broker mixes, no candle is complete unless all of it was seen`(share: Int) async throws {
        let faults = try await onOwnThread { Self.faults(share) }
        #expect(faults.isEmpty)
    }

    private static func faults(_ share: Int) -> [String] {
        stride(from: share, to: seeds.count, by: shares).flatMap { place -> [String] in
            let command = "HOSTILE_SEED=\(seeds[place]) swift test --filter HostileTests"
            do {
                return try mixed(seeds[place]).map { "\(command): \($0)" }
            } catch {
                return ["\(command): \(error)"]
            }
        }
    }

    private static func mixed(_ seed: UInt64) throws -> [String] {
        var random = SplitMix(seed: seed &* 31 &+ 5)
        let world = HostileWorld(seed: seed)
        world.start()
        world.pass(Double.random(in: 5...130, using: &random))
        var names: [String] = []
        for _ in 0..<Int.random(in: 2...6, using: &random) {
            let hostility = Hostility.all.randomElement(using: &random)!
            names.append(hostility.name)
            hostility.act(world, &random)
            world.pass(Double.random(in: 0...60, using: &random))
        }
        Hostility.calm(world)
        world.pass(400)
        return try world.violations().map { "\($0) (\(names.joined(separator: ", ")))" }
    }
}
