internal import ArgumentParser
internal import Host
internal import Logging
internal import Settings
internal import StreamIngest

@main
struct IngestStreamCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest-stream",
        abstract: "Streams every tick of IG Markets into the ticks stream.",
        discussion: """
            Logs in, opens one Lightstreamer session (WebSocket, else HTTP streaming), subscribes to the ticks of every \
            configured instrument and to the broker's heartbeat, and appends each update to the ticks journal before \
            it publishes it. Recovers a cut session without loss if the broker allows it; records every hole in the \
            stream. Spends no historical points.

            Prints READY on standard output once the ticks are subscribed. SIGTERM stops it in order.

            --capture writes the lines of the streaming connection into a new file, without user, password and \
            session ids (\(Document.path("formats.md")) § 6). `ig-simulator --play-capture` plays it. If the file cannot be written \
            any more, one log line reports it and streaming continues.

            --check checks the broker's side and ends: credentials, login, REST, clocks, each configured epic on \
            REST, the stream and each subscription. It may run beside a running ingest-stream; it waits if the last \
            login is too recent. It prints one line for each finding; with --json one object:

              {"advice":"","check":"stream","finding":"…","state":"ok","subject":"EPIC"}

            check is credentials, login, rest, clock, market or stream; state is ok, warning or failed; advice may be \
            empty. Exit code 0 if nothing failed, 78 if credentials are missing or refused, otherwise 69.


            """ + Program.credentialsHelp + Program.environmentHelp,
        version: Program.version)

    @Option(
        help: ArgumentHelp(
            "Write the exchange with the broker into this file, which must not exist.", valueName: "FILE"))
    var capture: String?
    @Flag(help: "Check the broker's side, print the findings, and end.") var check = false
    @Flag(help: "With --check: print one JSON object for each finding.") var json = false
    @OptionGroup var options: StageOptions

    func validate() throws {
        guard check || !json else { throw ValidationError("--json goes with --check") }
        guard !check || capture == nil else { throw ValidationError("--check and --capture exclude each other") }
    }

    func run() {
        Program.run("ingest-stream", options, makesFolders: !check) { setup, logger in
            if check { return try BrokerCheck.run(setup, asJSON: json, clock: .system, logger: logger) }
            try StreamIngest.run(setup, capture: capture, clock: .system, logger: logger)
        }
    }
}
