internal import ArgumentParser
internal import Host
internal import Inspection
internal import MarketData
internal import Settings
internal import Streams

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compares candles with the broker's own candles.",
        discussion: """
            ingest-stream receives the broker's own candles on the subscriptions that the
            pairs leave free, one pair after the other.

              agree     open, high, low and close of bid and ask are equal
              differ    some of these prices are not equal
              disputed  the broker's high is higher or its low is lower: a tick may be
                        missing here
              waiting   the broker's candle has arrived, ours has not

            With --collectors it compares the whole candles of each two collectors that
            stream the same pair instead, and shows the largest differences.

            Partial candles are not judged. With --ticks, each difference is shown with
            the ticks of its interval.

            EXAMPLES
              candlewick compare
              candlewick compare EUR_USD --days 1 --differences 1 --ticks
              candlewick compare --check    exit code 65 if a candle is disputed
            """)

    @Argument(help: "Pairs; default: all compared pairs.")
    var pairs: [Pair] = []

    @Option(help: "Number of days back from now.")
    var days = 7

    @Flag(help: "Compare the collectors with each other.")
    var collectors = false

    @Option(help: "Number of differences to show: newest first, between collectors the largest first.")
    var differences = 5

    @Flag(help: "Show every tick of the intervals that differ.")
    var ticks = false

    @Flag(help: "End with exit code 65 if a candle is disputed and not repaired, or if the collectors' prices differ.")
    var check = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...3_660).contains(days) else { throw ValidationError("--days must be 1 to 3,660") }
        if collectors, ticks { throw ValidationError("--collectors and --ticks exclude each other") }
        guard (0...100_000).contains(differences) else { throw ValidationError("--differences must be 0 to 100,000") }
    }

    func run() {
        look { (paths: Paths, here: Collectors) in
            let now = try FeedClock(paths: paths, collectors: here.all, now: Clock.system.now()).now
            let since = now - .seconds(days * 86_400)
            if collectors { return try compareCollectors(paths, since: since) }
            let report = try ComparisonReport(
                paths: paths, collectors: here.all, pairs: pairs, since: since, differences: differences,
                showsTicks: ticks)
            output.show(report)
            if check, report.hasDisputes { throw Failure(.badData, "the broker's own candles dispute ours") }
        }
    }

    private func compareCollectors(_ paths: Paths, since: UTCSeconds) throws {
        let report = try CollectorComparison(paths: paths, pairs: pairs, since: since, differences: differences)
        output.show(report)
        if check, report.hasDifferences { throw Failure(.badData, "the candles of two collectors differ") }
    }
}
