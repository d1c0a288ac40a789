internal import ArgumentParser
internal import Host
internal import Inspection
internal import Settings

struct ConfigurationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configuration",
        abstract: "Shows the settings in force, and the keys of the file.",
        discussion: """
            Reads the file that CANDLEWICK_CONFIG names, else candlewick.yaml in systemd's
            CONFIGURATION_DIRECTORY, as the stages do at their start. If the file is
            wrong, prints the line and the reason, and ends with exit code 78: run it
            before a restart.

            EXAMPLES
              candlewick configuration
              CANDLEWICK_CONFIG=new.yaml candlewick configuration
              candlewick configuration --sample >candlewick.yaml
            """)

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
