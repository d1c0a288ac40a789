internal import ArgumentParser
internal import Engines
internal import Host
internal import Logging
internal import Settings
internal import Store
internal import StoreWriting
internal import Streams

@main
struct StoreWriterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store-writer",
        abstract: "Stores the candles stream in the database.",
        discussion: """
            Reads the candles stream (journal, then bus) and writes each candle, each
            feed event and each history request to the database, in one transaction with
            the position in the stream. If an interval has several candles, readers see
            the best: complete streamed, bought, derived, partial. No other program writes
            the database; readers open it read-only at any time. After its commit, each
            stored candle is published on the stored stream. Needs no login of the broker,
            and a network only to a PostgreSQL server. You can stop, kill and start
            store-writer at any time.

            Prints READY on standard output when it serves. SIGTERM stops it in order.


            """ + Program.environmentHelp,
        version: Program.version)

    @OptionGroup var options: StageOptions

    func run() {
        Program.run("store-writer", options) { setup, logger in
            let store = try storeEngine.openWriter(
                setup.paths, enforcesOpinions: setup.configuration.secondOpinion == .enforce)
            let writer = try StoreWriter(
                paths: setup.paths, configuration: setup.configuration, store: store, bus: try SocketBus(setup.paths),
                service: setup.service, clock: .system, logger: logger)
            Program.ready([("stored", writer.endpoint), ("database", setup.paths.database)])
            try writer.run(until: setup.stop)
        }
    }
}
