internal import ArgumentParser
internal import Host
internal import Logging
internal import Reports
internal import Settings
internal import Watching

@main
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candlewick-watch", abstract: "Sends a message when the pipeline's verdict changes.",
        discussion: """
            Optional, for those without Prometheus: looks at the verdict of 'candlewick
            status' every few seconds, and sends a message when something has been wrong
            for half a minute, again each hour, and when all is well again. A finding
            makes one message, however its numbers change. Settings: section watch of
            the configuration file (\(Document.path("monitoring.md"))).

            WAYS (each optional, several at once)
              a webhook    plain JSON, ntfy, Slack or Telegram: watch.shape
              a program    watch.command gets the message as JSON
              mail         watch.mail, by the local sendmail
              a ping       while all is well, for a receiver that reports its absence

            A receiver that hangs delays no look. What cannot be sent waits, is put
            together with what comes, and is tried again after growing pauses.

            CREDENTIALS (environment, or systemd credentials of the same names; never
            arguments)
              CANDLEWICK_WATCH_URL       the webhook's address, https:// (http:// only
                                         for this machine)
              CANDLEWICK_WATCH_TOKEN     sent to it as Authorization: Bearer
              CANDLEWICK_WATCH_PING_URL  the address of the pings

            EXAMPLES
              candlewick watch --test
              CREDENTIALS_DIRECTORY=/etc/credstore candlewick watch --test

            Prints READY on standard output when it watches. SIGTERM stops it in order.
            --test and --failed end with 69 if a way failed; 78: no way is configured.


            """ + Program.environmentHelp,
        version: Program.version)

    @OptionGroup var options: StageOptions

    @Flag(help: "Send one test message over every way, say how each took it, and end.")
    var test = false

    @Option(help: "Send that this systemd unit has failed, and end; the units call it by OnFailure=.")
    var failed: String?

    func validate() throws {
        guard !test || failed == nil else { throw ValidationError("--test and --failed exclude each other") }
    }

    func run() {
        Program.run("candlewick-watch", options, makesFolders: false) { setup, logger in
            if test { return try sendTest(setup) }
            if let failed { return try send(failureOf: failed, setup, logger) }
            let watcher = try Watcher(setup, clock: .system, logger: logger)
            Program.ready([("every", "\(setup.configuration.watch.everySeconds)s")])
            try watcher.run(until: setup.stop)
        }
    }

    private func sendTest(_ setup: StageSetup) throws {
        let ways = try Ways(setup.configuration.watch, environment: setup.environment)
        if ways.isEmpty { throw Ways.missing }
        let notice = Notice.test(at: Clock.system.now(), host: Notice.hostName)
        let outcomes = ways.deliver(notice, withPing: true, until: setup.stop)
        for outcome in outcomes {
            Program.write(standardOutput: "\(outcome.way): \(outcome.failure.map { "failed: \($0)" } ?? "sent")\n")
        }
        let failed = outcomes.count { $0.failure != nil }
        if failed > 0 { throw Failure(.unavailable, "\(failed) of \(counted(outcomes.count, "way")) failed") }
    }

    /// Every unit names it: without a way it does nothing.
    private func send(failureOf unit: String, _ setup: StageSetup, _ logger: Logger) throws {
        let ways = try Ways(setup.configuration.watch, environment: setup.environment)
        guard !ways.all.isEmpty else {
            return logger.info("No way is configured, so no message is sent", metadata: ["unit": "\(unit)"])
        }
        let notice = Notice.failure(
            of: unit, environment: setup.environment, at: Clock.system.now(), host: Notice.hostName)
        let outcomes = ways.deliver(notice, pauses: [2_000, 10_000], until: setup.stop)
        let failures = outcomes.compactMap { outcome in outcome.failure.map { "\(outcome.way): \($0)" } }
        guard failures.isEmpty else { throw Failure(.unavailable, failures.joined(separator: "; ")) }
    }
}
