import MarketData
@testable import StreamIngest
import Testing
import TestKit
import Wire

/// A broker whose clock is ahead of ours, and the stage behind a connection that holds its words up. Seconds are after
/// 1,600,000,000; an interval ends at 800.
private final class QuietMarket {
    let world: IngestWorld
    private var random: SplitMix
    /// How long a word travels, ms.
    private let transit: ClosedRange<Int64>
    /// Market seconds per second.
    private let speed: Double
    /// When the next heartbeat is sent, by the broker's clock.
    private var next: Double
    private let lead: Double

    static let end = 800.0
    static let closing = 800.5

    /// Streams from the second 501.4 by the broker's clock on.
    /// - Parameter phase: of a second, when the broker sends its heartbeats.
    init(
        seed: UInt64 = 1, transit: ClosedRange<Int64> = 20...40, speed: Double = 1, waiting: Double = 0,
        phase: Double = 0, lead: Double = 1.4
    ) throws {
        world = try IngestWorld()
        random = SplitMix(seed: seed)
        (self.transit, self.speed, self.lead) = (transit, speed, lead)
        world.loop.pass(waiting)
        began = (world.loop.time, 500 + waiting + lead)
        next = began.market.rounded(.down) + phase
        if next < began.market { next += 1 }
        connect(session: 1)
    }

    private let began: (monotonic: Int64, market: Double)

    /// By the broker's clock, seconds.
    func time(at monotonic: Int64) -> Double { began.market + Double(monotonic - began.monotonic) / 1e9 * speed }
    private var now: Double { time(at: world.loop.time) }

    private func connect(session: Int) {
        if session == 1 { world.ingestor.start() }
        world.connect()
        world.say("WSOK", "CONOK,S\(session),50000,5000,*", "SUBOK,1,1,1")
        world.say("SUBOK,2,1,3", "EOS,2,1", "SUBOK,3,1,3", "EOS,3,1")
    }

    /// Lets the heartbeats come that are sent until a second.
    func beat(until second: Double) {
        while next <= second {
            travel(to: next)
            world.say("U,1,1,\(Int(((1_600_000_000 + next) * 1_000).rounded()))")
            next += 1
        }
    }

    /// A tick of the first pair is sent at a second, with a time of its own.
    func tick(_ second: Double, stamped stamp: Double? = nil) {
        travel(to: second)
        world.say("U,2,1,1.1|1.2|\(Int(((1_600_000_000 + (stamp ?? second)) * 1_000).rounded()))")
    }

    /// A word sent at a second arrives, behind all before it.
    private func travel(to second: Double) {
        let transit = Double(Int64.random(in: self.transit, using: &random)) / 1_000
        world.loop.pass(max(0, (second - now) / speed + transit))
    }

    /// Time passes until a second by the broker's clock.
    func wait(until second: Double) { world.loop.pass(max(0, (second - now) / speed)) }

    func beginNewSession() {
        world.say("END,48,Session duration")
        world.loop.pass(1)
        connect(session: 2)
    }

    var predicted: [TickEnvelope] { world.ticks.records.filter { $0.flags.contains(.predicted) } }

    /// The broker's clock when a record was written, seconds.
    func written(_ record: TickEnvelope) -> Double {
        time(at: record.receiveTime.rawValue - 1_599_999_500 * UTCNanos.perSecond)
    }
}

/// Intervals close by the broker's clock as learned.
@Suite struct ClockPredictionTests {
    @Test(arguments: 0..<40)
    func `an interval closes when the broker's clock has passed its end and the grace, not before and once`(
        seed: Int
    ) throws {
        let market = try QuietMarket(seed: UInt64(seed), transit: 20...900)
        market.beat(until: QuietMarket.end)
        let proof = market.time(at: market.world.loop.time)
        market.wait(until: 801)
        market.beat(until: 830)
        let record = try #require(market.predicted.first { $0.brokerTime == Make.nanos(1_600_000_800.5) })
        let written = market.written(record)
        #expect(written >= QuietMarket.closing)
        // The quickest of thirty heartbeats travelled little longer than the least.
        #expect(written <= max(proof, QuietMarket.closing + 0.3))
        #expect(market.world.ticks.records.filter { $0.kind == .clock }.map(\.brokerTime.rawValue).isSorted)
        #expect(market.world.ingestor.driver.sink.output.counters.predictedClocks == 1)
    }

    @Test func `it closes in the quarter of a second behind the grace, where the next heartbeat is half a second away`()
        throws
    {
        let market = try QuietMarket()
        market.beat(until: QuietMarket.end)
        #expect(market.predicted.isEmpty)
        market.wait(until: QuietMarket.closing + 0.25)
        #expect(texts(market.predicted) == ["clock @800.5 predicted"])
        market.beat(until: 803)
        #expect(texts(Array(market.world.ticks.records.suffix(2))) == ["clock @802.0", "clock @803.0"])
    }

    @Test func `no clock is predicted while nothing came that was sent after the end`() throws {
        let market = try QuietMarket()
        market.beat(until: 799)
        market.wait(until: 803.5)
        #expect(market.predicted.isEmpty)
        // The proof comes late, and closes at once.
        market.tick(803.5, stamped: 800.1)
        #expect(texts(Array(market.world.ticks.records.suffix(2))).last == "clock @800.5 predicted")
    }

    @Test func `a live tick is proof, and a heartbeat that is older repeats the predicted clock as such`() throws {
        let market = try QuietMarket(phase: 0.2)
        market.beat(until: 799.5)
        market.tick(800.1)
        market.wait(until: 800.6)
        #expect(texts(market.predicted) == ["clock @800.5 predicted"])
        // Sent at 800.2 and held up.
        market.beat(until: 801.5)
        #expect(
            texts(Array(market.world.ticks.records.suffix(2))) == ["clock @800.5 predicted", "clock @801.2"])
        #expect(market.world.ingestor.driver.sink.output.counters.predictedClocks == 1)
        let beats = market.world.ticks.records.compactMap(\.heartbeat)
        #expect(!beats.contains { $0.brokerTime == Make.nanos(1_600_000_800.5) })
    }

    @Test func `ticks may be stamped by a clock that is ahead of the heartbeat's`() throws {
        let market = try QuietMarket()
        for second in stride(from: 760.4, to: 790, by: 5) {
            market.beat(until: second)
            market.tick(second, stamped: second + 1.4)
        }
        // Sent at 800.4 by the clock of the ticks.
        market.beat(until: 799)
        #expect(market.predicted.isEmpty)
        market.wait(until: 799.3)
        #expect(texts(market.predicted) == ["clock @800.5 predicted"])
        #expect(try market.written(#require(market.predicted.first)) >= QuietMarket.closing - 1.4)
        market.beat(until: 830)
        #expect(market.predicted.allSatisfy { $0.brokerTime == Make.nanos(1_600_000_800.5) })
        #expect(market.world.ingestor.driver.sink.output.counters.predictedClocks == 1)
    }

    @Test func `two ticks with a wrong time close nothing too early`() throws {
        let market = try QuietMarket()
        for second in stride(from: 760.4, to: 790, by: 5) {
            market.beat(until: second)
            market.tick(second, stamped: second + (second > 778 ? 1.9 : 0))
        }
        market.beat(until: QuietMarket.end)
        #expect(market.predicted.isEmpty)
        market.wait(until: 801)
        #expect(try market.written(#require(market.predicted.first)) >= QuietMarket.closing)
    }

    @Test func `a heartbeat behind the grace closes by itself`() throws {
        let market = try QuietMarket(phase: 0.6)
        market.beat(until: 802)
        #expect(market.predicted.isEmpty)
    }

    @Test func `a feed that is cut between the proof and the closing predicts nothing`() throws {
        let market = try QuietMarket()
        market.beat(until: QuietMarket.end)
        market.world.cut()
        market.wait(until: 802)
        #expect(market.predicted.isEmpty)
    }

    @Test func `a session that is to be bound again predicts nothing meanwhile`() throws {
        let market = try QuietMarket()
        market.beat(until: QuietMarket.end)
        market.world.say("LOOP,0")
        market.wait(until: 801)
        #expect(market.predicted.isEmpty)
    }

    @Test func `a new session learns anew`() throws {
        let market = try QuietMarket()
        market.beat(until: 792)
        market.beginNewSession()
        // Eight heartbeats.
        market.beat(until: QuietMarket.end)
        market.wait(until: 800.9)
        #expect(market.predicted.isEmpty)
        market.beat(until: 1_100)
        market.wait(until: 1_100.9)
        #expect(texts(market.predicted) == ["clock @1100.5 predicted"])
    }

    @Test(arguments: [1.5, 60])
    func `nothing is predicted in a market that runs fast`(speed: Double) throws {
        let market = try QuietMarket(speed: speed, waiting: 240)
        market.beat(until: 805)
        #expect(market.predicted.isEmpty)
        // At the speed of our clock it is.
        let ours = try QuietMarket(waiting: 240)
        ours.beat(until: 805)
        #expect(ours.predicted.count == 1)
    }

    @Test func `however much comes between proof and closing, one timer waits`() throws {
        let market = try QuietMarket()
        market.beat(until: QuietMarket.end)
        let waiting = market.world.loop.waiting
        for step in 1...20 { market.tick(QuietMarket.end + Double(step) / 1_000) }
        #expect(market.world.loop.waiting == waiting)
        market.beat(until: 805)
        #expect(market.predicted.count == 1)
    }
}

/// What is learned of the broker's clock.
@Suite struct ClockOffsetTests {
    private static let second = UTCNanos.perSecond
    private static let millisecond = UTCNanos.perMillisecond

    /// A heartbeat each second over a connection that takes its time.
    private static func hear(
        _ prediction: inout ClockPrediction, seconds: Range<Int64>, offset: Int64, seed: UInt64 = 1
    ) {
        var random = SplitMix(seed: seed)
        for step in seconds {
            let transit = Int64.random(in: 5...300, using: &random) * millisecond
            prediction.hear(heartbeat: step * second + offset, at: step * second + transit)
        }
    }

    @Test func `ten heartbeats in a row make the offset known`() {
        var prediction = ClockPrediction()
        Self.hear(&prediction, seconds: 0..<9, offset: 0)
        #expect(prediction.offset == nil)
        Self.hear(&prediction, seconds: 9..<10, offset: 0)
        #expect(prediction.offset != nil)
        Self.hear(&prediction, seconds: 16..<17, offset: 0)
        #expect(prediction.offset == nil)
    }

    @Test(arguments: 0..<50)
    func `the learned offset is never ahead of the true one, and close behind it`(seed: Int) throws {
        var prediction = ClockPrediction()
        let lead = 1_400 * Self.millisecond
        Self.hear(&prediction, seconds: 0..<200, offset: lead, seed: UInt64(seed))
        let offset = try #require(prediction.offset)
        #expect(offset <= lead - 5 * Self.millisecond && offset >= lead - 200 * Self.millisecond)
    }

    @Test func `an offset that falls is followed within two halves`() throws {
        var prediction = ClockPrediction()
        Self.hear(&prediction, seconds: 0..<100, offset: Self.second)
        Self.hear(&prediction, seconds: 100..<170, offset: Self.second / 2)
        #expect(try #require(prediction.offset) < Self.second / 2)
    }

    @Test func `a heartbeat far behind the others forgets them`() {
        var prediction = ClockPrediction()
        Self.hear(&prediction, seconds: 0..<100, offset: 2 * Self.second)
        Self.hear(&prediction, seconds: 100..<101, offset: 0)
        #expect(prediction.offset == nil)
    }

    /// A broker's clock that was heard for a while.
    private static func learned() -> BrokerClock {
        var clock = BrokerClock(itemCount: 1, past: FeedPast())
        hear(&clock, seconds: 0..<60)
        return clock
    }

    private static func hear(_ clock: inout BrokerClock, seconds: Range<Int64>, hostError: Int64 = 0) {
        for step in seconds {
            let time = 1_600_000_500 * second + step * second
            clock.advance(now: UTCNanos(rawValue: time + hostError), monotonic: step * second)
            if clock.judge.judge(time, by: .heartbeat) == .leap { _ = clock.leap(to: time) }
            clock.heard(heartbeat: time)
            clock.goOn(to: time)
        }
    }

    @Test func `what was learned does not outlive its era, nor a host's clock that disagrees`() {
        let time = 1_600_000_560 * Self.second
        #expect(Self.learned().moment(of: time) != nil)
        var leapt = Self.learned()
        leapt.beginEra(at: time)
        #expect(leapt.moment(of: time) == nil)
        var setBack = Self.learned()
        setBack.setBack(to: time - 100 * Self.second)
        #expect(setBack.moment(of: time) == nil)
        var disputed = Self.learned()
        Self.hear(&disputed, seconds: 60..<61, hostError: 3_600 * Self.second)
        #expect(disputed.moment(of: time) == nil)
        Self.hear(&disputed, seconds: 61..<62)
        #expect(disputed.moment(of: time) == nil)
    }

    @Test(arguments: [(0, 300), (299.9, 300), (300.4, 300), (300.5, 600), (899.9, 900), (901, 1_200)])
    func `the next to close is the nearest end whose grace is not over`(time: Double, end: Double) {
        let closings = ClosingTimes(timeframes: [.fiveMinutes, .fifteenMinutes], grace: .milliseconds(500))
        #expect(closings.end(closingAfter: Make.nanos(time).rawValue) == Make.nanos(end).rawValue)
    }

    @Test func `only the configured timeframes close, and a grace may be longer than one`() {
        let closings = ClosingTimes(timeframes: [.fifteenMinutes], grace: .seconds(1_000))
        #expect(closings.end(closingAfter: 2_000 * Self.second) == 1_800 * Self.second)
    }
}

extension [Int64] {
    fileprivate var isSorted: Bool { zip(self, dropFirst()).allSatisfy { $0 <= $1 } }
}
