internal import Reports
internal import ArgumentParser
internal import Host
internal import Inspection
internal import MarketData
internal import Settings

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Folds the ticks again and compares the result with the database.",
        discussion: """
            Makes every candle again from the ticks and the history of archive and
            journals, and compares each column with the stored one; may run beside the
            stages. For each difference it names the ticks behind it. Candles that are
            older than archive and journals are only counted. Uses the configuration's
            timeframes, closing rule and grace: if they were changed, candles from before
            the change differ.

            Takes some seconds for each day of ticks, and space for a second database in
            the temporary folder; on a terminal it shows how far it is. With --since it
            reads from a day before that moment on. Ctrl-C ends it and leaves nothing.
            Exit code 0 if all are equal, 65 if not, 69 if there is nothing to compare.

            --against FILE compares the database with candles that another program, such
            as python/fold_duckdb.py or python/fold_spark.py, folded from the archive's
            ticks: a CSV file with the columns pair, timeframe, timestamp (Unix seconds),
            bid_open … bid_close, ask_open … ask_close, mid_open … mid_close (decimals,
            empty if no tick brought the side), tick_count, inverted_ticks, and
            optionally ended (0: the archive may lack ticks of the interval); sorted by
            pair, timeframe and timestamp. Partial candles are not compared, since ticks
            alone do not show what is missing.

            EXAMPLES
              candlewick verify
              candlewick verify --since 2026-11-23
              candlewick verify --json
              candlewick verify --against candles.csv
            """)

    @Option(
        help: "Only this collector; default: all of this machine, with --against the only one or the configuration's.")
    var collector: String?

    @Option(help: ArgumentHelp("Only candles that start then or later. \(Moment.help)."))
    var since: Moment?

    @Option(
        help: ArgumentHelp("Compare with the candles of this CSV file instead.", valueName: "file"),
        completion: .file(extensions: ["csv"]))
    var against: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        if since != nil, against != nil {
            throw ValidationError("--since and --against exclude each other: the file says which candles are compared")
        }
    }

    func run() {
        look { (paths: Paths, collectors: Collectors) in
            if let against {
                let comparison = try FoldComparison(
                    file: against, paths: paths.of(try collectors.chosen(collector)))
                output.show(comparison)
                if !comparison.isSound { throw Failure(.badData, "database and \(against) differ") }
                return
            }
            let wanted = try collector.map { [try collectors.chosen($0)] } ?? collectors.all
            let verification = try Verifications(
                of: wanted, paths: paths, collectors: collectors, since: since?.time.seconds,
                watch: VerificationWatch(stop: try StopSignal(), isShown: Terminal.isError))
            output.show(verification)
            if !verification.isSound { throw Failure(.badData, "database and ticks differ") }
        }
    }
}
