internal import Aggregation
internal import ArgumentParser
internal import Host
internal import Logging
internal import Settings
internal import Streams

@main
struct AggregatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aggregator",
        abstract: "Folds ticks into candles, and derives larger candles from bought history.",
        discussion: """
            Reads the ticks stream (journal, then bus), folds every tick into candles of
            the configured timeframes, and publishes each final candle on the candles
            stream. Passes on the candles that ingest-backfill bought, and derives larger
            candles from them. Needs no credentials and no network. You can stop, kill and
            start it at any time: it replays both journals and continues where its own
            journal ends.

            Prints READY on standard output when it serves. SIGTERM stops it in order.


            """ + Program.environmentHelp,
        version: Program.version)

    @OptionGroup var options: StageOptions

    func run() {
        Program.run("aggregator", options) { setup, logger in
            let aggregator = try Aggregation.Aggregator(
                paths: setup.paths, configuration: setup.configuration, bus: try SocketBus(setup.paths),
                service: setup.service, clock: .system, logger: logger)
            Program.ready([("candles", aggregator.endpoint)])
            try aggregator.run(until: setup.stop)
        }
    }
}
