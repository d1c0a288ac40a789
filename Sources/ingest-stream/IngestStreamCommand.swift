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
            Logs in, opens one Lightstreamer session (WebSocket; HTTP streaming where that cannot be opened),
            subscribes the ticks of every configured instrument and the broker's heartbeat, and appends each
            update to the ticks journal before it publishes it. Recovers cut sessions without a loss where
            the broker still can; every hole is recorded in the stream. Costs no historical points.

            Says READY on standard output once the ticks are subscribed. SIGTERM ends it in order.

            CREDENTIALS (environment, or systemd credentials of the same names; never arguments)
              IG_API_KEY, IG_USERNAME, IG_PASSWORD
              IG_ACC_NUMBER  the account to use (else the one the broker prefers)
              IG_DEMO        true (default) or false
              IG_REST_URL    another REST base: the simulator, a proxy
              IG_CA_FILE     PEM certificates to trust instead of the system's, for such a base

            """ + Stage.environmentHelp,
        version: Stage.version)

    @OptionGroup var options: StageOptions

    func run() {
        Stage.run("ingest-stream", options) { setup, logger in
            try StreamIngest.run(setup, clock: .system, logger: logger)
        }
    }
}
