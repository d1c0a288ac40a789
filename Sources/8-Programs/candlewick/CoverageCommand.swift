internal import Engines
internal import Store
internal import Reports
internal import ArgumentParser
internal import Charts
internal import Host
internal import Inspection
internal import MarketData
internal import Settings

struct CoverageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coverage",
        abstract: "Shows streamed, bought, partial and missing intervals by pair and day.",
        discussion: """
            A heat map: one row for each pair, one column for each day (UTC), up to the
            day of the newest candle. An interval without a tick is not counted if the
            feed was up, nor is one before the pair's first candle. Draws in the terminal,
            or into files by gnuplot: --png, --svg, --html.

            EXAMPLES
              candlewick coverage
              candlewick coverage --days 60 -t 15m --png coverage.png
              candlewick coverage EUR_USD GBP_USD --json
            """)

    @Argument(help: "Pairs; default: all stored pairs.")
    var pairs: [Pair] = []

    @Option(name: .shortAndLong, help: "The timeframe; default: the smallest stored.")
    var timeframe: Timeframe?

    @Option(help: "Number of days.")
    var days = 14

    @OptionGroup var picture: PictureOptions

    @Flag(help: "Print the counts as one JSON object.")
    var json = false

    func validate() throws {
        guard (1...3_660).contains(days) else { throw ValidationError("--days must be 1 to 3,660") }
        if json, !picture.files.isEmpty { throw ValidationError("--json and a picture's file exclude each other") }
    }

    func run() {
        look { (paths: Paths, collectors: Collectors) in
            try picture.check()
            let reader = try storeEngine.openReader(paths)
            guard let timeframe = try timeframe ?? reader.series().map(\.timeframe).min() else {
                throw Failure(.unavailable, "no candle is stored in \(reader.path)")
            }
            let coverage = try Coverage(
                reader, pairs: pairs, timeframe: timeframe, days: days,
                calendar: collectors.calendar)
            if json {
                Program.write(standardOutput: coverage.json)
                return
            }
            let chart = CoverageChart(coverage, timeframe)
            if picture.files.isEmpty {
                let text = chart.terminal(
                    columns: (Terminal.size ?? .usual).columns, colours: TextStyle.terminal.hasColours)
                Program.write(standardOutput: text)
            }
            try picture.write(chart)
        }
    }
}

extension CoverageChart {
    fileprivate init(_ coverage: Coverage, _ timeframe: Timeframe) {
        let rows = coverage.rows.map { row in
            Row(
                pair: row.pair,
                days: row.cells.map {
                    Day(
                        expected: $0.expected - $0.quiet, streamed: $0.streamed, bought: $0.bought, partial: $0.partial,
                        isBefore: $0.before > 0)
                })
        }
        self.init(timeframe: timeframe, firstDay: coverage.firstDay, rows: rows)
    }
}
