import Archive
import Glibc
import Host
@testable import Inspection
import MarketData
import Settings
import SQLiteStore
import Store
import Streams
import Synchronization
import TestKit
import Testing
import Wire

/// What `candlewick top`, `candlewick-web` and `candlewick-watch` see of the pipeline.
@Suite struct PipelineObserverTests {
    private let folder = TemporaryFolder()
    private let paths: Paths
    private let observer: PipelineObserver

    init() throws {
        paths = try Paths(runtime: folder.path, state: folder.path)
        let file = folder.write(Array("instruments: [EUR_USD]\ntimeframes: [5m]\n".utf8), to: "candlewick.yaml")
        // Each look at the clock takes 10 ms: so a read does too, and the next one follows 200 ms later.
        let clock = TickingClock(.milliseconds(10))
        observer = try PipelineObserver(
            paths: paths, environment: Environment(["CANDLEWICK_CONFIG": file]), clock: clock.clock)
    }

    private func store(_ places: Int64...) throws {
        let records = places.map { Make.candle(1_778_572_800 + $0 * 300).envelope }
        let store = try SQLiteWriter(path: paths.database)
        _ = try store.write(
            records, collector: .main, stream: .candles, position: UInt64(places.max()! + 1),
            now: UTCNanos(seconds: 1_778_580_000))
        try store.close()
    }

    private func candles() throws -> Int { try observer.observe().seen.stored.candles.map(\.count).reduce(0, +) }

    /// How many looks it takes until a condition holds; at most 100.
    private func looks(until condition: (PipelineView) -> Bool) throws -> Int? {
        for look in 1...100 where condition(try observer.observe()) { return look }
        return nil
    }

    @Test func `the database is seen once it exists, and read again after a while only`() throws {
        let before = try observer.observe()
        #expect(before.seen.stored.candles.isEmpty && before.seen.stored.failure == nil)
        try store(0, 1)
        let first = try looks { $0.seen.stored.candles.first?.count == 2 }
        #expect(try #require(first) > 1)
        try store(2)
        #expect(try candles() == 2)
        #expect(try looks { $0.seen.stored.candles.first?.count == 3 } != nil)
    }

    @Test func `a database that cannot be read is a failure until it can be`() throws {
        TemporaryFolder.overwrite(paths.database, Array(repeating: 7, count: 8_192))
        let damaged = try observer.observe().seen.stored
        #expect(damaged.failure != nil && damaged.candles.isEmpty)
        unlink(paths.database)
        try store(0, 1)
        #expect(try #require(try looks { $0.seen.stored.failure == nil }) > 1)
        #expect(try candles() == 2)
    }

    @Test func `what waits for the archiver is looked at as rarely as the database`() throws {
        try paths.appendDays(20_420..<20_424)
        _ = try Archiver.run(paths)
        #expect(try observer.observe().seen.collectors[0].backlog == nil)
        try paths.appendDays(20_424..<20_428)
        let look = try #require(try looks { $0.seen.collectors[0].backlog != nil })
        #expect(look > 1)
    }

    @Test func `the stages of a collector that appears later are heard`() async throws {
        let eu = Collector("eu")!
        #expect(try observer.observe().collectors.all == [.main])
        try paths.of(eu).prepare()
        try makeFolder(paths.of(eu).journal(.ticks))
        #expect(try observer.observe().collectors.all == [eu, .main])
        let bus = try SocketBus(paths.of(eu))
        let publisher = try StatusPublisher(.ingestStream, bus: bus, logger: quietLogger())
        let status = StageStatus(
            .ingestStream, time: UTCNanos(rawValue: 1), state: "streaming", outputs: [], metrics: MetricValues())
        try await eventually("it is heard") {
            try publisher.publish(status)
            observer.listen(milliseconds: 10, stop: -1)
            let seen = try observer.observe().seen.collectors.first { $0.collector == eu }
            return seen?.ingest?.state == "streaming"
        }
    }
}

/// A clock that moves on each time it is asked.
private final class TickingClock: Sendable {
    private let time: Mutex<Int64>
    private let step: Int64

    init(_ step: Duration) {
        self.step = step.nanoseconds
        time = Mutex(1_778_580_000 * UTCNanos.perSecond)
    }

    var clock: Clock {
        let next: @Sendable () -> Int64 = { [self] in
            time.withLock { time in
                time += step
                return time
            }
        }
        return Clock(now: { UTCNanos(rawValue: next()) }, monotonic: next)
    }
}
