internal import ArgumentParser
internal import Host
internal import Logging
internal import Settings
internal import Web

@main
struct WebCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candlewick-web", abstract: "Serves candles, ticks, metrics and a page over HTTP.",
        version: Program.version)

    @OptionGroup var options: StageOptions

    func run() {
        Program.run("candlewick-web", options, makesFolders: false) { _, _ in }
    }
}
