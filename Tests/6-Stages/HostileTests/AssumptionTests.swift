import Assumptions
import MarketData
@testable import StreamIngest
import TestKit
import Testing

/// Each assumption about the stream is counted when it holds, and reported when it fails.
@Suite struct AssumptionTests {
    /// A broker's action, and the assumption that it breaks.
    struct Strangeness: CustomTestStringConvertible, Sendable {
        let breaks: Assumption
        var before: @Sendable (inout HostileBroker) -> Void = { _ in }
        var during: @Sendable (HostileWorld) -> Void = { _ in }
        var testDescription: String { breaks.rawValue }
    }

    private static let second = HostileBroker.second
    private static let all = [
        Strangeness(breaks: .protocolTaken, before: { $0.refusesSessions = 65 }),
        Strangeness(
            breaks: .itemsFit,
            before: {
                $0.refusedUntil[2] = .max
                $0.refusal = "Subscription limit exceeded"
            }),
        Strangeness(breaks: .tickItemTaken, before: { $0.refusedUntil[1] = .max }),
        Strangeness(breaks: .heartbeatTaken, before: { $0.refusedUntil[-1] = .max }),
        Strangeness(breaks: .subscriptionShape, before: { $0.subscribedItems = 2 }),
        Strangeness(breaks: .snapshotEnds, before: { $0.endsSnapshots = false }),
        Strangeness(breaks: .unlimitedUpdates, during: { $0.broker.limit(1, 0.5) }),
        Strangeness(breaks: .heartbeatTime, during: { $0.broker.heartbeatText = "soon" }),
        Strangeness(
            breaks: .heartbeatPace,
            during: {
                $0.broker.hasHeartbeat = false
                $0.pass(9)
                $0.broker.hasHeartbeat = true
            }),
        Strangeness(breaks: .clockOffset, during: { $0.hostError = -20 * second }),
        Strangeness(breaks: .tickTimes, during: { $0.broker.nextTickError = 200 * 365 * 86_400 * second }),
        Strangeness(breaks: .tickOrder, during: { $0.broker.nextTickError = -9 * second }),
        Strangeness(breaks: .tickPrices, during: { $0.broker.nextBid = "1.123456789" }),
        Strangeness(
            breaks: .recoveryGranted,
            during: {
                $0.broker.refusesRecovery = true
                $0.broker.cut()
            }),
    ]

    @Test(arguments: all)
    func `what a broker does not keep is counted, and nothing else`(strangeness: Strangeness) {
        let world = HostileWorld(seed: 5)
        strangeness.before(&world.broker)
        world.start()
        world.pass(30)
        strangeness.during(world)
        world.pass(30)
        let violated = Assumption.allCases.filter { world.recorder.assumptionTally[$0].violated > 0 }
        #expect(violated == [strangeness.breaks])
    }

    @Test func `a broker that keeps them all is counted so`() {
        let world = HostileWorld(seed: 6)
        world.start()
        world.pass(60)
        world.broker.cut()
        world.pass(60)
        let tally = world.recorder.assumptionTally
        for assumption in Self.all.map(\.breaks) {
            #expect(tally[assumption].held > 0 && tally[assumption].violated == 0, "\(assumption)")
        }
    }
}
