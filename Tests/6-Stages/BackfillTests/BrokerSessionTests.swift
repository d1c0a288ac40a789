@testable import Backfill
import Host
import IG
import MarketData
import Settings
import TestKit
import Testing

/// Pace, logins and clock of the session that buys.
@Suite struct BrokerSessionTests {
    private static let loginSpacing = "the distance between two logins"

    private func world(
        _ broker: ScriptedBroker = ScriptedBroker(), spacing: Int = 2_500, burst: Int = 2, loginSpacing: Int = 0
    ) throws -> BuyingWorld {
        try BuyingWorld(broker) {
            ($0.history.requestSpacingMilliseconds, $0.history.requestBurst) = (spacing, burst)
            $0.stream.loginSpacingSeconds = loginSpacing
        }
    }

    @Test func `a burst goes at once, then each waits its turn`() throws {
        let world = try world()
        for _ in 0..<2 { try world.session.awaitTurn() }
        #expect(world.waits.isEmpty)
        try world.session.awaitTurn()
        #expect(world.waits == [.init(3, BuyingWorld.pacing)])
        world.time.pass(60)
        for _ in 0..<2 { try world.session.awaitTurn() }
        #expect(world.waits.count == 1)
    }

    @Test func `requests of an earlier process count`() throws {
        let world = try world()
        // The second by a clock that stood ahead.
        let now = world.time.clock.now()
        for ahead in [0, 900] { world.session.notePast(UTCNanos(seconds: now.seconds + Int64(ahead))) }
        try world.session.awaitTurn()
        #expect(world.waits == [.init(3, BuyingWorld.pacing)])
    }

    @Test func `the limit that the login reports is obeyed`() throws {
        let broker = ScriptedBroker()
        broker.perMinute = 12
        let world = try world(broker)
        try world.session.logIn()
        #expect(world.session.limits?.perMinute == 12)
        for _ in 0..<3 { try world.session.awaitTurn() }
        // Ten a minute, two of them at once.
        #expect(world.waits == [.init(7, BuyingWorld.pacing)])
    }

    @Test func `a broker that finds it too fast gets a minute's rest`() throws {
        let world = try world()
        world.session.slowDown()
        try world.session.awaitTurn()
        #expect(world.waits == [.init(61, BuyingWorld.pacing)])
    }

    @Test func `two logins keep their distance`() throws {
        let world = try world(loginSpacing: 8)
        try world.session.logIn()
        #expect(world.waits.isEmpty)
        try world.session.logIn()
        #expect(world.waits == [.init(9, Self.loginSpacing)] && world.broker.logins == 2)
    }

    @Test func `a login that cannot succeed is tried once`() throws {
        let broker = ScriptedBroker()
        broker.loginRefusal = (401, "error.security.invalid-details")
        let world = try world(broker)
        let failure = #expect(throws: Failure.self) { try world.session.logIn() }
        #expect(failure?.code == .configuration && broker.logins == 1)
    }

    @Test func `a login that may succeed later is tried four times`() throws {
        let broker = ScriptedBroker()
        broker.loginRefusal = (503, "system.error")
        let world = try world(broker, loginSpacing: 8)
        let failure = #expect(throws: Failure.self) { try world.session.logIn() }
        #expect(failure?.code == .unavailable && broker.logins == 4)
        #expect(world.waits == Array(repeating: .init(9, Self.loginSpacing), count: 3))
    }

    @Test func `the broker's clock runs on from what it said`() throws {
        let broker = ScriptedBroker()
        let world = try world(broker)
        #expect(world.session.now == world.time.clock.now().seconds, "the local one as long as it says nothing")
        broker.date = "Tue, 12 May 2026 10:00:00 GMT"
        try world.session.logIn()
        let told = BuyingWorld.start + 2 * 3_600
        // Each look at the monotonic clock passes 100 s.
        #expect(world.session.now == told + 100 && world.session.now == told + 200)
    }

    @Test(arguments: [(2, 7_200), (-5, -18_000), (99, 50_400), (-99, -50_400)])
    func `the account's zone is the login's, within what zones there are`(hours: Int64, seconds: Int64) throws {
        let broker = ScriptedBroker()
        broker.hours = hours
        let world = try world(broker)
        #expect(world.session.offset == 0)
        try world.session.logIn()
        #expect(world.session.offset == seconds)
    }
}
