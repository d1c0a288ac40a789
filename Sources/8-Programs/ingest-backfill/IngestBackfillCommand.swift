internal import ArgumentParser
internal import Backfill
internal import Host
internal import Logging
internal import MarketData
internal import Settings

@main
struct IngestBackfillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest-backfill",
        abstract: "Buys history from IG within the weekly allowance, and repairs holes.",
        discussion: """
            IG sells 10,000 historical candles a week: one point is one candle. This
            program finds the candles that the store lacks, plans, buys, and publishes
            them on the history stream; aggregator and store-writer do the rest. It never
            buys a candle that is stored or can be derived from smaller ones. It may run
            before, during or without streaming. You can kill it at any time: it continues
            when you start it again. Without arguments, on a terminal, it shows a menu.
            run, batch and repair show their plan on a terminal and ask before they spend;
            --yes buys at once, as they do under a timer and in scripts. --max-points
            bounds a run: batch then buys all or nothing, the others the newest candles.
            The arithmetic: \(Document.path("quota.md")).

            SIGTERM lets the current request finish and ends the program within 5 s. Here
            exit code 0 means that all candles are bought; 69, the broker did not answer
            or refused; 75, the points are spent or another process buys: try later;
            77, the files belong to another user.

            """ + Program.credentialsHelp + Program.environmentHelp,
        version: Program.version,
        subcommands: [PlanCommand.self, RunCommand.self, BatchCommand.self, RepairCommand.self, QuotaCommand.self])

    @OptionGroup var options: BackfillOptions

    func run() throws {
        guard hasPerson else {
            throw ValidationError("name a subcommand (plan, run, batch, repair, quota); a menu needs a terminal")
        }
        options.serve { backfill, setup, _ in
            try menu(backfill, setup).run()
        }
    }
}

/// Whether a person can be asked.
private var hasPerson: Bool { Terminal.size != nil && Terminal.isInput }

private func menu(_ backfill: Backfill, _ setup: StageSetup) -> Menu {
    Menu(
        backfill: backfill, paths: setup.paths, configuration: setup.configuration, clock: .system,
        progress: ProgressDisplay(clock: .system, columns: Terminal.size?.columns),
        read: { Terminal.line(until: setup.stop) })
}

/// The options of every subcommand.
struct BackfillOptions: ParsableArguments {
    @OptionGroup var stage: StageOptions
    @Flag(help: "Spend the reserve as well (history.reserve_points).") var spendReserve = false
    @Option(help: "The most points that may be spent in this run.") var maxPoints: Int?

    mutating func validate() throws {
        guard maxPoints ?? 1 >= 1 else { throw ValidationError("--max-points must be 1 or more") }
    }

    /// - Parameter looks: it changes nothing, and prints the folder.
    func serve(looks: Bool = false, _ body: (Backfill, StageSetup, Logger) throws -> Void) -> Never {
        Program.run("ingest-backfill", stage, makesFolders: !looks) { setup, logger in
            if looks { Program.write(standardOutput: "State folder \(setup.paths.state)\n") }
            let backfill = Backfill(
                paths: setup.paths, configuration: setup.configuration, environment: setup.environment,
                stop: setup.stop, clock: .system, logger: logger)
            if spendReserve { backfill.reserve = 0 }
            if let maxPoints { backfill.maxPoints = maxPoints }
            try body(backfill, setup, logger)
        }
    }

    /// Buys, and ends the process as that ended. On a terminal it shows the plan and asks first.
    func buy(_ consent: Consent, _ task: @escaping (Backfill) throws -> BackfillTask) -> Never {
        serve { backfill, setup, _ in
            let task = try task(backfill)
            let asks = hasPerson && !consent.yes
            let summary =
                asks ? try menu(backfill, setup).buy(task) : try BackfillOptions.carryOut(task, by: backfill)
            guard let summary else {
                if let refusal = try backfill.propose(task).refusal { throw Failure(.temporary, refusal) }
                return
            }
            if summary.exitCode != .ok { throw Failure(summary.exitCode, summary.reason) }
        }
    }

    private static func carryOut(_ task: BackfillTask, by backfill: Backfill) throws -> BackfillSummary {
        let progress = ProgressDisplay(clock: .system, columns: Terminal.size?.columns)
        let summary = try backfill.carryOut(task, progress: progress)
        progress.end()
        Program.write(standardOutput: summary.report(task))
        return summary
    }
}

/// Whether a person at a terminal is asked before points are spent.
struct Consent: ParsableArguments {
    @Flag(help: "Buy without asking. Without a terminal it never asks.") var yes = false
}

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what would be bought and its cost. Works offline; spends no points.",
        discussion: """
            Shows the arithmetic of an empty store under this configuration, then what
            run, each batch and repair would do now. --depth, --timeframes and --pairs
            show the arithmetic of another choice instead.
            """)

    @OptionGroup var options: BackfillOptions
    @Option(help: "Candles of each timeframe.") var depth: Int?
    @Option(help: "Timeframes such as 1m,5m,1h.") var timeframes: String?
    @Option(help: "Number of pairs.") var pairs: Int?

    mutating func validate() throws {
        guard (1...10_000).contains(depth ?? 1) else { throw ValidationError("--depth must lie between 1 and 10000") }
        guard (1...100_000).contains(pairs ?? 1) else { throw ValidationError("--pairs must lie between 1 and 100000") }
        _ = try chosenTimeframes()
    }

    func run() {
        options.serve(looks: true) { backfill, setup, _ in
            let history = setup.configuration.history
            if depth != nil || timeframes != nil || pairs != nil {
                let choice = FreshChoice(pairs: pairs, timeframes: try chosenTimeframes(), depth: depth)
                Program.write(standardOutput: try backfill.freshReport(choice))
                return
            }
            Program.write(standardOutput: try backfill.freshReport(FreshChoice()))
            let batches = (0..<backfill.batchCount()).map { BackfillTask.batch($0 + 1) }
            for task in [.run] + batches + [.repair] {
                Program.write(standardOutput: "\n" + (try backfill.propose(task).report(history)))
            }
        }
    }

    private func chosenTimeframes() throws -> [Timeframe]? {
        guard let timeframes else { return nil }
        guard !timeframes.isEmpty else { throw ValidationError("--timeframes needs at least one, such as 5m,15m") }
        return try timeframes.split(separator: ",").map { text in
            guard let timeframe = Timeframe(text) else {
                throw ValidationError(Timeframe.refusal(of: text))
            }
            return timeframe
        }
    }
}

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Buys the last candles of every pair and timeframe: the one-week plan.",
        discussion: """
            Larger timeframes are derived from smaller ones as far back as these reach. If this week's points do not
            buy everything, run it again next week.
            """)

    @OptionGroup var options: BackfillOptions
    @OptionGroup var consent: Consent

    func run() { options.buy(consent) { _ in .run } }
}

struct BatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch", abstract: "Buys a batch of pairs: each candle of each timeframe, none derived.",
        discussion: "A batch has as many pairs as a week's allowance buys. Buys all of it or nothing.")

    @OptionGroup var options: BackfillOptions
    @OptionGroup var consent: Consent
    @Argument(help: "Number of the batch, from 1.") var number: Int

    mutating func validate() throws {
        guard number >= 1 else { throw ValidationError("batches are counted from 1") }
    }

    func run() {
        options.buy(consent) { backfill in
            let count = backfill.batchCount()
            guard number <= count else {
                throw Failure(
                    .usage,
                    count == 0
                        ? "a week's allowance cannot buy a single pair"
                        : "batch \(number) does not exist: the batches are 1 to \(count)")
            }
            return .batch(number)
        }
    }
}

struct RepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Buys candles that are missing or partial since the stream began.",
        discussion: """
            Buys the newest holes first: those of the last history.repair_days, at most
            history.repair_points in a run and history.repair_week_percent of the week's
            points. The reserve is for holes of the last day. If nothing is missing it
            sends no request.
            """)

    @OptionGroup var options: BackfillOptions
    @OptionGroup var consent: Consent

    func run() { options.buy(consent) { _ in .repair } }
}

struct QuotaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota", abstract: "Shows the points left and the outcome of each request. Works offline.")

    @OptionGroup var options: BackfillOptions

    func run() {
        options.serve(looks: true) { backfill, _, _ in
            Program.write(
                standardOutput: try backfill.ledger().report(
                    now: Clock.system.now().seconds, reserve: backfill.reserve))
        }
    }
}
