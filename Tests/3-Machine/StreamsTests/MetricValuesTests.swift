import Foundation
import Host
import MarketData
import Streams
import Testing
import TestKit
import Wire

@Suite struct MetricValuesTests {
    @Test func `every form of a value comes back from its JSON`() throws {
        var histogram = DurationHistogram()
        histogram.note(3_000_000)
        var values = MetricValues()
        values.set(.ticks, 7)
        values[.pairTicks, "EUR_USD"] = 5
        values.set(.commitDuration, histogram.value)
        values.set(.candleDelay, byLabel: ["busy": histogram.value])
        let copy = try JSONDecoder().decode(MetricValues.self, from: JSONEncoder().encode(values))
        #expect(copy == values)
        #expect(copy.histograms(.commitDuration) == ["": histogram.value])
        #expect(copy.histograms(.candleDelay) == ["busy": histogram.value])
    }

    @Test func `a value of an unknown form is left out, and the others stay`() throws {
        let text = #"{"candlewick_ticks_total":[1],"candlewick_commits_total":2,"candlewick_items":{"a":{"b":{}}}}"#
        let values = try JSONDecoder().decode(MetricValues.self, from: Data(text.utf8))
        #expect(values[.ticks] == nil && values[.commits] == 2 && values.all(.items).isEmpty)
    }

    @Test func `a bucket holds what is at most as long as its edge, and what is shorter`() {
        var histogram = DurationHistogram()
        for nanos: Int64 in [0, 1_000_000, 1_000_001, 60_000_000_000, 60_000_000_001] { histogram.note(nanos) }
        let value = histogram.value
        #expect(value.buckets["0.001"] == 2 && value.buckets["0.002"] == 3 && value.buckets["0.5"] == 3)
        #expect(value.buckets["20"] == 3 && value.buckets["60"] == 4 && value.buckets.count == 15)
        #expect(value.count == 5 && abs(value.sum - 120.002) < 1e-5)
    }

    @Test func `a status says what its process uses`() throws {
        let bus = MemoryBus()
        let publisher = try StatusPublisher(.aggregator, bus: bus, logger: quietLogger())
        var metrics = MetricValues()
        metrics.set(.ticksFolded, 3)
        try publisher.publish(
            StageStatus(.aggregator, time: Clock.system.now(), state: "live", outputs: [], metrics: metrics))
        let heard = try #require(bus.statuses[.aggregator]?.last).metrics
        #expect(heard[.ticksFolded] == 3 && heard.all(.build) == [Program.version: 1])
        #expect(try #require(heard[.processMemory]) > 1_000_000 && #require(heard[.processFiles]) > 2)
        let start = try #require(heard[.processStart])
        #expect(start > 1_000_000_000 && start <= Double(Clock.system.now().rawValue) / 1e9)
        #expect(try #require(heard[.processTime]) > 0)
    }

    @Test func `a journal says how long its last sync took`() throws {
        let world = try StageWorld()
        let writer = try world.writer(.ticks)
        try writer.append(Make.tick(1, "1.1", "1.2"))
        try writer.commit()
        try writer.durability.wait()
        #expect(writer.syncNanos > 0)
    }
}
