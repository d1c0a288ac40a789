import ArgumentParser
import CandleReader
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

/// A bot: waits for candles, and reads each from the database.
struct Readable: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Notes how long after the end of its interval each candle could be read from the database.")

    private struct Result: Encodable {
        var nanoseconds: [Int64]
        /// How much later a heartbeat came than its own time says, at least: the difference of the clocks.
        var clockDifference: Int64
    }

    @Argument(help: "The pipeline's state and runtime folder.") var folder: String
    @Option(help: "Ends after so many candles.") var count = 28
    @Option(help: "Ends after so many seconds in any case.") var seconds = 600

    func run() throws {
        let stop = try StopSignal()
        let paths = try Paths(state: folder)
        let clocks = try Subscriber(
            context: try BusContext(), endpoint: try paths.endpoint(.ticks), topics: ["CLCK"])
        let stored = try StoredCandles(paths: paths)
        let reader = try CandleReader(path: paths.database)
        var difference = Int64.max
        var ages: [Int64] = []
        let end = Clock.system.monotonic() + Int64(seconds) * UTCNanos.perSecond
        while ages.count < count, Clock.system.monotonic() < end, !stop.isRaised {
            while clocks.receive({ message in
                let clock = message.loadUnaligned(as: TickEnvelope.self)
                difference = min(difference, clock.receiveTime.rawValue - clock.brokerTime.rawValue)
            }) {}
            guard let new = stored.next(milliseconds: 250) else { continue }
            let candle = try reader.latest(new.series.pair, new.series.timeframe, .all)
            precondition(candle?.timestamp == new.candle.timestamp)
            let intervalEnd = new.candle.timestamp * UTCNanos.perSecond + new.series.timeframe.nanos
            ages.append(Clock.system.now().rawValue - intervalEnd)
        }
        try report(Result(nanoseconds: ages.map { $0 - difference }, clockDifference: difference))
    }
}
