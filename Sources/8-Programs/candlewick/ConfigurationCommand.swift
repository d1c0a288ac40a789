internal import ArgumentParser
internal import Host
internal import Inspection
internal import MarketData
internal import Reports
internal import Settings

struct ConfigurationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configuration",
        abstract: "Shows the settings in force, and the keys of the file.",
        discussion: """
            Reads the file that CANDLEWICK_CONFIG names, else candlewick.yaml in systemd's
            CONFIGURATION_DIRECTORY, as the stages do at their start. If the file is
            wrong, prints the line and the reason, and ends with exit code 78: run
            'candlewick config check' before a restart.

            EXAMPLES
              candlewick config
              candlewick config check new.yaml
              candlewick config --sample >candlewick.yaml
            """,
        subcommands: [ConfigurationCheckCommand.self], aliases: ["config"])

    @Flag(help: "Print a commented file to start from; it changes nothing.")
    var sample = false

    @Flag(help: "Print every key with its default, range and meaning, as a table in Markdown.")
    var table = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !(sample && table) else { throw ValidationError("--sample and --table exclude each other") }
    }

    func run() {
        if sample { return output.show(ConfigurationText.sample) }
        if table { return output.show(ConfigurationText.table) }
        // So that the files of the other collectors are checked too.
        look { (_: Paths, collectors: Collectors) in output.show(ConfigurationReport(collectors.own)) }
    }
}

struct ConfigurationCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks a configuration file.",
        discussion: """
            Without a file it checks the one in force, and the files of further collectors.
            Prints one line; exit code 78 with file, line, key and reason if something is
            wrong.

            EXAMPLES
              candlewick config check
              candlewick config check new.yaml
            """)

    @Argument(help: "The file; default: the one in force.", completion: .file(extensions: ["yaml"]))
    var file: String?

    func run() {
        guard let file else {
            look { (_: Paths, collectors: Collectors) in report(collectors.configurations, collectors.ownFile) }
        }
        Program.run("candlewick") { _ in report([try Configuration(path: file, origin: "the command line")], file) }
    }

    private func report(_ configurations: [Configuration], _ file: String?) {
        let place = file.map { "\($0): in order" } ?? "no file: the defaults are in force"
        let timeframes = configurations[0].timeframes.map(\.description).joined(separator: ", ")
        let others = configurations.count > 1 ? "; \(counted(configurations.count - 1, "further file")) in order" : ""
        let settings = "\(counted(configurations[0].instruments.count, "instrument")), \(timeframes)"
        Program.write(standardOutput: "\(place): \(settings)\(others)\n")
    }
}
