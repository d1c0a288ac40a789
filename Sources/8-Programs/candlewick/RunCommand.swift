internal import ArgumentParser
internal import Host
internal import Inspection
internal import Logging
internal import Running

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs the whole pipeline and shows it live, until Ctrl-C.",
        discussion: """
            Starts aggregator, store-writer, ingest-stream and candlewick-web under this
            process, without systemd, and shows what candlewick top shows. Ends on Ctrl-C,
            on SIGTERM, at the end of the terminal, after --for, or when a stage ends; it
            ends the stages in their order and leaves none behind.

            Without --simulated it needs IG_API_KEY, IG_USERNAME and IG_PASSWORD
            (IG_DEMO=false for the live account). Journals, database and logs are in
            CANDLEWICK_STATE_DIR, else ~/.local/state/candlewick; the next run goes on
            there. It does not run beside stages that work in the same folder.

            With --simulated it starts ig-simulator too: all 28 pairs, market time --speed
            times as fast. The data is in --state, else in candlewick-simulated in
            XDG_STATE_HOME or ~/.local/state, and that folder is emptied at each start.

            It prints the line by which commands in another terminal find the run. Logs
            are in the folder logs in the state folder.

            Exit code 0 if candles are stored and no stage ended early; the exit code of
            a stage that ended early; 69 if a program is missing, a stage did not become
            ready, or no candle is stored; 75 if another run or a stage works in the
            folder; 78 if the credentials are missing.

            EXAMPLES
              candlewick run --simulated
              candlewick run --simulated --for 30s --plain
              candlewick run --state ~/ig-demo
            """)

    @Flag(help: "Run against a simulated broker, with data of its own.")
    var simulated = false

    @Option(name: .customLong("for"), help: "Duration: 30s, 2m, 1h; default: until stopped.")
    var runTime: RunTime?

    @Flag(help: "Print one plain line a second, on a terminal too.")
    var plain = false

    @Option(help: "With --simulated: market seconds per second, or max; default: 300.")
    var speed: String?

    @Option(help: "With --simulated: seed of the prices; default: 1.")
    var seed: UInt64?

    @Option(help: "Folder of journals, database and logs.", completion: .directory)
    var state: String?

    @Flag(inversion: .prefixedNo, help: "Serve the page too; default: if candlewick-web is there.")
    var web: Bool?

    func validate() throws {
        guard simulated || speed == nil && seed == nil else {
            throw ValidationError("--speed and --seed go with --simulated")
        }
        guard state != "" else { throw ValidationError("--state needs the name of a folder") }
        if let speed, speed != "max" {
            guard let factor = Double(speed), factor > 0, factor <= 1e9 else {
                throw ValidationError("--speed must be above 0 and at most 1000000000, or max, not '\(speed)'")
            }
        }
    }

    func run() {
        Program.run("candlewick", logLevel: .error) { _ in
            let stop = try StopSignal(hearsHangup: true)
            var options = PipelineRun.Options()
            if simulated { options.simulation = .init(speed: speed ?? "300", seed: seed ?? 1) }
            (options.state, options.seconds, options.web) = (state, runTime?.seconds, web)
            // A run is no part of an installation: it goes by the caller's variables alone.
            try PipelineRun(options, environment: .bare).run(until: stop, style: .usual(isPlain: plain))
        }
    }
}
