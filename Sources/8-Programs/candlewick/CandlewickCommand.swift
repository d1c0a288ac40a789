internal import ArgumentParser
internal import Host
internal import Settings

@main
struct CandlewickCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candlewick",
        abstract: "Looks at the tick-to-candle pipeline and at what it stored, and keeps it in order.",
        discussion: """
            Finds sockets, journals and database by CANDLEWICK_RUNTIME_DIR,
            CANDLEWICK_STATE_DIR and CANDLEWICK_DATABASE, as the stages do. Reports are
            text for people, or one JSON value with --json; colours only on a terminal,
            and not where NO_COLOR is set. Times are UTC.

            Shell completions: candlewick --generate-completion-script bash (or zsh,
            fish).

            EXIT CODES
              0 well, 64 wrong arguments, 65 damaged or unexpected data, 66 no such file,
              69 something is not there or does not run, 74 disk or socket, 75 another
              process has the lock, 77 another user's files, 78 wrong configuration
            """,
        version: Program.version,
        groupedSubcommands: [
            CommandGroup(
                name: "What is there",
                subcommands: [
                    StatusCommand.self, TopCommand.self, CandlesCommand.self, ChartCommand.self, CoverageCommand.self,
                    GapsCommand.self, IndicatorsCommand.self,
                ]),
            CommandGroup(
                name: "Why it is so",
                subcommands: [
                    ExplainCommand.self, VerifyCommand.self, CompareCommand.self, DoctorCommand.self,
                    AssumptionsCommand.self, ConfigurationCommand.self,
                ]),
            CommandGroup(
                name: "Streams",
                subcommands: [TapCommand.self, RecordCommand.self, ReplayCommand.self, JournalCommand.self]),
            CommandGroup(
                name: "The database",
                subcommands: [ExportCommand.self, ImportCommand.self, MaintainCommand.self]),
        ])
}
