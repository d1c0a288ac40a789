internal import ArgumentParser
internal import Glibc
internal import Host

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Sends a message when the verdict changes: runs candlewick-watch.",
        discussion: """
            Runs candlewick-watch of the same folder with the arguments given:
            candlewick watch --help shows its help.

            EXAMPLES
              candlewick watch --test
            """)

    @Argument(parsing: .captureForPassthrough, help: "The arguments of candlewick-watch.")
    var arguments: [String] = []

    func run() {
        Program.run("candlewick") { _ in
            let path = "\(programFolder)/candlewick-watch"
            var texts = ([path] + arguments).map { strdup($0) } + [nil]
            execv(path, &texts)
            throw Failure(.unavailable, "\(path) cannot be run: \(systemMessage(errno))")
        }
    }
}
