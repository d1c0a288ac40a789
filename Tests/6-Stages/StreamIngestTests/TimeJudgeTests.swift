import MarketData
@testable import StreamIngest
import Testing

/// Which times are believed, and how the pace of a market is learned.
@Suite struct TimeJudgeTests {
    private static let second = UTCNanos.perSecond
    /// The market's beginning, and the host's clock, which no simulated market agrees with.
    private static let start = 1_778_572_800 * second
    private static let host = UTCNanos(rawValue: 1_900_000_000 * second)

    /// A market at some speed: turns the clocks, and sends its time by heartbeat and item.
    private struct Market {
        var judge = TimeJudge(itemCount: 1)
        let speed: Int64
        var passed: Int64 = 0
        var time: Int64 { TimeJudgeTests.start + passed * speed }

        /// One that was seen for a while.
        init(speed: Int64, seen: Int64 = 40) {
            self.speed = speed
            _ = pass(seconds: 1)
            judge.setBlind(false)
            _ = pass(seconds: seen)
        }

        mutating func step(_ nanos: Int64) {
            passed += nanos
            judge.advance(now: passed, host: UTCNanos(rawValue: TimeJudgeTests.host.rawValue + passed))
        }

        /// - Returns: how many times were set aside.
        mutating func pass(seconds: Int64, heartbeat: (Int64) -> Int64 = { $0 }) -> Int {
            var setAside = 0
            for _ in 0..<(seconds * 200) {
                step(TimeJudgeTests.second / 200)
                for (told, witness) in [(time, TimeJudge.Witness.item(0)), (heartbeat(time), .heartbeat)]
                where judge.judge(told, by: witness) == .setAside { setAside += 1 }
            }
            return setAside
        }
    }

    @Test(arguments: [Int64(1), 60, 300])
    func `a market that begins is believed at any speed`(speed: Int64) {
        var market = Market(speed: speed)
        #expect(market.pass(seconds: 20) == 0)
    }

    @Test(arguments: [Int64(60), 300, 1_000])
    func `of a fast market nothing beyond its pace is believed`(speed: Int64) {
        var market = Market(speed: speed)
        // Twelve seconds of ours ahead, where three are explained.
        #expect(market.judge.judge(market.time + 12 * speed * Self.second, by: .item(0)) == .setAside)
        #expect(market.judge.judge(market.time + 2 * speed * Self.second, by: .item(0)) == .believed)
        #expect(market.pass(seconds: 30) == 0)
    }

    @Test(arguments: [Int64(60), 300])
    func `a fast market is followed behind a pause`(speed: Int64) {
        var market = Market(speed: speed)
        for _ in 0..<600 { market.step(Self.second / 10) }
        #expect(market.pass(seconds: 5) == 0)
    }

    @Test func `a fast market is followed again behind a wrong time that was believed`() {
        var market = Market(speed: 60, seen: 1)
        // A quarter of an hour ahead, believed before the pace is known: within 15 seconds the market is there, or the
        // time was taken back.
        #expect(market.judge.judge(market.time + 900 * Self.second, by: .item(0)) == .believed)
        _ = market.pass(seconds: 20)
        #expect(market.pass(seconds: 20) == 0)
    }

    @Test func `a heartbeat that runs away loosens nothing`() {
        var market = Market(speed: 1)
        let began = market.time
        // Two seconds more each second: set aside after three, and the ticks stay believed.
        let setAside = market.pass(seconds: 60) { $0 + 2 * ($0 - began) }
        #expect(setAside > 50 * 200 && setAside <= 60 * 200)
        #expect(market.judge.judge(market.time + 59 * 60 * Self.second, by: .item(0)) == .setAside)
        #expect(market.judge.judge(market.time, by: .item(0)) == .believed)
    }
}
