internal import Glibc
public import Host
public import Inspection

/// Runs the pipeline without systemd, as programs under this process, and shows it live.
public struct PipelineRun {
    /// The market of a simulated broker.
    public struct Simulation: Sendable {
        /// Market seconds per second, or `max`.
        public let speed: String
        /// Of the prices.
        public let seed: UInt64

        public init(speed: String, seed: UInt64) { (self.speed, self.seed) = (speed, seed) }
    }

    public struct Options: Sendable {
        /// `nil`: against IG.
        public var simulation: Simulation?
        /// The state folder; `nil`: the usual one.
        public var state: String?
        /// `nil`: until a stop.
        public var seconds: Int64?
        /// Whether `candlewick-web` runs too; `nil`: if it is there.
        public var web: Bool?

        public init() {}
    }

    private let options: Options
    private let environment: Environment
    private let folder: String
    private let clock: Clock

    /// - Parameter folder: of the programs.
    /// - Throws: `Failure` (69) if a program is missing, (78) if the credentials are.
    public init(
        _ options: Options, environment: Environment, folder: String = programFolder, clock: Clock = .system
    ) throws {
        (self.options, self.environment, self.folder, self.clock) = (options, environment, folder, clock)
        let needed = ["aggregator", "store-writer", "ingest-stream", "candlewick"]
        let further = (options.simulation == nil ? [] : ["ig-simulator"]) + (options.web == true ? [web] : [])
        for name in needed + further where !has(name) {
            throw Failure(.unavailable, "\(folder)/\(name) is missing: build it, or install the package again")
        }
        if options.simulation == nil { try expectCredentials() }
    }

    private let web = "candlewick-web"
    private static let secrets = ["IG_API_KEY", "IG_USERNAME", "IG_PASSWORD"]

    private func has(_ name: String) -> Bool { access("\(folder)/\(name)", X_OK) == 0 }

    private func expectCredentials() throws {
        let missing = try PipelineRun.secrets.filter { try environment.credential($0) == nil }
        guard missing.isEmpty else {
            throw Failure(
                .configuration,
                "no login for IG: set \(missing.joined(separator: ", ")), or run with --simulated"
            )
        }
    }

    /// Runs until a stop, the end of the time, or the end of a stage. Leaves no program behind.
    /// - Throws: `Failure`: that of a stage that ended early, (69) if no candle is stored, (75) if another run or a stage
    ///   works in the folder, (64), (74), (77) or (78) if the folder cannot be used.
    public func run(until stop: StopSignal, style: LiveView.Style) throws {
        let place =
            options.simulation == nil
            ? try RunPlace(of: options.state, environment)
            : try RunPlace(simulatedIn: options.state, environment)
        defer { place.leave() }
        let stages = RunningStages(folder: folder, logs: place.logs, stop: stop, clock: clock)
        try work(stages, place, stop, style)
        let stored = Result { try StoredCount(place.paths) }
        if case .success(let count) = stored { Program.write(standardOutput: "\(count.text)\n") }
        if !stages.early.isEmpty { throw stages.earlyFailure }
        _ = try stored.get()
    }

    private func work(
        _ stages: RunningStages, _ place: RunPlace, _ stop: StopSignal, _ style: LiveView.Style
    ) throws {
        defer {
            stages.drop("candlewick")
            for name in ["ingest-stream", "aggregator", "store-writer"] { stages.end(name) }
            stages.drop(web)
            stages.end("ig-simulator")
        }
        let start = try start(stages, place)
        if start.isDone { try show(stages, place, start.page, stop, style) }
    }

    /// Starts all programs in their order.
    /// - Returns: the address of the page, and whether all run: if not, a stop was asked for.
    private func start(_ stages: RunningStages, _ place: RunPlace) throws -> (page: String?, isDone: Bool) {
        var broker = place.environment
        if let simulation = options.simulation {
            let arguments = ["--port", "0", "--seed", "\(simulation.seed)", "--speed", simulation.speed]
            guard let facts = try stages.start("ig-simulator", arguments, without(place.environment)) else {
                return (nil, false)
            }
            broker = broker.with(["IG_REST_URL": facts["rest"]])
            for name in PipelineRun.secrets { broker = broker.with([name: "simulated"]) }
        }
        let reader = without(place.environment)
        for name in ["aggregator", "store-writer"] {
            guard try stages.start(name, [], reader) != nil else { return (nil, false) }
        }
        // Makes the past of timeframes that were added since the last run.
        try stages.launch("candlewick", ["refold", "--new"], reader, log: "refold")
        let page = startPage(stages, place.environment)
        guard try stages.start("ingest-stream", [], broker.with([token: nil])) != nil else { return (nil, false) }
        return (page, true)
    }

    private let token = "CANDLEWICK_WEB_TOKEN"

    /// The environment of programs that do not log in.
    private func without(_ environment: Environment) -> Environment {
        let names = PipelineRun.secrets + ["IG_ACC_NUMBER", token]
        return Environment(environment.variables.filter { !names.contains($0.key) })
    }

    /// The pipeline does not need the page: without it the run goes on.
    private func startPage(_ stages: RunningStages, _ environment: Environment) -> String? {
        guard options.web ?? has(web) else { return nil }
        do {
            let hidden = without(environment).with([token: environment[token]])
            return try stages.start(web, [], hidden)?["address"]
        } catch {
            stages.drop(web)
            Program.write(standardError: "candlewick: no page: \(error)\n")
            return nil
        }
    }

    private func show(
        _ stages: RunningStages, _ place: RunPlace, _ page: String?, _ stop: StopSignal, _ style: LiveView.Style
    ) throws {
        if let page { Program.write(standardOutput: "Page: \(page)\n") }
        Program.write(standardOutput: "For commands in another terminal: \(place.export)\n")
        let view = try LiveView(paths: place.paths, environment: place.environment, clock: clock, style: style)
        view.footer = (page.map { "\($0)  " } ?? "") + "shell: . \(place.script)"
        let needed = stages.programs.filter { $0.name != "candlewick" && $0.name != web }
        try view.run(until: try stop.orEnd(of: needed), seconds: options.seconds)
    }
}
