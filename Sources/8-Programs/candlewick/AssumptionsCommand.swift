internal import ArgumentParser
internal import Host
internal import Inspection

struct AssumptionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assumptions",
        abstract: "Shows which assumptions about the broker held and which failed.",
        discussion: """
            The pipeline relies on some facts about IG. ingest-stream and ingest-backfill
            count how often each fact held and how often it failed, and keep the counts
            in the folder 'assumptions' of the state folder. If a fact failed within the
            last day, 'status' reports it. Works offline. The report holds no secrets:
            send it to us if something in it surprises you.

            EXAMPLES
              candlewick assumptions
              candlewick assumptions --json
              candlewick assumptions --table
            """)

    @Flag(help: "Print each assumption with its source, as a table in Markdown.")
    var table = false

    @OptionGroup var collector: CollectorOption
    @OptionGroup var output: OutputOptions

    func run() {
        look { paths in
            if table {
                output.show(AssumptionTable())
            } else {
                output.show(try AssumptionsReport(stateFolder: collector.chosen(paths).collectorState))
            }
        }
    }
}
