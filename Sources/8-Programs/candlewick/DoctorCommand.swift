internal import ArgumentParser
internal import Host
internal import Inspection

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks the whole installation and says what to do.",
        discussion: """
            Looks at the configuration, the clock, folders and their permissions, disk,
            database, programs and their versions, stages, sockets and units; then, by
            'ingest-stream --check', at the credentials, the login, and each epic on REST
            and on the stream. Changes nothing; a running pipeline is not disturbed.

            The login keeps its distance of a minute from the one before. --offline leaves
            the broker out. Exit code 0 where nothing failed, 69 otherwise.

            EXAMPLES
              candlewick doctor
              candlewick doctor --offline --json
            """)

    @Flag(help: "Without the broker: no login.")
    var offline = false

    @OptionGroup var output: OutputOptions

    func run() {
        look { paths in
            let report = try DoctorReport(paths: paths, clock: .system, asksBroker: !offline)
            output.show(report)
            if report.failed > 0 { throw Failure(.unavailable, "\(report.failed) checks failed") }
        }
    }
}
