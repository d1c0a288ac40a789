internal import ArgumentParser
internal import Host
internal import Logging
internal import Settings
internal import Web

@main
struct WebCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candlewick-web",
        abstract: "Serves candles, ticks, metrics and a page over HTTP.",
        discussion: """
            Optional: the pipeline runs without it, and it never delays a stage. Reads the
            bus, the journals and the database, writes nothing, and answers GET and HEAD
            alone. It may start before the pipeline and before the database exists.

              /               the page
              /api/v1/        our own interface as JSON; /api/v1/openapi.json describes it
              /v3/            what readers of OANDA's v20 interface use
              /udf/           TradingView's Universal Data Feed
              /metrics        for Prometheus
              /healthz        200 while the process lives
              /readyz         200 if it can read the database and sees the pipeline

            SET UP
              web: {listen: '127.0.0.1:9641'}   in the configuration is the default. Any
                                                address that other machines can reach
                                                needs the token.
              web: {listen: 'unix:/PATH'}       a Unix socket, for the group candlewick

            TLS is the work of a proxy before it: \(Document.path("http-api.md")) has a sample for nginx.

            CREDENTIALS (environment, or systemd credential of the same name; never an
            argument)
              CANDLEWICK_WEB_TOKEN  if it is set, every request over TCP must show it:
                                    Authorization: Bearer TOKEN, or the password of any
                                    user; 16 to 256 characters

            THE PAGE'S CHART LIBRARY
              CANDLEWICK_WEB_ASSETS  the folder of lightweight-charts.js (else
                                     share/candlewick/web of the installation); without
                                     the file the page draws a plainer chart

            Prints READY on standard output when it serves. SIGTERM stops it in order.


            """ + Program.environmentHelp,
        version: Program.version)

    @OptionGroup var options: StageOptions

    func run() {
        Program.run("candlewick-web", options, makesFolders: false) { setup, logger in
            let site = try Site(
                .init(
                    paths: setup.paths, environment: setup.environment, configuration: setup.configuration,
                    clock: .system),
                until: setup.stop, logger: logger)
            Program.ready([("address", site.address.url)])
            site.run(setup.service)
        }
    }
}
