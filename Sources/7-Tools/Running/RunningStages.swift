internal import Host

/// The programs of a run, in the order of their start.
final class RunningStages {
    private let folder: String
    private let logs: String
    private let stop: StopSignal
    private let clock: Clock
    private(set) var programs: [SupervisedProgram] = []
    /// Names and exit codes of those that did not run until they were asked to end.
    private(set) var early: [(name: String, code: Int32)] = []

    /// How long a start may take without a word about its progress. A login that the broker puts off comes again after
    /// a minute.
    private static let patience: Int64 = 90_000_000_000

    /// - Parameters:
    ///   - folder: of the programs.
    ///   - logs: a folder.
    init(folder: String, logs: String, stop: StopSignal, clock: Clock) {
        (self.folder, self.logs, self.stop, self.clock) = (folder, logs, stop, clock)
    }

    /// Starts a program and waits until it is ready.
    /// - Returns: the facts of its READY line; `nil` if a stop was asked for first.
    /// - Throws: `Failure` with the program's exit code if it ends, (69) if it does not become ready.
    func start(_ name: String, _ arguments: [String], _ environment: Environment) throws -> [String: String]? {
        let program = try launch(name, arguments, environment)
        let display = StartDisplay(columns: Terminal.size?.columns, clock: clock)
        defer { display.clear() }
        var (word, since) = (program.status, clock.monotonic())
        while !stop.wait(milliseconds: 20) {
            if let facts = program.ready() { return facts }
            guard program.isRunning else { break }
            if case let new = program.status, new != word { (word, since) = (new, clock.monotonic()) }
            guard clock.monotonic() < since + RunningStages.patience else {
                tell("\(name) is not ready after 90 s", program)
                throw Failure(.unavailable, "\(name) did not become ready: its log is \(program.log)")
            }
            display.show(word.map { "\(name): \($0)" } ?? "starting \(name)")
        }
        guard program.isRunning else { throw endedEarly(program) }
        return nil
    }

    /// Starts a program that is not waited for.
    /// - Parameter log: the name of its log; `nil`: its own.
    @discardableResult
    func launch(
        _ name: String, _ arguments: [String], _ environment: Environment, log: String? = nil
    ) throws -> SupervisedProgram {
        let program = try SupervisedProgram(
            path: "\(folder)/\(name)", arguments, environment: environment.variables,
            log: "\(logs)/\(log ?? name).log")
        programs.append(program)
        return program
    }

    /// Ends a program in order, or kills it after 5 s. One that has ended already is reported.
    func end(_ name: String) {
        for program in programs where program.name == name {
            if !program.isRunning {
                _ = endedEarly(program)
            } else if !program.end(within: 5) {
                tell("\(name) did not end within 5 s and was killed", program)
                early.append((name, program.exitCode ?? 0))
            }
        }
        programs.removeAll { $0.name == name }
    }

    /// Ends a program whose end is no fault.
    func drop(_ name: String) {
        for program in programs where program.name == name { program.end(within: 5) }
        programs.removeAll { $0.name == name }
        early.removeAll { $0.name == name }
    }

    private func endedEarly(_ program: SupervisedProgram) -> Failure {
        let code = program.exitCode ?? 0
        programs.removeAll { $0 === program }
        let killed = code > 128 ? " (killed by signal \(code - 128))" : ""
        tell("\(program.name) ended early with exit code \(code)\(killed)", program)
        early.append((program.name, code))
        return earlyFailure
    }

    /// What `early` means for the run.
    var earlyFailure: Failure {
        let code = early.lazy.compactMap { ExitCode(rawValue: $0.code) }.first { $0 != .ok }
        return Failure(code ?? .unavailable, "ended early: \(early.map(\.name).joined(separator: ", "))")
    }

    private func tell(_ what: String, _ program: SupervisedProgram) {
        let lines = program.lastLines(8).map { "  \($0)\n" }.joined()
        Program.write(standardError: "candlewick: \(what); its last lines (\(program.log)):\n\(lines)")
    }
}
