internal import ArgumentParser
internal import Host
internal import Inspection

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows live what the pipeline does.",
        discussion: """
            Stages, ticks per second, stored candles, delays and the last candle of each pair, once a second. On
            a terminal the table refreshes in place; into a pipe goes one line a second. No stage needs to run:
            those that do not are shown as down. Ends on Ctrl-C, on SIGTERM, or after --for.

            'delay' is the time from a candle's publication by the aggregator to the end of its commit; 'lag' is
            the feed's time behind this machine's clock when the status arrived.

            ENVIRONMENT
              NO_COLOR   set to anything: no colours

            EXAMPLES
              candlewick top
              candlewick top --for 2m --plain
            """)

    @Option(name: .customLong("for"), help: "How long: 30s, 2m, 1h. Without it, until stopped.")
    var runTime: RunTime?

    @Flag(help: "One plain line a second, on a terminal too.")
    var plain = false

    func run() {
        Stage.run("candlewick") { _ in
            let stop = try StopSignal()
            let environment = Environment.process
            let isDumb = environment["TERM"] == nil || environment["TERM"] == "dumb"
            let view = try LiveView(
                paths: try Paths(environment: environment), clock: .system,
                style: plain || isDumb || Terminal.size == nil
                    ? .lines : .screen(colours: environment["NO_COLOR"] == nil))
            try view.run(until: stop, seconds: runTime?.seconds)
        }
    }
}

/// A length of time as a person writes it: `30s`, `2m`, `1h`, or seconds without a unit.
struct RunTime: ExpressibleByArgument {
    let seconds: Int64

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Int64(unit == nil ? argument[...] : argument.dropLast()),
            (1...1_000_000).contains(number)
        else { return nil }
        seconds = number * (unit ?? 1)
    }
}
