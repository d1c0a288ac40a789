internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import Logging
internal import Simulation

@main
struct IGSimulator: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ig-simulator", abstract: "A faithful stand-in for the broker IG: REST and Lightstreamer.",
        discussion: discussion, version: "0.1.0")

    @OptionGroup(title: "Serving") var serving: ServingOptions
    @OptionGroup(title: "Market") var market: MarketOptions
    @OptionGroup(title: "Login and limits") var limits: LimitOptions
    @OptionGroup(title: "Streaming") var streaming: StreamingOptions

    func run() throws {
        let level = serving.logLevel
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        do throws(SimulatorError) {
            try serve(options())
        } catch {
            FileDescriptor.error.say("ig-simulator: \(error)")
            throw ExitCode(exitCode(error.kind))
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

    private func serve(_ options: SimulatorOptions) throws(SimulatorError) {
        let simulator = try Simulator(options, logger: Logger(label: "ig-simulator"))
        let signals = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { simulator.stop() }
            source.resume()
            return source
        }
        FileDescriptor.output.say("READY rest=\(simulator.url) stream=\(simulator.url)")
        let isDone = simulator.wait()
        // A signal leaves 5 s in all; after a play the clients may still have much to read.
        simulator.close(within: isDone ? 60 : 3)
        for source in signals { source.cancel() }
    }

    private func exitCode(_ kind: SimulatorError.Kind) -> Int32 {
        switch kind {
        case .usage: 64
        case .badData: 65
        case .unreadableFile: 66
        case .portTaken, .unavailable: 69
        }
    }
}

/// A standard stream, written at once: `print` is held back on a pipe.
struct FileDescriptor {
    let number: Int32

    static let output = FileDescriptor(number: 1)
    static let error = FileDescriptor(number: 2)

    func say(_ line: String) {
        var rest = Array((line + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Nobody listens: there is nowhere else to say it.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
