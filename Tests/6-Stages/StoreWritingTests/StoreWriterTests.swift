import Foundation
import Host
import MarketData
import Settings
import Store
import StoreWriting
import Streams
import Testing
import TestKit
import Wire

/// The stage itself, on a bus in memory.
@Suite struct StoreWriterTests {
    let world: StageWorld
    private let store = StoreDouble()

    init() throws {
        world = try StageWorld()
        world.configuration.store.batchRows = 3
        world.configuration.store.batchMilliseconds = 50
    }

    private func writer() throws -> StoreWriter { try world.storeWriter(store) }

    private func turn(_ writer: StoreWriter) throws { _ = try writer.turn(milliseconds: 0, stop: -1) }

    /// Positions of each batch.
    private var batches: [[UInt64]] { store.batches.map { $0.map(\.position) } }

    @Test func `what came is one transaction as soon as nothing follows, then goes out`() throws {
        let candles = try world.writer(.candles)
        let writer = try writer()
        try turn(writer)
        try write(1, candles)
        try turn(writer)
        try write(1, from: 2, candles)
        try turn(writer)
        #expect(batches.isEmpty && world.published[.stored] == nil)
        try turn(writer)
        #expect(batches == [[1, 2]] && store.position(of: .candles, collector: .main) == 2)
        #expect(world.candles(.stored).map(\.start.seconds) == [300, 600])
    }

    @Test func `while more follows a candle waits no longer than its time`() throws {
        let candles = try world.writer(.candles)
        let writer = try writer()
        try turn(writer)
        try write(1, candles)
        try turn(writer)
        world.clock.advance(by: .milliseconds(50))
        try write(1, from: 2, candles)
        try turn(writer)
        #expect(batches == [[1, 2]])
    }

    @Test func `a full batch does not wait`() throws {
        let candles = try world.writer(.candles)
        let writer = try writer()
        try turn(writer)
        try write(7, candles)
        try turn(writer)
        #expect(batches == [[1, 2, 3], [4, 5, 6]])
        try turn(writer)
        #expect(batches.last == [7])
    }

    @Test func `a store that fails ends the stage, and a later one writes all of it`() throws {
        let candles = try world.writer(.candles)
        store.isFull = true
        do {
            let writer = try writer()
            try turn(writer)
            try write(3, candles)
            #expect(throws: StoreDouble.DiskFull.self) { try turn(writer) }
        }
        #expect(world.published[.stored] == nil)
        store.isFull = false
        let writer = try writer()
        try turn(writer)
        #expect(batches == [[1, 2, 3]] && world.candles(.stored).count == 3)
    }

    @Test func `a restarted writer goes on behind the database's position`() throws {
        let candles = try world.writer(.candles)
        try write(6, candles)
        _ = try store.write([], collector: .main, stream: .candles, position: 3, now: UTCNanos(rawValue: 0))
        let writer = try writer()
        try turn(writer)
        #expect(batches == [[], [4, 5, 6]])
    }

    @Test func `a journal that ends before the database's position is refused`() throws {
        do { try write(2, try world.writer(.candles)) }
        _ = try store.write([], collector: .main, stream: .candles, position: 3, now: UTCNanos(rawValue: 0))
        let failure = #expect(throws: Failure.self) { try writer() }
        #expect(failure?.code == .temporary && failure?.description.contains("up to position 3") == true)
        #expect(folderNames(world.paths.journal(.candles)).contains("store-writer.taken"))
    }

    @Test func `native candles are taken once a second, and their journal's loss stops no candle`() throws {
        let (candles, native) = (try world.writer(.candles), try world.writer(.native))
        let writer = try writer()
        try turn(writer)
        try native.append(Make.candle(300, source: .native))
        try native.commit()
        try turn(writer)
        #expect(batches.isEmpty)
        world.clock.advance(by: .seconds(1))
        try turn(writer)
        #expect(store.position(of: .native, collector: .main) == 1 && batches == [[1]])
        try write(3, candles)
        try turn(writer)
        #expect(store.position(of: .candles, collector: .main) == 3)
    }

    @Test func `refolded candles come a batch in each turn, and live ones between`() throws {
        let (candles, refold) = (try world.writer(.candles), try world.writer(.refold))
        for start in 1...8 { try refold.append(Make.candle(UTCSeconds(rawValue: Int64(start) * 3_600), minutes: 60)) }
        try refold.commit()
        let writer = try writer()
        try turn(writer)
        #expect(batches == [[1, 2, 3]] && store.position(of: .refold, collector: .main) == 3)
        try write(1, candles)
        try turn(writer)
        #expect(batches == [[1, 2, 3]], "the live candle waits for what follows, and nothing comes before it")
        try turn(writer)
        #expect(store.written[.main]?[.candles] == [[1]] && store.written[.main]?[.refold]?.last == [4, 5, 6])
        try turn(writer)
        #expect(store.written[.main]?[.refold]?.last == [7, 8])
        #expect(world.candles(.stored).count == 9)
        let mark = fileBytes(world.paths.journal(.refold) + "/store-writer.taken")
        #expect(String(decoding: mark, as: UTF8.self) == "00000000000000000008\n")
        try refold.append(Make.candle(90_000, minutes: 60))
        try refold.commit()
        try turn(writer)
        #expect(store.position(of: .refold, collector: .main) == 8)
        world.clock.advance(by: .seconds(1))
        try turn(writer)
        #expect(store.position(of: .refold, collector: .main) == 9)
    }

    @Test func `maintenance comes between two batches, with a reply`() throws {
        let candles = try world.writer(.candles)
        let writer = try writer()
        try turn(writer)
        try write(1, candles)
        world.bus.requests = [Array(try JSONEncoder().encode(MaintenanceTask.vacuum)), Array("nonsense".utf8)]
        try turn(writer)
        try turn(writer)
        #expect(batches == [[1]] && store.tasks == [.vacuum])
        let replies = world.bus.replies.map { String(decoding: $0, as: UTF8.self) }
        #expect(replies.count == 2 && replies[0].contains("done") && replies[1].contains("cannot be read"))
    }

    @Test func `a candle's delay runs from its interval's end by the broker's clock to its commit`() throws {
        let (ticks, candles) = (try world.writer(.ticks), try world.writer(.candles))
        world.clock.set(Make.nanos(1_000))
        let writer = try writer()
        try turn(writer)
        try ticks.append(TickEnvelope.clock(Make.nanos(1_200), receiveTime: Make.nanos(1_000)))
        try ticks.commit()
        // Its interval ends at 1,200.
        try write(1, from: 3, candles)
        try turn(writer)
        world.clock.advance(by: .milliseconds(40))
        try turn(writer)
        world.clock.advance(by: .seconds(1))
        try turn(writer)
        let metrics = try #require(world.status(.storeWriter)?.metrics)
        #expect(metrics.all(.quietDelay) == ["50": 0.04, "90": 0.04, "99": 0.04, "100": 0.04])
        #expect(metrics.all(.busyDelay).isEmpty)
        #expect(metrics.all(.recentCandles) == ["busy": 0, "quiet": 1, "revised": 0])
        let quiet = try #require(metrics.histograms(.candleDelay)["quiet"])
        #expect(quiet.buckets["0.02"] == 0 && quiet.buckets["0.05"] == 1 && quiet.count == 1 && quiet.sum == 0.04)
        #expect(metrics.histograms(.candleDelay)["busy"]?.count == 0)
    }

    @Test func `each transaction is timed, and candles that the broker's own dispute are counted`() throws {
        let (candles, native) = (try world.writer(.candles), try world.writer(.native))
        let writer = try writer()
        try turn(writer)
        try candles.append(Make.candle(300, flags: .disputed))
        try candles.append(Make.candle(600))
        try candles.commit()
        for _ in 0..<2 { try turn(writer) }
        try native.append(Make.candle(600, source: .native))
        try native.commit()
        for _ in 0..<2 {
            world.clock.advance(by: .seconds(1))
            try turn(writer)
        }
        let metrics = try #require(world.status(.storeWriter)?.metrics)
        #expect(metrics[.candlesDisputed] == 1)
        #expect(metrics.histograms(.commitDuration)[""]?.count == 2)
    }

    @Test func `a candle counts as revised if an earlier commit held its first revision`() throws {
        let candles = try world.writer(.candles)
        let writer = try writer()
        try turn(writer)
        func commit(_ records: [CandleRecord]) throws {
            for record in records { try candles.append(record) }
            try candles.commit()
            for _ in 0..<2 { try turn(writer) }
        }
        try commit([Make.candle(300), Make.candle(600), Make.candle(600, revision: 2)])
        try commit([Make.candle(300, revision: 2), Make.candle(900)])
        world.clock.advance(by: .seconds(1))
        try turn(writer)
        let metrics = try #require(world.status(.storeWriter)?.metrics)
        #expect(metrics[.candlesRevised] == 1 && metrics[.recentCandles, "revised"] == 1)
    }

    @Test func `its status says what it stored, and its mark lets the journal forget`() throws {
        let candles = try world.writer(.candles)
        let writer = try writer()
        try turn(writer)
        try write(3, candles)
        world.clock.advance(by: .seconds(1))
        try turn(writer)
        let status = try #require(world.status(.storeWriter))
        #expect(status.taken(.candles) == 3 && status.written(.stored) == 3 && status.metrics[.candlesStored] == 3)
        let mark = fileBytes(world.paths.journal(.candles) + "/store-writer.taken")
        #expect(String(decoding: mark, as: UTF8.self) == "00000000000000000003\n")
    }
}
