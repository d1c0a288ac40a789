internal import ArgumentParser
internal import Host
internal import Inspection
internal import Wire
internal import Logging
internal import Settings

struct JournalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Checks and repairs the journals.",
        subcommands: [Check.self, Repair.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads every record of the journals and says what is damaged.",
            discussion: """
                May run beside the stages; changes nothing. 'damaged' are records that are not
                whole with whole ones behind them: readers step over them, and the candles
                that they could touch are partial. 'tail' are bytes behind the last whole
                record: less than one record is what a writer was just appending. 'jump' are
                positions that were skipped on purpose after an unclean stop of the machine,
                or lost. A file that does not belong under its name is 'misplaced': readers
                pass over it, and a line says what to do.

                Exit code 0 where nothing is damaged, 65 otherwise.

                EXAMPLES
                  candlewick journal check
                  candlewick journal check candles
                """)

        @Argument(
            help: "ticks, candles, history or native; without it, all that are there.",
            completion: .list(Stream.journaledNames), transform: Stream.journaled)
        var stream: Stream?

        @OptionGroup var output: OutputOptions

        func run() {
            look { paths in
                let report = try JournalReport(paths: paths, stream: stream)
                output.show(report)
                if report.isDamaged {
                    throw Failure(.badData, "damaged: see docs/operations.md, 'Journals', for what to do")
                }
            }
        }
    }

    struct Repair: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Mends what can be mended in the journals.",
            discussion: """
                Rewrites damaged headers, cuts torn tails (a tail of a record or more is kept
                beside the segment as .cut-OFFSET), and skips the positions that a tail may
                have held. Renames files that do not belong under their names to
                NAME.misplaced. Nothing that is whole is lost; damaged records stay as they
                are. The stages do the same at every start, for headers and tails in their
                last segment alone. The stage that
                writes the journal must be stopped: otherwise nothing is done and the exit
                code is 75. Only the journal's owner may repair it: what another user makes
                would shut the stage out (77).

                EXAMPLES
                  candlewick journal repair
                  runuser -u candlewick -- env CANDLEWICK_STATE_DIR=/var/lib/candlewick candlewick journal repair
                """)

        @Argument(
            help: "ticks, candles, history or native; without it, all that are there.",
            completion: .list(Stream.journaledNames), transform: Stream.journaled)
        var stream: Stream?

        @OptionGroup var output: OutputOptions

        func run() {
            Program.run("candlewick", logLevel: .critical) { logger in
                let environment = Environment.process
                let configuration = try Configuration.load(environment: environment)
                let done = try JournalReport.repair(
                    paths: try Paths(environment: environment), stream: stream, settings: configuration.journal,
                    logger: logger)
                output.show(Outcome(done.isEmpty ? "nothing to repair" : done.joined(separator: "\n")))
            }
        }
    }
}
