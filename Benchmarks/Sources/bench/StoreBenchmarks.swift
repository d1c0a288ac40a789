import ArgumentParser
import CandleReader
import Engines
import Foundation
import Host
import MarketData
import Store
import Wire

/// Candles into a fresh database, in batches.
struct StoreCandles: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "store", abstract: "Stores candles in batches.")

    @Argument(help: "A file that is not there yet, or the URI of an empty database.") var database: String
    @Argument(help: "candles.bin of `bench make-data`.") var candles: String
    @Option(help: "Candles a transaction.") var batch = 1_000

    func run() throws {
        let data = try load(candles)
        let records = data.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: CandleEnvelope.byteCount).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: CandleEnvelope.self)
            }
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cw-bench-\(getpid())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try storeEngine.openWriter(paths(of: database, state: folder), enforcesOpinions: false)
        let seconds = try measure {
            for first in stride(from: 0, to: records.count, by: batch) {
                let some = Array(records[first..<min(records.count, first + batch)])
                let stored = try store.write(
                    some, collector: .main, stream: .candles, position: some.last?.position ?? 0,
                    now: Clock.system.now())
                precondition(stored.count == some.count)
            }
        }
        try store.close()
        try report(Throughput(count: records.count, seconds: seconds))
    }
}

/// - Parameter state: the folder of the lock, if the database is on a server.
private func paths(of database: String, state: String) throws -> Paths {
    try Paths(
        environment: Environment([
            "CANDLEWICK_RUNTIME_DIR": state, "CANDLEWICK_STATE_DIR": state, "CANDLEWICK_DATABASE": database,
        ]))
}

/// The last candles of one series after another.
struct Query: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Reads the last 200 candles, again and again.")

    @Argument(help: "A file, or the URI of a server.") var database: String
    @Option(help: "Queries.") var count = 1_000
    @Option(help: "Queries before the measured ones.") var warmup = 100

    func run() throws {
        let reader = try CandleReader(paths: paths(of: database, state: "/nonexistent"))
        let series = try reader.series()
        var nanoseconds: [Int64] = []
        for query in 0..<(warmup + count) {
            let chosen = series[query * 7_919 % series.count]
            let began = Clock.system.monotonic()
            let candles = try reader.last(200, chosen.pair, chosen.timeframe)
            let took = Clock.system.monotonic() - began
            precondition(candles.count == 200)
            if query >= warmup { nanoseconds.append(took) }
        }
        try report(Latencies(nanoseconds: nanoseconds))
    }
}
