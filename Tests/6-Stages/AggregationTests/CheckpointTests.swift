@testable import Aggregation
import Foundation
import Host
import MarketData
import Settings
import Streams
import Testing
import TestKit
import Wire

/// Aggregators that end and begin again at their checkpoint.
@Suite struct CheckpointTests {
    private let world: CheckpointWorld

    init() throws { world = try CheckpointWorld() }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func `what is made from checkpoints on is what is made from the beginning, byte for byte`(seed: UInt64) throws {
        var streams = HostileStreams(seed: seed)
        let (history, ticks) = (streams.history(400), streams.ticks(3_000))
        let other = try CheckpointWorld()
        var random = SplitMix(seed: seed)
        var (taken, starts) = (0, 0)
        while taken < ticks.count {
            let next = min(ticks.count, taken + Int.random(in: 1...400, using: &random))
            for world in [world, other] {
                try world.append(Array(ticks[taken..<next]), .ticks)
                try world.append(Array(history[(taken * 400 / 3_000)..<(next * 400 / 3_000)]), .history)
            }
            taken = next
            let aggregator = try world.aggregator(every: 150)
            starts += aggregator.place.tick == nil ? 0 : 1
            try world.settle(aggregator)
            if Bool.random(using: &random) { try aggregator.close() }
            try other.settle(try other.aggregator(every: 0))
        }
        for stream in [Wire.Stream.ticks, .history] {
            let (mine, others) = (world.content(of: stream), other.content(of: stream))
            let isSame = mine == others
            #expect(isSame && mine.count > 200, "\(stream)")
        }
        #expect(starts > 3)
    }

    @Test func `after an orderly end nothing is folded again`() throws {
        try world.append(HostileStreams.some(500), .ticks)
        do {
            let first = try world.aggregator(every: 1 << 20)
            try world.settle(first)
            try world.append(HostileStreams.some(600).suffix(100), .ticks)
            try world.settle(first)
            try first.close()
        }
        let second = try world.aggregator(every: 1 << 20)
        #expect(second.place.tick?.position == HostileStreams.some(600).last?.position)
        #expect(try second.turn(milliseconds: 0, stop: -1) == 0)
    }

    @Test func `killed while it reads again what it emitted long ago, it goes on there, and emits nothing twice`()
        throws
    {
        try world.append(HostileStreams.some(20_000), .ticks)
        try world.settle(try world.aggregator(every: 0))
        let all = world.content
        var positions: [UInt64] = []
        for _ in 0..<3 {
            let aggregator = try world.aggregator(every: 1_000)
            let position = aggregator.place.tick?.position ?? 0
            positions.append(position)
            while aggregator.place.tick?.position ?? 0 < position + 1_500 {
                _ = try aggregator.turn(milliseconds: 0, stop: -1)
            }
        }
        #expect(positions[0] == 0 && positions[1] > 0 && positions[2] > positions[1])
        try world.settle(try world.aggregator(every: 1_000))
        #expect(world.content == all)
    }

    @Test func `without an interval none is made`() throws {
        try world.append(HostileStreams.some(500), .ticks)
        let aggregator = try world.aggregator(every: 0)
        try world.settle(aggregator)
        try aggregator.close()
        #expect(!FileManager.default.fileExists(atPath: world.paths.checkpoint))
    }

    @Test func `a journal that lost what the candles behind the checkpoint were made of is refused`() throws {
        try world.append(HostileStreams.some(500), .ticks)
        let aggregator = try world.aggregator(every: 1 << 20)
        try world.settle(aggregator)
        aggregator.checkpoints.finish()
        let checkpoint = fileBytes(world.paths.checkpoint)
        try world.append(HostileStreams.some(900).suffix(400), .ticks)
        try world.settle(aggregator)
        #expect(fileBytes(world.paths.checkpoint) == checkpoint && !checkpoint.isEmpty)
        try world.cut(.ticks, behind: try Checkpoint(checkpoint).ticks?.position ?? 0)
        let failure = #expect(throws: Failure.self) { try world.aggregator(every: 1 << 20) }
        #expect(failure?.code == .temporary)
    }

    // MARK: Refusals

    /// A checkpoint of both inputs, and its bytes.
    private func made() throws -> [UInt8] {
        var streams = HostileStreams(seed: 1)
        try world.append(streams.history(100), .history)
        try world.append(streams.ticks(800), .ticks)
        let aggregator = try world.aggregator(every: 1 << 20)
        try world.settle(aggregator)
        try aggregator.close()
        let bytes = fileBytes(world.paths.checkpoint)
        let checkpoint = try Checkpoint(bytes)
        #expect(checkpoint.ticks != nil && checkpoint.history != nil && checkpoint.candles != nil)
        return bytes
    }

    /// It is refused for this reason, and all is as without it.
    private func expectRefusal(_ reason: CheckpointRefusal, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let all = world.content
        #expect(throws: reason, sourceLocation: sourceLocation) {
            try StartingPoint(atCheckpoint: world.paths, world.configuration)
        }
        let aggregator = try world.aggregator(every: 0)
        #expect(aggregator.place.tick == nil, sourceLocation: sourceLocation)
        try world.settle(aggregator)
        #expect(world.content.starts(with: all), sourceLocation: sourceLocation)
    }

    private func write(_ bytes: [UInt8]) { TemporaryFolder.overwrite(world.paths.checkpoint, bytes) }

    @Test func `a damaged one is refused: cut anywhere, any byte changed`() throws {
        let bytes = try made()
        var random = SplitMix(seed: 1)
        for place in [0, 8, 12, 16, 100, 300, 470]
            + (0..<200).map({ _ in bytes.indices.randomElement(using: &random)! })
        {
            #expect(throws: CheckpointRefusal.damaged) { try Checkpoint(Array(bytes.prefix(place))) }
            var changed = bytes
            changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            #expect(throws: CheckpointRefusal.damaged) { try Checkpoint(changed) }
        }
        write(Array(bytes.dropLast()))
        try expectRefusal(.damaged)
    }

    @Test func `a state that does not end where its records do is damaged`() throws {
        let bytes = try made()
        let checkpoint = try Checkpoint(bytes)
        var tick = try #require(checkpoint.ticks)
        tick.seal(position: tick.position - 1)
        var other = Checkpoint.head(ticks: tick, history: checkpoint.history, settings: checkpoint.settings)
        other += bytes[other.count..<(bytes.count - 4)]
        Checkpoint.seal(&other, candles: checkpoint.candles)
        #expect(throws: CheckpointRefusal.damaged) { try Checkpoint(other).state(world.configuration) }
    }

    @Test func `one of another version is refused, and one that is no file`() throws {
        var bytes = Array(try made().dropLast(4))
        bytes[8] += 1
        Checkpoint.seal(&bytes, candles: nil)
        write(bytes)
        try expectRefusal(.otherVersion)
        try FileManager.default.removeItem(atPath: world.paths.checkpoint)
        try FileManager.default.createDirectory(atPath: world.paths.checkpoint, withIntermediateDirectories: false)
        try expectRefusal(.unreadable)
    }

    @Test func `one of another configuration is refused`() throws {
        _ = try made()
        let configuration = world.configuration
        world.configuration.timeframes.removeLast()
        try expectRefusal(.otherSettings)
        world.configuration = configuration
        world.configuration.closing = .grace
        try expectRefusal(.otherSettings)
        world.configuration = configuration
        world.configuration.grace = .milliseconds(501)
        try expectRefusal(.otherSettings)
        world.configuration = configuration
        world.configuration.lateReach = .seconds(3_601)
        try expectRefusal(.otherSettings)
        world.configuration = configuration
        world.configuration.instruments = [Instrument(pair: Pair("DE40")!, epic: "IX.D.DAX.IFM.IP", hours: .always)]
        try expectRefusal(.otherSettings)
        world.configuration = configuration
        #expect(try StartingPoint(atCheckpoint: world.paths, configuration).place.tick != nil)
    }

    @Test(arguments: [
        (Wire.Stream.ticks, CheckpointRefusal.otherTicks), (.history, .otherHistory), (.candles, .otherCandles),
    ])
    func `one whose record a journal does not hold is refused`(stream: Wire.Stream, reason: CheckpointRefusal) throws {
        let checkpoint = try Checkpoint(try made())
        let records: [Wire.Stream: UInt64?] = [
            .ticks: checkpoint.ticks?.position, .history: checkpoint.history?.position,
            .candles: checkpoint.candles?.position,
        ]
        let position = try #require(records[stream] ?? nil)
        // The last one is another one; then it is missing.
        try world.change(stream, position)
        #expect(throws: reason) { try StartingPoint(atCheckpoint: world.paths, world.configuration) }
        try world.cut(stream, behind: position - 1)
        #expect(throws: reason) { try StartingPoint(atCheckpoint: world.paths, world.configuration) }
    }
}
