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
            Logs in, opens one Lightstreamer session (WebSocket; HTTP streaming where that cannot be opened), subscribes \
            the ticks of every configured instrument and the broker's heartbeat, and appends each update to the ticks \
            journal before it publishes it. Recovers cut sessions without a loss where the broker still can; every \
            hole is recorded in the stream. Costs no historical points.

            Says READY on standard output once the ticks are subscribed. SIGTERM ends it in order.

            --capture writes what is exchanged on the streaming connection into a new file, line by line, without \
            user, password and session ids (docs/formats.md § 6). `ig-simulator --play-capture` plays it. Where the \
            file cannot be written any more, that is said once and streaming goes on.

            --check looks at the broker's side and ends: credentials, login, REST, clocks, each configured epic at \
            REST, the stream and each subscription. It may run beside a running ingest-stream; it waits where the \
            last login is too recent. One line for each finding on standard output; with --json an object each:

              {"advice":"","check":"stream","finding":"…","state":"ok","subject":"CS.D.EURUSD.CFD.IP"}

            check is credentials, login, rest, clock, market or stream; state is ok, warning or failed; advice may be \
            empty. It ends with 0 where nothing has failed, else with 69, and with 78 where credentials are missing \
            or refused.


            """ + Program.credentialsHelp + Program.environmentHelp,
        version: Program.version)

    @Option(
        help: ArgumentHelp(
            "Write the exchange with the broker into this file, which must not exist.", valueName: "FILE"))
    var capture: String?
    @Flag(help: "Look whether the broker's side is in order, say what was found, and end.") var check = false
    @Flag(help: "With --check: one JSON object a line.") var json = false
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
