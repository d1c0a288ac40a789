internal import ArgumentParser
internal import Host
internal import Inspection
internal import MarketData
internal import Streams

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compares candles with those that the broker makes itself.",
        discussion: """
            The items that the pairs leave free bring the broker's own candles, one pair
            after the other. 'agree': open, high, low and close of bid and ask are equal.
            'differ': some are not. 'disputed': the broker saw a higher high or a lower
            low, so a tick may be missing here. Candles that are partial anyhow are not
            judged, and 'waiting' ones have no candle of ours yet. With --ticks, each
            difference is shown with the ticks of its interval.

            EXAMPLES
              candlewick compare
              candlewick compare EUR_USD --days 1 --differences 1 --ticks
              candlewick compare --check    exit code 65 if a candle is disputed
            """)

    @Argument(help: "Pairs; without any, all that were compared.")
    var pairs: [Pair] = []

    @Option(help: "How many days back from now.")
    var days = 7

    @Option(help: "How many differences are shown, newest first.")
    var differences = 5

    @Flag(help: "Every tick of the intervals that differ.")
    var ticks = false

    @Flag(help: "Exit code 65 if a candle is disputed and not repaired.")
    var check = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...3_660).contains(days) else { throw ValidationError("--days must be 1 to 3,660") }
        guard (0...100_000).contains(differences) else { throw ValidationError("--differences must be 0 to 100,000") }
    }

    func run() {
        look { paths in
            let now = try FeedClock(paths: paths, now: Clock.system.now()).now
            let report = try ComparisonReport(
                paths: paths, pairs: pairs, since: now - Int64(days) * 86_400, differences: differences,
                showsTicks: ticks)
            output.show(report)
            if check, report.hasDisputes { throw Failure(.badData, "the broker's own candles dispute ours") }
        }
    }
}
