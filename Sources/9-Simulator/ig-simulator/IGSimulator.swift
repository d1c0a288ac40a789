internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import Host
internal import Logging
internal import Simulation

@main
struct IGSimulator: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ig-simulator", abstract: "Simulates the broker IG: REST and Lightstreamer.",
        discussion: discussion, version: Program.version)

    @OptionGroup(title: "Serving") var serving: ServingOptions
    @OptionGroup(title: "Market") var market: MarketOptions
    @OptionGroup(title: "Login and limits") var limits: LimitOptions
    @OptionGroup(title: "Streaming") var streaming: StreamingOptions

    func run() {
        Program.run("ig-simulator", logLevel: serving.logLevel) { logger in
            do throws(SimulatorError) {
                try serve(options(), logger)
            } catch {
                throw Failure(exitCode(error.kind), "\(error)")
            }
        }
    }

    private func options() throws(SimulatorError) -> SimulatorOptions {
        var options = SimulatorOptions()
        serving.apply(to: &options)
        market.apply(to: &options)
        limits.apply(to: &options)
        streaming.apply(to: &options)
        return options
    }

    private func serve(_ options: SimulatorOptions, _ logger: Logger) throws(SimulatorError) {
        let simulator = try Simulator(options, logger: logger)
        let signals = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { simulator.stop() }
            source.resume()
            return source
        }
        Program.ready([("rest", simulator.url), ("stream", simulator.url)])
        let isDone = simulator.wait()
        // A signal leaves 5 s in all; after a play the clients may still have much to read.
        simulator.close(within: isDone ? 60 : 3)
        for source in signals { source.cancel() }
    }

    private func exitCode(_ kind: SimulatorError.Kind) -> Host.ExitCode {
        switch kind {
        case .usage: .usage
        case .badData: .badData
        case .unreadableFile: .missingInput
        case .portTaken, .unavailable: .unavailable
        }
    }
}
