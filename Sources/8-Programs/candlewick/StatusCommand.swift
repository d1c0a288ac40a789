internal import ArgumentParser
internal import Host
internal import Inspection
internal import Settings

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows stages, feed, stored candles, quota and disk.",
        discussion: """
            The first lines are the verdict: each fault, its begin, and what to do. It
            looks for stages that are down, a full disk and a wrong clock; while the
            market is open also for a dead feed, for blind or silent pairs and for overdue
            candles.

            The continuity counts the stored feed events: sessions (a recovered one missed
            nothing, a replaced one left a hole), updates that the broker declared lost,
            and holes by feed time. 'stale' is a pair whose newest candle is older than
            the interval before the last; never while the market is closed.

            With several collectors each finding names its own; what one misses while
            another sees it is a warning.

            Listens to the stages for up to two seconds. Exit code 0 if nothing failed;
            otherwise 69, with the reason. With --stored it reads the database only:
            prints one line, and ends with exit code 69 if no candle is stored.

            EXAMPLES
              candlewick status
              candlewick status --json | python3 -m json.tool
              candlewick status >/dev/null || echo look
              candlewick status --watch --every 5s
              candlewick status --metrics
            """)

    @OptionGroup var output: OutputOptions

    @Flag(help: "Only count the candles in the database.")
    var stored = false

    @Flag(help: "Print every metric that the stages publish, as a table in Markdown.")
    var metrics = false

    @Flag(help: "Show it again and again until Ctrl-C; into a pipe one after the other.")
    var watch = false

    @Option(help: "With --watch: the time between two looks: 1s, 30s, 2m; default: 1s.")
    var every: RunTime?

    func validate() throws {
        guard !watch || !(stored || metrics) else { throw ValidationError("--watch shows the whole status only") }
        guard watch || every == nil else { throw ValidationError("--every goes with --watch") }
        guard !(output.json && stored) else { throw ValidationError("--json and --stored exclude each other") }
        guard !(metrics && stored) else { throw ValidationError("--metrics and --stored exclude each other") }
    }

    func run() {
        if metrics { return output.show(MetricTable()) }
        look { paths in
            if stored { return output.show(Outcome(try StoredCount(paths).text)) }
            if watch { return try show(of: paths) }
            let collectors = try Collectors(environment: .process, paths: paths)
            let report = try StatusReport(paths: paths, collectors: collectors, clock: .system)
            output.show(report)
            if !report.failures.isEmpty { throw Failure(.unavailable, report.failures.joined(separator: "; ")) }
        }
    }

    private func show(of paths: Paths) throws {
        let repetition = Repetition(seconds: every?.seconds ?? 1, clock: .system)
        repetition.run(until: try StopSignal()) {
            let collectors = try Collectors(environment: .process, paths: paths)
            let report = try StatusReport(paths: paths, collectors: collectors, clock: .system)
            return output.json ? report.json : report.text(.terminal) + "\n"
        }
    }
}
