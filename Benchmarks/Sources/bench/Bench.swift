import IG
import ArgumentParser
import Foundation
import Host
import Logging
import MarketData

/// One measurement of the product's own code per subcommand; `scripts/bench` runs them beside those of others.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures Candlewick's parts; prints one JSON object.",
        subcommands: [
            MakeData.self, Parse.self, Fold.self, AppendJournal.self, Replay.self, Send.self, Receive.self,
            StoreCandles.self, Query.self, Moments.self, GraceTable.self,
        ])
}

/// How many operations took how long, and what shows that they were done.
struct Throughput: Encodable {
    var count: Int
    var seconds: Double
    var candles: Int?
    var checksum: Int64?
}

/// Single operations.
struct Latencies: Encodable {
    var nanoseconds: [Int64]
}

func report(_ figures: some Encodable) throws {
    print(String(decoding: try JSONEncoder().encode(figures), as: UTF8.self))
}

/// The seconds that `body` takes.
func measure(_ body: () throws -> Void) rethrows -> Double {
    let began = Clock.system.monotonic()
    try body()
    return Double(Clock.system.monotonic() - began) / 1e9
}

/// A whole file in memory.
func load(_ path: String) throws -> Data {
    // Touched before anything is measured.
    try Data(contentsOf: URL(fileURLWithPath: path))
}

/// So many instruments: the default ones, then invented ones.
func instruments(_ count: Int) -> [Instrument] {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    let invented = (0..<max(0, count - Instrument.defaults.count)).map { number in
        let base = "X\(letters[number / 26 % 26])\(letters[number % 26])"
        let pair = "\(base)_Y\(letters[number / 676 % 26])Z"
        return Instrument(pair: Pair(pair)!, epic: "CS.D.\(pair.filter { $0 != "_" }).CFD.IP")
    }
    return Array(Instrument.defaults.prefix(count)) + invented
}

/// Says nothing unless something is wrong, on standard error.
let logger: Logger = {
    var logger = Logger(label: "bench") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .error
    return logger
}()
