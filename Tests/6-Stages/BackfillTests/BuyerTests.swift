@testable import Backfill
import Host
import IG
import MarketData
import Testing
import TestKit
import Wire

/// What a buyer asks for, what it writes, and when it ends.
@Suite struct BuyerTests {
    private static let tokenInvalid = ScriptedBroker.Answer.refused(401, "error.security.client-token-invalid")
    private static let unavailable = ScriptedBroker.Answer.refused(503, "system.error")

    private func place(_ number: Int64) -> UTCSeconds { BuyingWorld.place(number) }

    /// Starts of the records of a kind.
    private func starts(_ world: BuyingWorld, _ kind: RecordKind) throws -> [UTCSeconds] {
        try BuyingWorld.records(world.paths).filter { $0.kind == kind }.map(\.start.seconds)
    }

    @Test func `each request is in the journal before it is sent, and no answer is`() throws {
        let world = try BuyingWorld()
        let paths = world.paths
        var last: [CandleEnvelope?] = []
        world.broker.onQuestion = { _ in last.append((try? BuyingWorld.records(paths))?.last) }
        #expect(try world.buy(0..<3) == nil)
        let asked = last.map { record -> [UTCSeconds] in
            guard case .request(let sent)? = record?.content else { return [] }
            return [sent.request.first, sent.request.last]
        }
        // The newest one alone shows the account's clock.
        #expect(asked == [[place(2), place(2)], [place(0), place(1)]])
        #expect(world.broker.questions.map { [$0.first, $0.last] } == asked)
        #expect(try Set(starts(world, .candle)) == [place(0), place(1), place(2)])
        #expect(world.known.ledger.entries.allSatisfy { $0.reply?.outcome == .answered })
        #expect(world.known.ledger.paid == 3 && world.broker.remaining == 97)
    }

    @Test func `the account's clock is learned from the first candle`() throws {
        let broker = ScriptedBroker()
        broker.hours = 10
        let world = try BuyingWorld(broker)
        // Of the login the session knows nothing here: the first question is ten hours off, and its answer too.
        _ = try world.buy(0..<1)
        #expect(broker.questions.first?.first == place(0) - 36_000)
        #expect(broker.questions.last?.first == place(0))
        #expect(world.known.has(BuyingWorld.series, place(0)))
    }

    @Test func `what lies before a candle that came and did not come itself is empty`() throws {
        let world = try BuyingWorld()
        try world.learnClock()
        world.broker.quiet = [place(1)]
        #expect(try world.buy(0..<3) == nil)
        #expect(try starts(world, .empty) == [place(1)])
        #expect(try starts(world, .candle) == [place(-1), place(0), place(2)])
    }

    @Test func `an empty reply is believed when another one says so an hour later`() throws {
        let world = try BuyingWorld()
        try world.learnClock()
        world.broker.quiet = [place(0), place(1)]
        #expect(try world.buy(0..<2) == nil)
        world.time.pass(3_599)
        #expect(try world.buy(0..<2) == nil)
        #expect(try starts(world, .empty).isEmpty && !world.known.has(BuyingWorld.series, place(0)))
        world.time.pass(1)
        #expect(try world.buy(0..<2) == nil)
        #expect(try starts(world, .empty) == [place(0), place(1)])
        #expect(world.known.ledger.paid == 1, "an empty reply costs nothing")
    }

    @Test func `a refused allowance ends it, and nothing more is asked`() throws {
        let world = try BuyingWorld()
        try world.learnClock()
        world.broker.answers = [.refused(403, "error.public-api.exceeded-account-historical-data-allowance")]
        #expect(throws: BuyingEnd.spent(isRefused: true)) { try world.buy(0..<3) }
        let reply = try #require(world.known.ledger.entries.last?.reply)
        #expect(reply.outcome == .refused && reply.allowance?.remaining == 0)
        let count = world.broker.questions.count
        #expect(throws: BuyingEnd.spent(isRefused: false)) { try world.buy(0..<3) }
        #expect(world.broker.questions.count == count)
    }

    @Test func `nothing may be spent any more, so nothing is asked`() throws {
        let world = try BuyingWorld(spending: 0)
        #expect(throws: BuyingEnd.bound) { try world.buy(0..<3) }
        #expect(world.broker.questions.isEmpty)
    }

    @Test func `a lost answer may be paid, so one candle is asked for next`() throws {
        let world = try BuyingWorld()
        try world.learnClock()
        world.broker.answers = [Self.unavailable]
        #expect(try world.buy(0..<3) == nil)
        #expect(world.broker.questions.dropFirst().map(\.count) == [3, 1, 2])
        let replies = world.known.ledger.entries.compactMap(\.reply?.outcome)
        #expect(replies == [.answered, .unanswered, .answered, .answered])
        #expect(world.known.ledger.estimate(now: world.time.clock.now().seconds).remaining == world.broker.remaining)
    }

    @Test func `five lost answers are the end, each after a longer pause`() throws {
        let world = try BuyingWorld()
        try world.learnClock()
        world.broker.answers = Array(repeating: Self.unavailable, count: 5)
        let end = #expect(throws: BuyingEnd.self) { try world.buy(0..<3) }
        guard case .unavailable? = end else { return #expect(Bool(false), "\(String(describing: end))") }
        #expect(world.broker.questions.dropFirst().map(\.count) == [3, 1, 1, 1, 1])
        #expect(world.waits == [3, 5, 9].map { BuyingWorld.Wait($0, "the broker") })
    }

    @Test func `an answer that cannot be read was paid, and is not asked for again`() throws {
        let world = try BuyingWorld()
        try world.learnClock()
        world.broker.answers = [.nonsense]
        let end = #expect(throws: BuyingEnd.self) { try world.buy(0..<3) }
        guard case .unavailable? = end else { return #expect(Bool(false), "\(String(describing: end))") }
        #expect(world.broker.questions.count == 2)
        #expect(world.known.ledger.entries.last?.reply?.outcome == .unanswered)
    }

    @Test func `a wrong request fails its purchase alone`() throws {
        let world = try BuyingWorld()
        try world.learnClock()
        world.broker.answers = [.refused(404, "error.public-api.epic-not-found")]
        let failure = try #require(try world.buy(0..<3))
        #expect(failure.contains("does the account know"), "\(failure)")
        #expect(world.known.ledger.entries.last?.reply?.outcome == .refused)
        #expect(try world.buy(0..<3) == nil)
    }

    @Test func `dead tokens are answered by one login, and the request is repeated`() throws {
        let world = try BuyingWorld()
        try world.session.logIn()
        try world.learnClock()
        world.broker.answers = [Self.tokenInvalid]
        #expect(try world.buy(0..<3) == nil)
        #expect(world.broker.questions.map(\.token) == ["token-1", "token-1", "token-2"] && world.broker.logins == 2)
        #expect(world.broker.questions.map(\.count) == [1, 3, 3])
    }

    @Test func `dead tokens of a fresh login are the end`() throws {
        let world = try BuyingWorld()
        try world.session.logIn()
        try world.learnClock()
        world.broker.answers = [Self.tokenInvalid, Self.tokenInvalid]
        let end = #expect(throws: BuyingEnd.self) { try world.buy(0..<3) }
        guard case .unavailable? = end else { return #expect(Bool(false), "\(String(describing: end))") }
        #expect(world.broker.logins == 2 && world.broker.questions.count == 3)
    }

    @Test func `a request whose process was killed may be paid, so the next one asks for one candle first`() throws {
        let killed = TemporaryFolder()
        let broker = ScriptedBroker()
        broker.remaining = 8
        let world = try BuyingWorld(broker)
        try world.learnClock()
        let paths = world.paths
        broker.onQuestion = { _ in try? BuyingWorld.copyJournal(paths, to: killed.path + "/history") }
        broker.answers = [.nonsense]
        #expect(throws: BuyingEnd.self) { try world.buy(0..<6) }
        broker.onQuestion = { _ in }

        let next = try BuyingWorld(broker, journal: killed.path + "/history")
        #expect(next.known.ledger.inFlight.map(\.request.points) == [6])
        let estimate = next.known.ledger.estimate(now: next.time.clock.now().seconds)
        #expect(estimate.remaining == 1 && estimate.unconfirmed == 6)
        let before = broker.questions.count
        #expect(try next.buy(0..<6) == nil)
        #expect(broker.questions.dropFirst(before).map(\.count) == [1, 5])
        #expect(next.known.ledger.inFlight.count == 1, "what it brought is not known for ever")
    }
}
