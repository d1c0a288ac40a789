internal import ArgumentParser
internal import Host
internal import Inspection

struct AssumptionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assumptions",
        abstract: "Shows which facts about the broker held.",
        discussion: """
            The pipeline takes some facts about IG on trust. ingest-stream and ingest-
            backfill count where each held and where it did not, over restarts, in the
            folder 'assumptions' of the state folder. What did not hold within the last
            day is a finding of 'status'. Works offline. The report holds no secrets: send
            it to us if something in it surprises you.

            EXAMPLES
              candlewick assumptions
              candlewick assumptions --json
              candlewick assumptions --table
            """)

    @Flag(help: "What is assumed and where it was read, as a table in Markdown.")
    var table = false

    @OptionGroup var output: OutputOptions

    func run() {
        look { paths in
            if table {
                output.show(AssumptionTable())
            } else {
                output.show(AssumptionsReport(stateFolder: paths.state))
            }
        }
    }
}
