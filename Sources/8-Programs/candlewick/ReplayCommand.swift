internal import ArgumentParser
internal import Host
internal import Inspection
internal import Wire
internal import Recording

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Publishes a recording again, with no broker.",
        discussion: """
            Takes the place of the stage that published: same sockets, same journal, same
            positions, in a runtime folder of its own. aggregator, store-writer and other
            people's programs that are started with CANDLEWICK_RUNTIME_DIR and
            CANDLEWICK_STATE_DIR set to these folders cannot tell the difference.

            By default records come at the pace of their arrival; --speed 60 is sixty
            times as fast, and --speed max as fast as readers take it: nobody loses
            anything, and the slowest one sets the pace. --times N plays ticks N times,
            each time a whole number of days later. Without --stream it plays ticks and
            history.

            EXAMPLES
              candlewick replay monday --runtime-dir /tmp/replay
              candlewick replay monday --runtime-dir /tmp/replay --speed max --after-readers
            """)

    /// A factor, or `max`.
    enum Speed: ExpressibleByArgument {
        case factor(Double)
        case max

        init?(argument: String) {
            if argument == "max" {
                self = .max
            } else {
                guard let factor = Double(argument), (0.001...100_000).contains(factor) else { return nil }
                self = .factor(factor)
            }
        }
    }

    @Argument(help: "A folder that 'record' wrote, or any state folder.", completion: .directory)
    var folder: String

    @Option(help: "Where the sockets go.", completion: .directory)
    var runtimeDir: String

    @Option(
        help: "Where the journals go (else 'state' in the runtime folder); they must be new.", completion: .directory)
    var stateDir: String?

    @Option(
        help: "ticks, history, candles or native; may be repeated.", completion: .list(Stream.journaledNames),
        transform: Stream.journaled)
    var stream: [Stream] = []

    @Option(help: "A factor from 0.001 to 100000, or max.")
    var speed = Speed.factor(1)

    @Option(help: "How often.")
    var times = 1

    @Flag(help: "Begins when somebody reads each of the streams. Only with --speed max.")
    var afterReaders = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1_000_000).contains(times) else { throw ValidationError("--times must be 1 to 1,000,000") }
        if afterReaders, case .factor = speed { throw ValidationError("--after-readers needs --speed max") }
    }

    func run() {
        look { _ in
            let stop = try StopSignal()
            let pace: Replay.Pace =
                switch speed {
                case .factor(let factor): .recorded(speed: factor)
                case .max: .asFastAsTaken
                }
            let folders = try Paths(runtime: runtimeDir, state: stateDir ?? "\(runtimeDir)/state")
            let replay = try Replay(
                try Paths(state: folder), streams: stream, times: times, pace: pace, into: folders, stop: stop,
                clock: .system, logger: .errorsOnly)
            if !output.json {
                Program.ready([("endpoints", replay.endpoints.joined(separator: ",")), ("state", folders.state)])
            }
            if afterReaders, !replay.waitForReaders(until: stop) { return }
            try replay.run(until: stop)
            output.show(Outcome("\(replay.published) records published"))
        }
    }
}
