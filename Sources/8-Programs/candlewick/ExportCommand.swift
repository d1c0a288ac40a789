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
        abstract: "Writes stored candles as CSV, JSON Lines, or files for another program.",
        discussion: """
            One row for each candle, in the order pair, timeframe, time; prices are exact
            decimals, times Unix seconds UTC. The columns are those of a view of the
            database: 'candles_full' (all candles, with bid, ask, mid and their missing
            time; 'import' reads it) or 'candles' (complete candles, mid).

            The formats backtrader, backtesting (backtesting.py), freqtrade (its format
            json), lean (QuantConnect) and mt5 (MetaTrader 5) are files for these programs:
            complete candles only, in a folder under the names that the program expects;
            one series of all but lean may go to standard output. lean has bid and ask, of
            1m, 1h and 1d alone; the others have one price, mt5 also the spread at the
            close in points.

            EXAMPLES
              candlewick export > all.csv
              candlewick export EUR_USD -t 15m --view candles --format jsonl
              candlewick export --since 2026-11-01 --output november.csv
              candlewick export EUR_USD -t 1h --format mt5 --output mt5
            """)

    @OptionGroup var series: SeriesOptions

    @OptionGroup var wanted: RangeOptions

    @Option(help: "csv or jsonl; or backtrader, backtesting, freqtrade, lean or mt5.")
    var format = ExportFormat.rows(.csv)

    @Flag(help: "Same as --format jsonl.")
    var json = false

    @Option(help: "The columns of csv and jsonl: candles_full (default) or candles.")
    var view: CandleExport.View?

    @OptionGroup var files: FilesOptions

    @Option(
        name: .shortAndLong, help: "Output file, or folder of another program's files; default: standard output.",
        completion: .file())
    var output: String?

    func validate() throws {
        if json, case .files = format { throw ValidationError("--json and --format exclude each other") }
        try files.check(format, hasView: view != nil)
    }

    func run() {
        read { reader in
            let all = try reader.statistics(of: series.pairs, series.timeframe)
            guard !all.isEmpty else { throw Failure(.unavailable, "no such candle is stored in \(reader.path)") }
            if case .files(let program) = format {
                try files.write(program, all, from: reader, to: output, range: range)
                return
            }
            let export = CandleExport(reader, view: view ?? .candlesFull, format: rows)
            let file = try output.map { try NewFile(path: $0, replacing: files.replace) }
            func put(_ text: String) throws -> Bool {
                guard let file else { return Program.write(standardOutput: text) }
                try file.write(text)
                return true
            }
            guard try put(export.head) else { return }
            var count = 0
            for line in all {
                if let range = range(line) { count += try export.write(line.series, in: range, put) }
            }
            try file?.publish()
            if let output { Program.write(standardError: "\(count) candles written to \(output)\n") }
        }
    }

    private var rows: CandleExport.Format {
        if !json, case .rows(let rows) = format { rows } else { .jsonl }
    }

    /// The starts that are wanted of a series.
    private func range(_ line: SeriesStatistics) -> Range<UTCSeconds>? {
        let range = wanted.range.clamped(to: line.oldest..<(line.newest + line.series.timeframe))
        return range.isEmpty ? nil : range
    }
}
