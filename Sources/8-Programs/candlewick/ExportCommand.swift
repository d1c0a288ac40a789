internal import Store
internal import ArgumentParser
internal import CandleFiles
internal import Host
internal import MarketData

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes candles or ticks as files.",
        discussion: "Without 'candles' or 'ticks' it writes candles: export EUR_USD is export candles EUR_USD.",
        subcommands: [ExportCandlesCommand.self, ExportTicksCommand.self],
        defaultSubcommand: ExportCandlesCommand.self)
}

struct ExportCandlesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candles",
        abstract: "Writes stored candles as CSV or JSON Lines.",
        discussion: """
            One row for each candle, in the order pair, timeframe, time; prices are exact
            decimals, times Unix seconds UTC. The columns are those of a view of the
            database: 'candles_full' (all candles, with bid, ask, mid and their missing
            time; 'import' reads it) or 'candles' (complete candles, mid).

            EXAMPLES
              candlewick export > all.csv
              candlewick export EUR_USD -t 15m --view candles --format jsonl
              candlewick export --since 2026-11-01 --output november.csv
            """)

    @OptionGroup var series: SeriesOptions

    @Option(help: ArgumentHelp("First moment to export. \(Moment.help)."))
    var since: Moment?

    @Option(help: "Export candles before this moment.")
    var until: Moment?

    @Option(help: "csv or jsonl.")
    var format = CandleExport.Format.csv

    @Flag(help: "Same as --format jsonl.")
    var json = false

    @Option(help: "candles_full or candles.")
    var view = CandleExport.View.candlesFull

    @Option(name: .shortAndLong, help: "Output file; default: standard output.", completion: .file())
    var output: String?

    func validate() throws {
        if let since, let until, since.time >= until.time {
            throw ValidationError("--until must be later than --since")
        }
    }

    func run() {
        read { reader in
            let all = try reader.statistics(of: series.pairs, series.timeframe)
            guard !all.isEmpty else { throw Failure(.unavailable, "no such candle is stored in \(reader.path)") }
            let export = CandleExport(reader, view: view, format: json ? .jsonl : format)
            let file = try output.map { try NewFile(path: $0) }
            func put(_ text: String) throws -> Bool {
                guard let file else { return Program.write(standardOutput: text) }
                try file.write(text)
                return true
            }
            guard try put(export.head) else { return }
            var count = 0
            for line in all {
                let from = max(line.oldest, since?.time.seconds ?? line.oldest)
                let end = min(line.newest + line.series.timeframe, until?.time.seconds ?? .max)
                if from < end { count += try export.write(line.series, in: from..<end, put) }
            }
            try file?.publish()
            if let output { Program.write(standardError: "\(count) candles written to \(output)\n") }
        }
    }
}
