internal import Engines
internal import Store
internal import ArgumentParser
internal import Host
internal import Inspection
internal import MarketData
internal import Settings

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows stages, feed, stored candles, quota and disk.",
        discussion: """
            The continuity counts what the database keeps of the feed: sessions (recovered
            ones missed nothing, replaced ones left a hole), updates that the broker
            declared lost, and the holes, by feed time. 'stale' is a pair whose newest
            candle is older than the interval before the last; while the market is closed
            nothing is.

            The first lines are the verdict: what is wrong, since when, and what to do.
            While the market is open it looks for a dead feed, for pairs that are blind or
            silent, and for candles that are overdue; always for stages that are down, a
            full disk and a wrong clock.

            Listens to the stages for up to two seconds. Exit code 0 if nothing failed;
            otherwise 69, with a sentence. With --stored it asks the database only: one
            line, and exit code 69 if no candle is stored.

            EXAMPLES
              candlewick status
              candlewick status --json | python3 -m json.tool
              candlewick status >/dev/null || echo look
              candlewick status --metrics
            """)

    @OptionGroup var output: OutputOptions

    @Flag(help: "Only how many candles the database holds.")
    var stored = false

    @Flag(help: "Every metric that the stages publish, as a table in Markdown.")
    var metrics = false

    func validate() throws {
        guard !(output.json && stored) else { throw ValidationError("--json and --stored exclude each other") }
        guard !(metrics && stored) else { throw ValidationError("--metrics and --stored exclude each other") }
    }

    func run() {
        if metrics { return output.show(MetricTable()) }
        look { paths in
            if stored { return try reportStored(paths) }
            let configuration = try Configuration.load(environment: .process)
            let report = try StatusReport(paths: paths, configuration: configuration, clock: .system)
            output.show(report)
            if !report.failures.isEmpty { throw Failure(.unavailable, report.failures.joined(separator: "; ")) }
        }
    }

    private func reportStored(_ paths: Paths) throws {
        let lines = try storeEngine.openReader(paths).statistics()
        let count = lines.reduce(0) { $0 + $1.count }
        let pairs = Set(lines.map(\.series.pair)).count
        guard count > 0 else { throw Failure(.unavailable, "no candle stored in \(paths.database)") }
        Program.write(standardOutput: "\(count) candles of \(pairs) pairs stored in \(paths.database)\n")
    }
}
