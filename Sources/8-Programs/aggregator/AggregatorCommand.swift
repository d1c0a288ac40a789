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
        abstract: "Folds the ticks stream into candles, and derives larger ones of bought history.",
        discussion: """
            Reads the ticks stream (journal, then bus), folds every tick into candles of
            the configured timeframes, and publishes each candle as it becomes final on
            the candles stream. Passes on what ingest-backfill bought, and makes larger
            candles of it. Needs no credentials and no network. May be stopped, killed
            and started at any time: it replays both journals and goes on where its own
            journal ends.

            Says READY on standard output when it serves. SIGTERM ends it in order.

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
