internal import ArgumentParser
internal import Engines
internal import Host
internal import Logging
internal import Settings
import Store
internal import StoreWriting
internal import Streams

@main
struct StoreWriterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store-writer",
        abstract: "Writes the candles stream to SQLite.",
        discussion: """
            Reads the candles stream (journal, then bus) and writes each candle, each
            feed event and each request for history to the database, together with the
            position in the stream, in one transaction. Of several candles of an
            interval readers see the best: whole streamed, bought, derived, partial. The
            only program that writes the database; readers open it read-only at any
            time. Each stored candle goes out on the stored stream after its commit.
            Needs no credentials and no network. May be stopped, killed and started at
            any time.

            Says READY on standard output when it serves. SIGTERM ends it in order.

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
