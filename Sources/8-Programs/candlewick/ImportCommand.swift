internal import ArgumentParser
internal import CandleFiles
internal import Host
internal import Logging
internal import MarketData
internal import Settings

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Imports candles from a CSV file.",
        discussion: """
            The first row names the columns: timestamp (Unix seconds) or time (ISO 8601,
            UTC); open, high, low, close, or bid_open … bid_close and ask_open …
            ask_close; pair and timeframe, unless the options name them; optionally
            volume or tick_count, and complete (rows with 0 are left out). If the file has
            only open, high, low and close, they are used for bid, ask and mid alike.

            The whole file is checked first: one bad row, and nothing is imported. Candles
            go through the history stream like bought ones, so aggregator and store-writer
            store them now or at their next start. A streamed, bought or derived candle
            takes precedence over an imported one; an imported one over a partial one.
            Importing again changes nothing, nor does a file of what is stored; other
            values for the same interval replace the former import's. Times before 2000 are
            refused. The summary includes the effect on repair: an import never makes
            repair buy more. Cannot run while ingest-backfill runs (exit code 75).

            EXAMPLES
              candlewick import old.csv --pair EUR_USD --timeframe 5m
              candlewick import all.csv --check
            """)

    @Argument(help: "The file.", completion: .file(extensions: ["csv"]))
    var file: String

    @Option(help: "Pair of all rows, if the file has no column pair.")
    var pair: Pair?

    @Option(name: .shortAndLong, help: "Timeframe of all rows, if the file has no column timeframe.")
    var timeframe: Timeframe?

    @OptionGroup var collector: CollectorOption

    @Flag(help: "Check the file and count; import nothing.")
    var check = false

    @Flag(help: "Print the summary as one JSON object.")
    var json = false

    func run() {
        Program.run("candlewick", logLevel: .error) { logger in
            let stop = try StopSignal()
            let (paths, configuration) = try collector.configured(try Paths(environment: .process))
            let file = try CandleFile(
                path: file, pair: pair, timeframe: timeframe, endedBy: Clock.system.now().seconds)
            let candles = try CandleImport(
                file.candles, paths: paths, repairDays: configuration.history.repairDays, clock: .system)
            var outcome = "would be imported"
            if !check, !candles.candles.isEmpty {
                try candles.handOver(settings: configuration.journal, logger: logger)
                outcome =
                    candles.waitUntilStored(seconds: 10, stop: stop)
                    ? "imported" : "handed over, and stored once aggregator and store-writer run"
            } else if !check {
                outcome = "imported"
            }
            let repair = candles.repair
            let counts = (candles.candles.count, candles.known, file.partial)
            Program.write(
                standardOutput: json
                    ? "{\"candles\":\(counts.0),\"known\":\(counts.1),\"partial\":\(counts.2),\"outcome\":\"\(outcome)\",\"repairFrom\":\(repair.begins.map(String.init) ?? "null"),\"filled\":\(repair.filled)}\n"
                    : "\(counts.0) \(counts.0 == 1 ? "candle" : "candles") \(outcome); \(counts.1) stored already, \(counts.2) partial ones left out\n\(repair.sentence)\n"
            )
        }
    }
}
