import ArgumentParser
import Candles
import Foundation
import Host
import MarketData
import StreamIngest
import Streams
import Wire

/// Bytes of the streaming server to tick records: session, fields, prices, times.
struct Parse: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Parses update lines into ticks.")

    @Argument(help: "lines.txt of `bench make-data`.") var lines: String
    @Option var pairs = 28

    /// As much as one read of a busy connection brings.
    private static let chunk = 65_536

    func run() throws {
        let data = try load(lines)
        // The first updates are whole, so every pass needs a session of its own.
        _ = try pass(data.prefix(data.count / 10))
        try report(try pass(data))
    }

    private func pass(_ data: Data) throws -> Throughput {
        var feed = FeedPass(
            instruments: instruments(pairs), start: UTCNanos(rawValue: MakeData.start * UTCNanos.perMillisecond))
        // The session began at 0.
        let began = Clock.system.monotonic()
        let seconds = data.withUnsafeBytes { bytes in
            measure {
                for start in stride(from: 0, to: bytes.count, by: Parse.chunk) {
                    let end = min(bytes.count, start + Parse.chunk)
                    feed.received(
                        UnsafeRawBufferPointer(rebasing: bytes[start..<end]), time: Clock.system.now(),
                        monotonic: Clock.system.monotonic() - began)
                }
            }
        }
        return Throughput(count: feed.tickCount, seconds: seconds, checksum: feed.sum)
    }
}

/// The candles that came out of a fold, added up.
struct Folded {
    private(set) var candles = 0
    private(set) var sum: Int64 = 0

    /// Takes what is new away, as the aggregator does after each turn.
    mutating func take(_ builder: inout CandleBuilder) {
        for candle in builder.output.lazy.compactMap(\.candle) {
            candles += 1
            sum &+= candle.bid.close.rawValue &+ candle.ask.high.rawValue &+ candle.mid.low.rawValue
            sum &+= Int64(candle.tickCount)
        }
        builder.output.removeAll(keepingCapacity: true)
    }
}

/// Ticks in memory to candles.
struct Fold: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Folds tick records into candles.")

    @Argument(help: "ticks.bin of `bench make-data`.") var ticks: String
    @Option(help: "Minutes of each timeframe.") var timeframes = "5,15"

    func run() throws {
        let data = try load(ticks)
        _ = pass(data.prefix(data.count / 640 * 64))
        try report(pass(data))
    }

    private func pass(_ data: Data) -> Throughput {
        var options = CandleBuilder.Options()
        options.timeframes = timeframes.split(separator: ",").compactMap { Timeframe($0) }
        var builder = CandleBuilder(options: options)
        var folded = Folded()
        let count = data.count / TickEnvelope.byteCount
        let seconds = data.withUnsafeBytes { bytes in
            measure {
                for first in stride(from: 0, to: count, by: JournalReader.batchRecords) {
                    let end = min(count, first + JournalReader.batchRecords)
                    builder.fold(
                        UnsafeRawBufferPointer(
                            rebasing: bytes[first * TickEnvelope.byteCount..<end * TickEnvelope.byteCount]))
                    folded.take(&builder)
                }
            }
        }
        return Throughput(count: count, seconds: seconds, candles: folded.candles, checksum: folded.sum)
    }
}

/// A journal to candles, by the reader that the aggregator uses.
struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Folds a tick journal into candles.")

    /// Nobody publishes.
    private final class Silence: LiveSource {
        func wait(milliseconds: Int, stop: Int32) {}
        func receive(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool { false }
    }

    @Argument(help: "The journal's folder.") var journal: String

    func run() throws {
        var builder = CandleBuilder(options: CandleBuilder.Options())
        var folded = Folded()
        var count = 0
        let seconds = try measure {
            let reader = try StreamReader(
                live: Silence(), journalFolder: journal, recordSize: TickEnvelope.byteCount, from: nil, logger: logger)
            while !reader.isLive {
                count += try reader.pollBytes(milliseconds: 0, stop: -1) { builder.fold($0) }
                folded.take(&builder)
            }
        }
        try report(Throughput(count: count, seconds: seconds, candles: folded.candles, checksum: folded.sum))
    }
}
