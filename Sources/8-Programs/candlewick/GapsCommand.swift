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
        abstract: "Lists missing and partial candles.",
        discussion: """
            Checks each interval of the instrument's hours (by default Sunday 17:00 to
            Friday 17:00 in New York) from the oldest to the newest stored candle.
            'partial': the feed was down or lost updates during the interval. 'missing':
            no candle is stored, and no collector saw the feed. An interval without a
            tick is not listed if the feed was up. 'repair' shows whether 'ingest-backfill
            repair' will buy the interval: it buys nothing older than the first streamed
            candle or than history.repair_days.

            EXAMPLES
              candlewick gaps
              candlewick gaps EUR_USD --timeframe 5m --days 30
            """)

    @OptionGroup var series: SeriesOptions

    @Option(help: "Number of days back from the newest candle.")
    var days = 7

    @Flag(help: "End with exit code 65 if an interval is listed, 69 if the pipeline is blind now (see 'status').")
    var check = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...3_660).contains(days) else { throw ValidationError("--days must be 1 to 3,660") }
    }

    func run() {
        look { (paths: Paths, collectors: Collectors) in
            let reader = try storeEngine.openReader(paths)
            let report = try GapsReport(
                reader, pairs: series.pairs, timeframe: series.timeframe, days: days, collectors: collectors,
                now: try FeedClock(paths: paths, collectors: collectors.all, now: Clock.system.now()).now)
            output.show(report)
            guard check else { return }
            if !report.isEmpty { throw Failure(.badData, "there are gaps") }
            let status = try StatusReport(paths: paths, collectors: collectors, clock: .system)
            if !status.failures.isEmpty { throw Failure(.unavailable, status.failures.joined(separator: "; ")) }
        }
    }
}
