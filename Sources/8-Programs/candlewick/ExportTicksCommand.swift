internal import ArgumentParser
internal import CandleFiles
internal import Host
internal import MarketData

struct ExportTicksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ticks",
        abstract: "Writes ticks as CSV, JSON Lines or Parquet.",
        discussion: """
            One row for each tick, in the order of position, from archive and journal:
            time (as the broker stamped it), receive_time, pair, bid, ask, position,
            flags (the bits of \(Document.path("formats.md")) § 1.1). Times are UTC, ISO 8601 with
            nanoseconds; prices are exact decimals; a side that the broker did not send
            is empty (CSV) or null (JSON Lines). Parquet has the columns of the archive
            and the pair: prices in units of 1e-9, 0 for a side that is missing.

            With --events the feed's events stand between the ticks, those of the whole
            feed without a pair: columns event, detail_1 and detail_2 (§ 1.3).

            EXAMPLES
              candlewick export ticks EUR_USD --since 2026-11-23 > monday.csv
              candlewick export ticks --format parquet --output all.parquet
              candlewick export ticks EUR_USD GBP_USD --format jsonl --events | head
            """)

    @Argument(help: "Pairs; default: all.")
    var pairs: [Pair] = []

    @Option(help: ArgumentHelp("First moment to export. \(Moment.help)."))
    var since: Moment?

    @Option(help: "Export ticks before this moment.")
    var until: Moment?

    @Option(help: "csv, jsonl or parquet.")
    var format = TickExport.Format.csv

    @Flag(help: "Same as --format jsonl.")
    var json = false

    @Flag(help: "The feed's events too.")
    var events = false

    @Option(name: .shortAndLong, help: "Output file; default: standard output.", completion: .file())
    var output: String?

    @Flag(help: "Replace a file that is there already.")
    var replace = false

    @OptionGroup var collector: CollectorOption

    func validate() throws {
        if let since, let until, since.time >= until.time {
            throw ValidationError("--until must be later than --since")
        }
        if json, format == .parquet { throw ValidationError("--json and --format parquet exclude each other") }
        if format == .parquet, output == nil, Terminal.size != nil {
            throw ValidationError("a Parquet file does not go to a terminal: name a file by --output")
        }
    }

    func run() {
        look { all in
            let stop = try StopSignal()
            let times = (since?.time ?? .min)..<(until?.time ?? .max)
            let export = try TickExport(
                try collector.chosen(all), .init(pairs: Set(pairs), times: times, hasEvents: events))
            let file = try output.map { try NewFile(path: $0, replacing: replace) }
            let count = try export.write(json ? .jsonl : format, stop: stop) { bytes in
                guard let file else { return Program.write(standardOutput: bytes) }
                try file.write(bytes)
                return true
            }
            try file?.publish()
            if let output { Program.write(standardError: "\(count) ticks written to \(output)\n") }
        }
    }
}
