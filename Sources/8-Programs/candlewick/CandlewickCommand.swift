internal import ArgumentParser
internal import Host
internal import Settings

@main
struct CandlewickCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candlewick",
        abstract: "Shows and maintains the tick-to-candle pipeline and its stored candles.",
        discussion: """
            Finds sockets, journals and database by CANDLEWICK_RUNTIME_DIR,
            CANDLEWICK_STATE_DIR and CANDLEWICK_DATABASE, as the stages do. Prints text,
            or one JSON value with --json; colours only on a terminal, and only if
            NO_COLOR is not set. Times are UTC.

            Shell completions: candlewick --generate-completion-script bash (or zsh,
            fish).

            EXIT CODES
              0 success, 64 wrong arguments, 65 damaged or unexpected data, 66 file not
              found, 69 something is missing or does not run, 74 disk or socket failed,
              75 another process holds the lock, 77 the files belong to another user,
              78 wrong configuration
            """,
        version: Program.version,
        groupedSubcommands: [
            CommandGroup(name: "Run the pipeline without systemd", subcommands: [RunCommand.self]),
            CommandGroup(
                name: "Look at the pipeline",
                subcommands: [
                    StatusCommand.self, TopCommand.self, CandlesCommand.self, ChartCommand.self, CoverageCommand.self,
                    GapsCommand.self, IndicatorsCommand.self, WatchCommand.self,
                ]),
            CommandGroup(
                name: "Explain and check",
                subcommands: [
                    ExplainCommand.self, VerifyCommand.self, CompareCommand.self, DoctorCommand.self,
                    AssumptionsCommand.self, ConfigurationCommand.self,
                ]),
            CommandGroup(
                name: "Streams",
                subcommands: [TapCommand.self, RecordCommand.self, ReplayCommand.self, JournalCommand.self]),
            CommandGroup(
                name: "Maintain the data",
                subcommands: [
                    ArchiveCommand.self, ExportCommand.self, ImportCommand.self, RefoldCommand.self,
                    MaintainCommand.self,
                ]),
            CommandGroup(name: "Other machines", subcommands: [KeysCommand.self]),
        ])

    static func main() {
        let arguments = Mistake.joined(Array(CommandLine.arguments.dropFirst()))
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch {
            let message = message(for: error)
            guard exitCode(for: error) == .validationFailure,
                let better = Mistake(arguments, of: Self.self).sentence(for: message)
            else { exit(withError: error) }
            Program.write(standardError: fullMessage(for: error).replacing(message, with: better) + "\n")
            exit(withError: ArgumentParser.ExitCode.validationFailure)
        }
    }
}
