internal import ArgumentParser
internal import Host
internal import Inspection
internal import Wire
internal import Recording
internal import Settings

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Publishes a recording again, without a broker.",
        discussion: """
            Takes the place of the stage that published: same sockets, same journal, same
            positions, in a runtime folder of its own. Start aggregator, store-writer or
            your programs with CANDLEWICK_RUNTIME_DIR and CANDLEWICK_STATE_DIR set to
            these folders: they receive the same records as from the stage.

            By default records come at the pace of their arrival; --speed 60 is sixty
            times as fast; with --speed max the slowest reader sets the pace and no reader
            loses a record. --times N plays ticks N times, each time a whole number of
            days later. Without --stream it plays ticks and history.

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

    @Argument(
        help: "A folder that 'record' wrote, or any state folder: its archive, then its journal.",
        completion: .directory)
    var folder: String

    @Option(help: "Whose streams are played; default: the only collector's of the recording, or main's.")
    var collector: String?

    @Option(help: "Folder of the sockets.", completion: .directory)
    var runtimeDir: String

    @Option(
        help: "Folder of the journals, which must be new; default: 'state' in the runtime folder.",
        completion: .directory)
    var stateDir: String?

    @Option(
        help: "ticks, history, candles, native or refold; may be repeated.", completion: .list(Stream.journaledNames),
        transform: Stream.journaled)
    var stream: [Stream] = []

    @Option(help: "A factor from 0.001 to 100000, or max.")
    var speed = Speed.factor(1)

    @Option(help: "How often.")
    var times = 1

    @Flag(help: "Begin when each stream has a reader. Only with --speed max.")
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
            let recording = try Paths(state: folder)
            let chosen = try Collectors.chosen(collector, of: recording.collectors, own: .main)
            let folders = try Paths(runtime: runtimeDir, state: stateDir ?? "\(runtimeDir)/state")
            let replay = try Replay(
                recording.of(chosen), streams: stream, times: times, pace: pace, into: folders.of(chosen), stop: stop,
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
