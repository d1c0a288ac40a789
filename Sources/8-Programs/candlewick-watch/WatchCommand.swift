internal import ArgumentParser
internal import Host
internal import Logging
internal import Settings
internal import Watching

@main
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candlewick-watch", abstract: "Tells a person when the pipeline's verdict changes.",
        version: Program.version)

    @OptionGroup var options: StageOptions

    func run() {
        Program.run("candlewick-watch", options, makesFolders: false) { _, _ in }
    }
}
