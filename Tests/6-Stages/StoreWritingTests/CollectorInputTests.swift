import Foundation
import Host
import MarketData
import Settings
import StoreWriting
import Streams
import TestKit
import Testing
import Wire

/// Several collectors feed one store-writer, on a bus in memory.
@Suite struct CollectorInputTests {
    private let world: StageWorld
    private let store = StoreDouble()
    private let asia = Collector("asia")!
    private let eu = Collector("eu")!

    init() throws {
        world = try StageWorld()
        world.configuration.store.batchRows = 3
    }

    private func makeWriter() throws -> StoreWriter { try world.storeWriter(store) }

    private func turn(_ writer: StoreWriter, _ times: Int = 1) throws {
        for _ in 0..<times { _ = try writer.turn(milliseconds: 0, stop: -1) }
    }

    private func pass(_ seconds: Int64, _ writer: StoreWriter) throws {
        world.clock.advance(by: .seconds(seconds))
        try turn(writer, 2)
    }

    private func written(_ collector: Collector) -> [[UInt64]] { store.written[collector]?[.candles] ?? [] }

    private func status() throws -> StageStatus { try #require(world.status(.storeWriter)) }

    /// A file in the place of the journal: it cannot be read.
    private func spoilJournal(_ collector: Collector) throws {
        try makeFolder("\(world.paths.of(collector).collectorState)/journal")
        try #require(FileManager.default.createFile(atPath: world.paths.of(collector).journal(.candles), contents: nil))
    }

    @Test func `each collector's candles are batches of their own, with positions of their own`() throws {
        let (first, second) = (try world.writer(.candles), try world.writer(.candles, of: eu))
        let writer = try makeWriter()
        try turn(writer)
        try write(2, first)
        try write(1, second)
        try turn(writer, 2)
        #expect(written(.main) == [[1, 2]] && written(eu) == [[1]])
        #expect(store.position(of: .candles, collector: .main) == 2)
        #expect(store.position(of: .candles, collector: eu) == 1)
        #expect(world.candles(.stored).count == 3)
    }

    @Test func `status and marks are by collector, and those of main look as before`() throws {
        let (first, second) = (try world.writer(.candles), try world.writer(.candles, of: eu))
        let writer = try makeWriter()
        try turn(writer)
        try write(3, first)
        try write(6, second)
        try pass(1, writer)
        try pass(1, writer)
        let status = try status()
        #expect(status.taken(.candles) == 3 && status.taken(.candles, of: eu) == 6)
        #expect(status.written(.stored) == 3 && status.written(.stored, of: eu) == 6)
        #expect(status.inputs.first { $0.stream == "candles" && $0.collector == nil }?.position == 3)
        #expect(status.state == "live")
        #expect(status.metrics[.recordsLive, "candles"] == 3 && status.metrics[.recordsLive, "eu/candles"] == 6)
        let mark = fileBytes(world.paths.of(eu).journal(.candles) + "/store-writer.taken")
        #expect(String(decoding: mark, as: UTF8.self) == "00000000000000000006\n")
    }

    @Test func `a collector that begins later is found within a second`() throws {
        let writer = try makeWriter()
        try turn(writer)
        let candles = try world.writer(.candles, of: eu)
        try write(4, candles)
        try turn(writer, 2)
        #expect(written(eu).isEmpty)
        try pass(1, writer)
        try write(1, from: 5, candles)
        try turn(writer, 2)
        #expect(written(eu) == [[1, 2, 3], [4], [5]])
        try pass(1, writer)
        #expect(try status().inputs.allSatisfy { $0.collector == "eu" }, "main only stood in")
    }

    @Test func `a restarted writer goes on behind each collector's position`() throws {
        try write(3, try world.writer(.candles))
        try write(2, try world.writer(.candles, of: eu))
        _ = try store.write([], collector: .main, stream: .candles, position: 2, now: UTCNanos(rawValue: 0))
        _ = try store.write([], collector: eu, stream: .candles, position: 1, now: UTCNanos(rawValue: 0))
        try turn(try makeWriter(), 2)
        #expect(written(.main) == [[], [3]] && written(eu) == [[], [2]])
    }

    @Test func `a burst of one collector leaves the others their turn`() throws {
        try write(10_000, try world.writer(.candles, of: asia))
        try write(1, try world.writer(.candles, of: eu))
        world.configuration.store.batchRows = 1
        let writer = try makeWriter()
        try turn(writer)
        #expect(written(eu) == [[1]] && written(asia).count < 10_000)
    }

    @Test func `a journal that cannot be read stops no other collector, and is tried again`() throws {
        let candles = try world.writer(.candles)
        try spoilJournal(eu)
        let writer = try makeWriter()
        try turn(writer)
        try write(1, candles)
        try turn(writer, 2)
        #expect(written(.main) == [[1]])
        try pass(1, writer)
        var status = try status()
        #expect(status.state == "collector lacking")
        #expect(
            status.inputs.first { $0.collector == "eu" }?.failure?.contains("collectors/eu/journal/candles") == true)
        try FileManager.default.removeItem(atPath: world.paths.of(eu).journal(.candles))
        try write(2, try world.writer(.candles, of: eu))
        for _ in 0..<4 { try pass(1, writer) }
        status = try self.status()
        #expect(written(eu) == [[1, 2]] && status.state == "live" && status.inputs.allSatisfy { $0.failure == nil })
    }

    @Test func `a collector whose journal ends before the database's position waits alone`() throws {
        try write(2, try world.writer(.candles, of: eu))
        _ = try store.write([], collector: eu, stream: .candles, position: 3, now: UTCNanos(rawValue: 0))
        let candles = try world.writer(.candles)
        let writer = try makeWriter()
        try write(1, candles)
        try turn(writer, 3)
        #expect(written(.main) == [[1]])
        #expect(folderNames(world.paths.of(eu).journal(.candles)).contains("store-writer.taken"))
        try pass(1, writer)
        let failure = try #require(try status().inputs.first { $0.collector == "eu" }?.failure)
        #expect(failure.contains("of collector eu up to position 3") && failure.contains("ends at 2"))
    }

    @Test func `a stream that breaks while it is read stops no other, and ends the stage if it is the only one`() throws
    {
        func breakStream(_ collector: Collector) throws {
            var record = Make.candle(300)
            record.seal(position: 100)
            let sink = try world.bus.of(collector).publish(.candles)
            withUnsafeBytes(of: record) { sink.send($0) }
        }
        let second = try world.writer(.candles, of: eu)
        try write(1, second)
        do {
            let writer = try makeWriter()
            try turn(writer, 3)
            try breakStream(eu)
            let failure = #expect(throws: Failure.self) { try turn(writer, 3) }
            #expect(failure?.code == .badData && failure?.description.contains("position 100 was published") == true)
        }
        let first = try world.writer(.candles)
        try write(1, first)
        let writer = try makeWriter()
        try turn(writer, 3)
        try breakStream(eu)
        try turn(writer, 3)
        try write(1, from: 2, first)
        try pass(0, writer)
        #expect(written(.main) == [[1], [2]])
    }

    @Test func `a collector that another process takes stops no other, and goes on when it is free`() throws {
        let (first, second) = (try world.writer(.candles), try world.writer(.candles, of: eu))
        let writer = try makeWriter()
        try turn(writer)
        store.taken = [eu]
        try write(1, second)
        try write(1, first)
        for _ in 0..<2 { try pass(1, writer) }
        #expect(written(.main) == [[1]] && written(eu).isEmpty)
        #expect(try status().inputs.first { $0.collector == "eu" }?.failure?.contains("another process") == true)
        store.taken = []
        for _ in 0..<5 { try pass(1, writer) }
        #expect(try written(eu) == [[1]] && status().state == "live")
    }

    @Test func `a collector whose folder was moved away is lacking no more`() throws {
        _ = try world.writer(.candles)
        try spoilJournal(eu)
        let writer = try makeWriter()
        try pass(1, writer)
        #expect(try status().state == "collector lacking")
        try FileManager.default.removeItem(atPath: world.paths.of(eu).collectorState)
        for _ in 0..<3 { try pass(1, writer) }
        #expect(try status().state == "live" && status().inputs.allSatisfy { $0.failure == nil })
    }

    @Test func `a collector that has ended leaves the status with its folder, and its candles stay`() throws {
        _ = try world.writer(.candles)
        do { try write(1, try world.writer(.candles, of: eu)) }
        let writer = try makeWriter()
        for _ in 0..<2 { try pass(1, writer) }
        #expect(try status().inputs.contains { $0.collector == "eu" })
        try FileManager.default.removeItem(atPath: world.paths.of(eu).collectorState)
        for _ in 0..<2 { try pass(1, writer) }
        #expect(try !status().inputs.contains { $0.collector == "eu" })
        #expect(written(eu) == [[1]])
    }

    @Test func `a journal that breaks again and again is tried less and less often`() throws {
        try write(1, try world.writer(.candles))
        try write(1, try world.writer(.candles, of: eu))
        let writer = try makeWriter()
        for _ in 0..<60 {
            try pass(1, writer)
            var record = Make.candle(300)
            record.seal(position: 100)
            let sink = try world.bus.of(eu).publish(.candles)
            withUnsafeBytes(of: record) { sink.send($0) }
        }
        #expect((4...9).contains(store.claims[eu] ?? 0))
    }

    @Test func `without any collector that can be read the first one's reason ends the stage`() throws {
        try spoilJournal(asia)
        try spoilJournal(eu)
        let failure = #expect(throws: JournalError.self) { try makeWriter() }
        #expect(failure?.description.contains("collectors/asia") == true)
    }
}
