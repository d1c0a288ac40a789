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
            Makes every candle again from ticks and history, out of archive and journals,
            and compares each column with the stored one; may run beside the stages. For
            each difference it names the ticks behind it. Candles that are older than
            archive and journals are only counted. Uses the configuration's timeframes,
            closing rule and grace: if they were changed, candles from before the change
            differ.

            Takes some seconds for each day of ticks, and space for a second database in
            the temporary folder; on a terminal it shows how far it is. With --since it
            reads from a day before that moment on. Ctrl-C ends it and leaves nothing.
            Exit code 0 if all are equal, 65 otherwise.

            EXAMPLES
              candlewick verify
              candlewick verify --since 2026-11-23
              candlewick verify --json
            """)

    @Option(help: "Only this collector; default: all of this machine.")
    var collector: String?

    @Option(help: ArgumentHelp("Only candles that start then or later. \(Moment.help)."))
    var since: Moment?

    @OptionGroup var output: OutputOptions

    func run() {
        look { (paths: Paths, collectors: Collectors) in
            let wanted = try collector.map { [try collectors.chosen($0)] } ?? collectors.all
            let verification = try Verifications(
                of: wanted, paths: paths, collectors: collectors, since: since?.time.seconds,
                watch: VerificationWatch(stop: try StopSignal(), isShown: Terminal.isError))
            output.show(verification)
            if !verification.isSound { throw Failure(.badData, "database and ticks differ") }
        }
    }
}
