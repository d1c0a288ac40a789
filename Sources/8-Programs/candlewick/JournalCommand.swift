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
            abstract: "Reads every record of the journals and reports damage.",
            discussion: """
                Changes nothing, and may run beside the stages. Reports:

                  damaged    incomplete records with whole ones behind them; readers skip
                             them and mark the candles that they may touch as partial
                  tail       bytes behind the last whole record; less than one record is
                             an append in progress
                  jump       positions that a writer skipped on purpose after an unclean
                             stop of the machine, or that were lost
                  misplaced  a file whose name does not match its content; readers ignore
                             it, and a line advises what to do

                Exit code 0 if nothing is damaged, 65 otherwise.

                EXAMPLES
                  candlewick journal check
                  candlewick journal check candles
                """)

        @OptionGroup var journaled: JournaledStreamArgument
        @OptionGroup var collector: CollectorOption
        @OptionGroup var output: OutputOptions

        func run() {
            look { paths in
                let report = try JournalReport(paths: try collector.chosen(paths), stream: journaled.stream)
                output.show(report)
                if report.isDamaged {
                    throw Failure(
                        .badData, "damaged: \(Document.path("operations.md")), 'Journals', explains what to do")
                }
            }
        }
    }

    struct Repair: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Repairs damaged headers, tails and names of the journals.",
            discussion: """
                Rewrites damaged headers, cuts torn tails (a tail of a record or more is kept
                beside the segment as .cut-OFFSET), and skips the positions that a tail may
                have held. Renames misplaced files to NAME.misplaced. Keeps every whole
                record; damaged records stay as they are. At every start each stage repairs
                its last segment in the same way.

                Stop the stage that writes the journal first: otherwise nothing is done and
                the exit code is 75. Run it as the journal's owner: files of another user
                would lock the stage out (77).

                EXAMPLES
                  candlewick journal repair
                  runuser -u candlewick -- candlewick journal repair
                """)

        @OptionGroup var journaled: JournaledStreamArgument
        @OptionGroup var collector: CollectorOption
        @OptionGroup var output: OutputOptions

        func run() {
            Program.run("candlewick", logLevel: .critical) { logger in
                let (paths, configuration) = try collector.configured(try Paths(environment: .process))
                let done = try JournalReport.repair(
                    paths: paths, stream: journaled.stream, settings: configuration.journal, logger: logger)
                output.show(Outcome(done.isEmpty ? "nothing to repair" : done.joined(separator: "\n")))
            }
        }
    }
}
