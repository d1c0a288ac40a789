internal import ArgumentParser
internal import Host
internal import Inspection

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks the whole installation and advises what to do.",
        discussion: """
            Checks the configuration, the clock, folders and their permissions, disk,
            database, programs and their versions, stages, sockets and units; then, by
            'ingest-stream --check', the credentials, the login, and each epic on REST
            and on the stream. Changes nothing and does not disturb a running pipeline.

            Waits until the last login is a minute old. --offline skips the broker.
            Exit code 0 if no check failed, 69 otherwise.

            EXAMPLES
              candlewick doctor
              candlewick doctor --quiet
              candlewick doctor --offline --json
            """)

    @Flag(help: "Skip the broker: no login.")
    var offline = false

    @Flag(help: "Only what is not in order.")
    var quiet = false

    @OptionGroup var output: OutputOptions

    func run() {
        look { paths in
            let report = try DoctorReport(paths: paths, clock: .system, asksBroker: !offline)
            output.show(quiet ? report.withoutOK : report)
            if report.failed > 0 { throw Failure(.unavailable, "\(report.failed) checks failed") }
        }
    }
}
