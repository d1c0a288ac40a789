internal import ArgumentParser
internal import Host
internal import Logging
internal import MarketData
internal import Refolding
internal import Reports
internal import Settings
internal import Streams

struct RefoldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refold",
        abstract: "Makes the past of a timeframe out of ticks and smaller candles.",
        discussion: """
            Folds the ticks of archive and journal once more for the given timeframes, as
            the aggregator would have done, and makes older candles out of complete
            smaller ones in the database. Costs no points. The candles go through the
            stream refold to store-writer, while everything runs; live candles go first.
            It may be ended at any moment; running it again changes no row that is right.

            A complete candle out of ticks counts as streamed, one out of smaller candles
            as derived. Intervals that lack a smaller candle get none, and are counted.

            With --new it makes the past of the configuration's timeframes that have none,
            and prints no summary. If each has its past, it ends at once. systemd runs it
            after each start of the aggregator.

            EXAMPLES
              candlewick refold --timeframe 1h --timeframe 4h
              candlewick refold --timeframe 1d --since 2026-01-01
              candlewick refold --new
            """)

    @Option(name: .shortAndLong, help: "A timeframe: 5m, 1h, 1d; may be repeated.")
    var timeframe: [Timeframe] = []

    @Flag(help: "The configuration's timeframes that have no past yet.")
    var new = false

    @Option(help: ArgumentHelp("Leave out candles that begin before. \(Moment.help)."))
    var since: Moment?

    @Option(name: .shortAndLong, help: "Only this pair; may be repeated.")
    var pair: [Pair] = []

    @OptionGroup var collector: CollectorOption

    @Flag(help: "Print the summary as one JSON object.")
    var json = false

    func validate() throws {
        if new, !(timeframe.isEmpty && pair.isEmpty && since == nil) {
            throw ValidationError("--new makes the whole past: it takes neither --timeframe, --since nor --pair")
        }
        if !new, timeframe.isEmpty { throw ValidationError("name a --timeframe, or --new") }
    }

    func run() {
        Program.run("candlewick", logLevel: Terminal.size == nil && !json ? .info : .error) { logger in
            let stop = try StopSignal()
            let collectors = try Collectors(environment: .process, paths: try Paths(environment: .process))
            let (paths, configuration) = try collector.configured(try Paths(environment: .process))
            let refolding = Refolding(
                paths: paths, configuration: configuration, file: collectors.files[paths.collector],
                bus: try SocketBus(paths), stop: stop, clock: .system, logger: logger)
            let named = RefoldTask(timeframes: timeframe, pairs: Set(pair), since: since?.time.seconds)
            guard let task = new ? try refolding.newTask() : named else { return }
            let display = RefoldDisplay(columns: json ? nil : Terminal.size?.columns, logger)
            var summary = try refolding.run(task) { display.show($0) }
            // The aggregator's unit does not wait for it.
            if !new { summary.isStored = refolding.waitUntilStored(summary) { display.show($0) } }
            display.end()
            if !new || json { Program.write(standardOutput: json ? summary.json : summary.text(.terminal)) }
        }
    }
}

/// The progress: a line on a terminal, else a line in the log every 10 seconds.
private final class RefoldDisplay {
    private let columns: Int?
    private let logger: Logger
    /// Monotonic time of the next line in the log.
    private var nextLine: Int64
    private var hasLine = false
    private static let pause: Int64 = 10_000_000_000

    init(columns: Int?, _ logger: Logger) {
        (self.columns, self.logger) = (columns, logger)
        nextLine = Clock.system.monotonic() + RefoldDisplay.pause
    }

    func show(_ progress: RefoldProgress) {
        if let columns {
            let line = String(progress.text.prefix(columns - 1))
            Program.write(standardOutput: "\r" + line + String(repeating: " ", count: columns - 1 - line.count))
            hasLine = true
        } else if Clock.system.monotonic() >= nextLine {
            nextLine = Clock.system.monotonic() + RefoldDisplay.pause
            logger.info("\(progress.text)")
        }
    }

    /// Makes place for what follows.
    func end() {
        guard hasLine, let columns else { return }
        Program.write(standardOutput: "\r" + String(repeating: " ", count: columns - 1) + "\r")
    }
}
