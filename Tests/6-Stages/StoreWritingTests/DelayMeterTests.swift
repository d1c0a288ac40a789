@testable import StoreWriting
import MarketData
import Streams
import TestKit
import Testing
import Wire

@Suite struct DelayMeterTests {
    private let bus = MemoryBus()

    /// The host's clock is 100 s behind the broker's.
    private static func host(_ brokerTime: Double) -> UTCNanos { Make.nanos(brokerTime - 100) }

    private func publish(_ record: TickEnvelope) {
        var record = record
        record.seal(position: 1)
        let sink = bus.publish(.ticks)
        withUnsafeBytes(of: record) { sink.send($0) }
    }

    private func beat(_ brokerTime: Double = 1_000, flags: TickFlags = []) {
        publish(.clock(Make.nanos(brokerTime), receiveTime: Self.host(brokerTime), flags: flags))
    }

    private func meter() throws -> DelayMeter {
        var meter = DelayMeter()
        try meter.hear(.main, bus)
        return meter
    }

    private func metrics(_ meter: inout DelayMeter) throws -> MetricValues {
        try meter.measure(monotonic: 0)
        var metrics = MetricValues()
        meter.report(into: &metrics, monotonic: 0)
        return metrics
    }

    @Test func `what is readable before the first heartbeat is measured by it`() throws {
        var meter = try meter()
        try meter.note([Make.candle(900)], of: .main, at: Self.host(1_200.25), monotonic: 0)
        publish(
            .tick(
                Make.eurUSD, brokerTime: Make.nanos(1_201), receiveTime: Make.nanos(0), bid: Price("1")!,
                ask: Price("1")!))
        beat(1_201, flags: .localClock)
        #expect(try metrics(&meter).all(.quietDelay).isEmpty)
        beat(1_202)
        #expect(try metrics(&meter)[.quietDelay, "100"] == 0.25)
        #expect(try metrics(&meter)[.recentCandles, "quiet"] == 1, "it is measured once")
    }

    @Test func `a pair with a tick a second is busy`() throws {
        var meter = try meter()
        beat()
        var (quiet, busy) = (Make.candle(900), Make.candle(1_200))
        (quiet.tickCount, busy.tickCount) = (299, 300)
        try meter.note([quiet], of: .main, at: Self.host(1_200.5), monotonic: 0)
        try meter.note([busy], of: .main, at: Self.host(1_500.125), monotonic: 0)
        let metrics = try metrics(&meter)
        #expect(metrics[.quietDelay, "100"] == 0.5 && metrics[.busyDelay, "100"] == 0.125)
    }

    @Test func `a candle that ended more than an hour before is not measured, one that is ahead has no delay`() throws {
        var meter = try meter()
        beat()
        try meter.note([Make.candle(0), Make.candle(300)], of: .main, at: Self.host(4_200), monotonic: 0)
        #expect(try metrics(&meter)[.quietDelay, "100"] == 3_600)
        #expect(try metrics(&meter)[.recentCandles, "quiet"] == 1)
        try meter.note([Make.candle(4_200)], of: .main, at: Self.host(4_400), monotonic: 0)
        #expect(try metrics(&meter)[.recentCandles, "quiet"] == 2)
        #expect(try metrics(&meter)[.quietDelay, "50"] == 0.001)
    }

    @Test func `only first revisions of streamed candles have a delay`() throws {
        var meter = try meter()
        beat()
        let others = [
            Make.candle(900, source: .bought), Make.candle(900, source: .derived), Make.candle(900, revision: 2),
        ]
        try meter.note(others, of: .main, at: Self.host(1_201), monotonic: 0)
        #expect(try metrics(&meter).all(.recentCandles) == ["busy": 0, "quiet": 0, "revised": 1])
    }

    @Test func `revisions of one commit count once, and not together with the first`() throws {
        var meter = try meter()
        try meter.note(
            [
                Make.candle(300), Make.candle(300, revision: 2), Make.candle(300, minutes: 15, revision: 2),
                Make.candle(600, revision: 2), Make.candle(600, revision: 3),
                Make.candle(900, source: .bought, revision: 2),
            ], of: .main, at: Self.host(1_201), monotonic: 0)
        #expect(try metrics(&meter)[.candlesRevised] == 2)
        try meter.note([Make.candle(600, revision: 4)], of: .main, at: Self.host(1_202), monotonic: 0)
        #expect(try metrics(&meter)[.candlesRevised] == 3)
    }

    @Test func `each collector is measured by its own broker's clock`() throws {
        let eu = Collector("eu")!
        var meter = try meter()
        try meter.hear(eu, bus)
        beat()
        try meter.note([Make.candle(900)], of: eu, at: Self.host(1_200.5), monotonic: 0)
        #expect(try metrics(&meter).all(.quietDelay).isEmpty)
        try meter.note([Make.candle(1_200)], of: .main, at: Self.host(1_500.25), monotonic: 0)
        #expect(try metrics(&meter).all(.recentCandles) == ["busy": 0, "quiet": 1, "revised": 0])
    }

    @Test func `a candle in the place of another collector's is revised, not late`() throws {
        let eu = Collector("eu")!
        var meter = try meter()
        try meter.hear(eu, bus)
        beat()
        try meter.note([Make.candle(900)], of: .main, at: Self.host(1_200.5), monotonic: 0)
        try meter.note([Make.candle(900)], of: eu, at: Self.host(1_300), monotonic: 0)
        #expect(try metrics(&meter).all(.recentCandles) == ["busy": 0, "quiet": 1, "revised": 1])
    }
}
