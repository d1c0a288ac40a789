internal import Engines
internal import Store
internal import ArgumentParser
internal import Host
internal import Inspection
internal import Settings
internal import Streams

struct GapsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gaps",
        abstract: "Lists what is missing or partial.",
        discussion: """
            Looks at each interval of the trading week (Sunday 17:00 to Friday 17:00 in
            New York) from the oldest to the newest stored candle. 'partial' is a candle
            of an interval that was not seen whole, 'missing' an interval of which nothing
            is known. An interval that was seen and had no tick is no gap. 'repair'
            says whether 'ingest-backfill repair' will buy it: not what is older than the
            first streamed candle or than history.repair_days.

            EXAMPLES
              candlewick gaps
              candlewick gaps EUR_USD --timeframe 5m --days 30
            """)

    @OptionGroup var series: SeriesOptions

    @Option(help: "How many days back from the newest candle.")
    var days = 7

    @Flag(help: "Exit code 65 if there is a gap; 69 if the pipeline is blind now, as 'status' says.")
    var check = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...3_660).contains(days) else { throw ValidationError("--days must be 1 to 3,660") }
    }

    func run() {
        look { paths in
            let reader = try storeEngine.openReader(paths)
            let configuration = try Configuration.load(environment: .process)
            let report = try GapsReport(
                reader, pairs: series.pairs, timeframe: series.timeframe, days: days, configuration: configuration,
                now: try FeedClock(paths: paths, now: Clock.system.now()).now)
            output.show(report)
            guard check else { return }
            if !report.isEmpty { throw Failure(.badData, "there are gaps") }
            let status = try StatusReport(paths: paths, configuration: configuration, clock: .system)
            if !status.failures.isEmpty { throw Failure(.unavailable, status.failures.joined(separator: "; ")) }
        }
    }
}
