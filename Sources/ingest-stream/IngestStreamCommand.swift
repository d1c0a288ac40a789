internal import ArgumentParser
internal import Host
internal import Logging
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


            """ + Stage.credentialsHelp + Stage.environmentHelp,
        version: Stage.version)

    @Option(
        help: ArgumentHelp(
            "Write the exchange with the broker into this file, which must not exist.", valueName: "FILE"))
    var capture: String?
    @OptionGroup var options: StageOptions

    func run() {
        Stage.run("ingest-stream", options) { setup, logger in
            try StreamIngest.run(setup, capture: capture, clock: .system, logger: logger)
        }
    }
}
