import Foundation
import Host
import MarketData
import Refolding
import Settings
import Streams
import TestKit
import Testing
import Wire

/// Candles out of ticks that are folded once more.
@Suite struct RefoldingTests {
    /// A store that had every timeframe from the start.
    private func complete(_ records: [TickEnvelope]) throws -> RefoldWorld {
        let world = try RefoldWorld()
        try world.append(records)
        try world.aggregate()
        try world.store()
        return world
    }

    @Test(arguments: 1...4)
    func `refolded candles are those of a store that had the timeframes from the start`(seed: UInt64) throws {
        let weather = Weather(seed: seed, hours: 60)
        let expected = try complete(weather.records).rows()
        let world = try RefoldWorld(RefoldWorld.small)
        try world.append(weather.records)
        try world.aggregate()
        try world.store()
        expectEqual(try world.rows(), expected.filter { RefoldWorld.small.contains($0.key.series.timeframe) })
        world.configuration.timeframes = RefoldWorld.minutes
        let summary = try world.refold()
        #expect(summary.streamed > 100 && summary.derived == 0 && summary.lacking.isEmpty)
        try world.store()
        expectEqual(try world.rows(), expected)
    }

    @Test func `a second run changes nothing`() throws {
        let weather = Weather(seed: 5, hours: 30)
        let world = try RefoldWorld()
        try world.append(weather.records)
        try world.refold()
        try world.store()
        let (rows, count) = (try world.rows(), try world.records(.refold).count)
        try world.refold()
        #expect(try world.records(.refold).count == 2 * count)
        try world.store()
        expectEqual(try world.rows(), rows)
    }

    @Test(arguments: 1...4)
    func `between refold and a restarted aggregator no interval is lost`(seed: UInt64) throws {
        let weather = Weather(seed: seed, hours: 40)
        let expected = try complete(weather.records).rows()
        var parts = weather.records[...]
        func take(_ count: Int) -> ArraySlice<TickEnvelope> {
            defer { parts = parts.dropFirst(count) }
            return parts.prefix(count)
        }
        let world = try RefoldWorld(RefoldWorld.small)
        try world.append(take(3_000))
        try world.aggregate()
        // Ticks that the aggregator of before has not folded.
        try world.append(take(500))
        world.configuration.timeframes = RefoldWorld.minutes
        try world.aggregate()
        try world.append(take(700))
        try world.aggregate()
        try world.refold()
        try world.append(parts)
        try world.aggregate()
        try world.store()
        expectEqual(try world.rows(), expected)
    }

    @Test func `only the wanted pairs and moments are made`() throws {
        let weather = Weather(seed: 6, hours: 30)
        let expected = try complete(weather.records).rows(RefoldWorld.large)
        let world = try RefoldWorld()
        try world.append(weather.records)
        let since = UTCSeconds(rawValue: Int64(Weather.start) + 7_200)
        try world.refold(pairs: [Weather.pairs[1]], since: since)
        try world.store()
        expectEqual(
            try world.rows(), expected.filter { $0.key.series.pair == Weather.pairs[1] && $0.key.start >= since })
    }

    // MARK: A journal that does not begin with the first record

    /// The world without its first segments, and when its first record was.
    private func truncated(_ records: [TickEnvelope], _ count: Int) throws -> (RefoldWorld, UTCNanos) {
        let world = try RefoldWorld()
        world.stages.configuration.journal.segmentRecords = count
        try world.append(records)
        try FileManager.default.removeItem(atPath: world.paths.journal(.ticks) + "/00000000000000000001.journal")
        return (world, records[count].brokerTime)
    }

    @Test(arguments: 1...8)
    func `candles whose first ticks are gone are left out, the others are as with them`(seed: UInt64) throws {
        let weather = Weather(seed: seed, hours: 40)
        let expected = try complete(weather.records).rows(RefoldWorld.large)
        let (world, first) = try truncated(weather.records, 500 + 150 * Int(seed))
        let summary = try world.refold()
        let since = try #require(summary.ticksSince)
        #expect(since >= first.seconds && since <= first.seconds + .seconds(6 * 3_600))
        try world.store()
        expectEqual(try world.rows(), expected.filter { $0.key.start > since })
    }

    @Test func `a feed that was blind before the first record stays blind until it is seen`() throws {
        func moment(_ minutes: Double) -> Double { Weather.start + minutes * 60 }
        var records = [
            Make.feed(.blindBegan(since: Make.nanos(0))),
            Make.feed(.blindEnded(from: Make.nanos(0), until: Make.nanos(moment(1))), at: moment(1)),
            Make.tick(moment(2), "1.1", "1.2"), Make.clock(moment(2.5)),
            Make.feed(.blindBegan(since: Make.nanos(moment(3))), at: moment(3)),
        ]
        let count = records.count
        // The local clock stands in for five hours; a tick of the last one comes in the dark.
        for minute in 4...300 { records.append(Make.clock(moment(Double(minute)), flags: .localClock)) }
        records += [
            Make.tick(moment(270), "1.3", "1.4", flags: .snapshot), Make.clock(moment(300.5), flags: .localClock),
            Make.clock(moment(301)),
            Make.feed(
                .blindEnded(from: Make.nanos(moment(3)), until: Make.nanos(moment(301.1))), at: moment(301)),
        ]
        for minute in 302...800 { records.append(Make.clock(moment(Double(minute)))) }
        records.append(Make.tick(moment(370), "1.5", "1.6"))
        records.append(Make.clock(moment(801)))
        let expected = try complete(records).rows(RefoldWorld.large)
        let (world, _) = try truncated(records, count)
        let summary = try world.refold()
        #expect(summary.ticksSince?.rawValue == Int64(moment(301.1)))
        try world.store()
        expectEqual(try world.rows(), expected.filter { Double($0.key.start.rawValue) > moment(301.1) })
    }
}
