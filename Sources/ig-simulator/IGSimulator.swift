internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import Logging
internal import Simulation

@main
struct IGSimulator: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ig-simulator", version: "0.1.0")

    @Option var port = 0
    @Option var ticks: [String] = []
    @Option var speed = "1"
    @Option var seed: UInt64 = 1
    @Flag var exitWhenDone = false
    @Option var fault: [String] = []

    func run() throws {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        let logger = Logger(label: "ig-simulator")
        var options = SimulatorOptions()
        options.port = port
        options.seed = seed
        options.exitsWhenDone = exitWhenDone
        options.speed = speed == "max" ? .max : .times(Double(speed) ?? 1)
        options.tickFiles = ticks.compactMap {
            let parts = $0.split(separator: "=", maxSplits: 1).map(String.init)
            return parts.count == 2 ? .init(pair: parts[0], path: parts[1]) : nil
        }
        options.faults = fault.compactMap { Fault($0) }
        let simulator = try Simulator(options, logger: logger)
        let line = "READY rest=\(simulator.url) stream=\(simulator.url)\n"
        _ = line.withCString { write(1, $0, strlen($0)) }
        signal(SIGTERM, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
        source.setEventHandler { simulator.stop() }
        source.resume()
        simulator.wait()
        simulator.close(within: 4)
    }
}
