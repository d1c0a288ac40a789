internal import ArgumentParser
internal import Host
internal import Inspection
internal import Wire

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows the pipeline live, once a second.",
        discussion: """
            Shows stages, ticks per second, stored candles, delays, holes, quota, disk, and
            bid, ask, spread and the last candles of each pair. On a terminal the table
            refreshes in place; into a pipe it prints one line a second. A stage that does
            not run is shown as down. Ends on q, on Ctrl-C, on SIGTERM, or after --for;
            with 69 if no stage runs at the end of --for.

            'delay' is the time from an interval's end to the readable candle, over the
            last hour: percentiles 50, 90 and 99, and the worst, of busy and quiet pairs.
            'revised' counts candles that changed after that. 'lag' is the feed's time
            behind this machine's clock when the status arrived.

            ENVIRONMENT
              NO_COLOR   if set to any value, no colours

            EXAMPLES
              candlewick top
              candlewick top --for 2m --plain
              candlewick top --json --for 10s
            """)

    @Option(name: .customLong("for"), help: "Duration: 30s, 2m, 1h; default: until stopped.")
    var runTime: RunTime?

    @Flag(help: "Print one plain line a second, on a terminal too.")
    var plain = false

    @Flag(help: "Print the output of 'status --json', one line a second.")
    var json = false

    func validate() throws {
        guard !(plain && json) else { throw ValidationError("--plain and --json exclude each other") }
    }

    func run() {
        look { paths in
            let stop = try StopSignal()
            let view = try LiveView(
                paths: paths, environment: .process, clock: .system, style: json ? .json : .usual(isPlain: plain))
            guard try view.run(until: stop, seconds: runTime?.seconds) else {
                let names = Stage.daemons.map(\.name).joined(separator: ", ")
                throw Failure(.unavailable, "not running: \(names)")
            }
        }
    }
}

extension LiveView.Style {
    /// The table on a terminal that can show it.
    static func usual(isPlain: Bool) -> LiveView.Style {
        isPlain || !Terminal.hasScreen(.process) ? .lines : .screen(.terminal)
    }
}
