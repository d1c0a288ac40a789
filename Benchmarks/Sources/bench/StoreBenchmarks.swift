import ArgumentParser
import CandleReader
import Foundation
import Host
import MarketData
import SQLiteStore
import Wire

/// Candles into a fresh database, in batches.
struct StoreCandles: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "store", abstract: "Stores candles in batches.")

    @Argument(help: "A database that is not there yet.") var database: String
    @Argument(help: "candles.bin of `bench make-data`.") var candles: String
    @Option(help: "Candles a transaction.") var batch = 1_000

    func run() throws {
        let data = try load(candles)
        let records = data.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: CandleEnvelope.byteCount).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: CandleEnvelope.self)
            }
        }
        let store = try SQLiteWriter(path: database)
        let seconds = try measure {
            for first in stride(from: 0, to: records.count, by: batch) {
                let some = Array(records[first..<min(records.count, first + batch)])
                let stored = try store.write(
                    some, collector: .main, stream: .candles, position: some.last?.position ?? 0, now: Clock.system.now())
                precondition(stored.count == some.count)
            }
        }
        try store.close()
        try report(Throughput(count: records.count, seconds: seconds))
    }
}

/// The last candles of one series after another.
struct Query: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Reads the last 200 candles, again and again.")

    @Argument var database: String
    @Option(help: "Queries.") var count = 1_000
    @Option(help: "Queries before the measured ones.") var warmup = 100

    func run() throws {
        let reader = try CandleReader(path: database)
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
