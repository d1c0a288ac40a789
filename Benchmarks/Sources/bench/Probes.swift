import ArgumentParser
import Candles
import Foundation
import Host
import MarketData
import Streams
import Wire

/// Stands where the aggregator stands, with its reader and its fold, and notes when each tick was folded.
struct Moments: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Notes when each tick of a running feed is folded.")

    private struct Result: Encodable {
        /// Of the monotonic clock, ns, in the order of positions.
        var moments: [Int64]
    }

    @Argument(help: "The pipeline's state and runtime folder.") var folder: String
    @Option(help: "Ends after so many ticks.") var count = 1_000_000

    func run() throws {
        let stop = try StopSignal()
        let paths = try Paths(state: folder)
        let reader = try StreamReader(
            stream: .ticks, paths: paths, from: nil, consumer: .aggregator,
            bus: try SocketBus(paths), logger: logger)
        var builder = CandleBuilder(options: CandleBuilder.Options())
        var moments: [Int64] = []
        moments.reserveCapacity(count)
        while !stop.isRaised, moments.count < count {
            _ = try reader.poll(TickEnvelope.self, milliseconds: 250, stop: stop.descriptor) { record in
                builder.fold(record)
                if record.kind == .tick { moments.append(Clock.system.monotonic()) }
            }
            builder.output.removeAll(keepingCapacity: true)
        }
        try report(Result(moments: moments))
    }
}
