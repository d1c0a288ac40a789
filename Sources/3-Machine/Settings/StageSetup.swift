public import ArgumentParser
public import Host
public import Logging

/// The options that every daemon has.
public struct StageOptions: ParsableArguments {
    @Option(help: "Least level to log: trace, debug, info, notice, warning or error.")
    public var logLevel: Logger.Level = .info

    public init() {}
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

/// What a daemon needs before it can begin.
public struct StageSetup {
    public let environment: Environment
    public let paths: Paths
    public let configuration: Configuration
    public let stop: StopSignal
    public let service: ServiceNotifier
}

extension Program {
    /// Reads environment and configuration, makes the folders, and runs a daemon's body.
    /// - Parameter makesFolders: not for those that only look.
    public static func run(
        _ name: String, _ options: StageOptions, makesFolders: Bool = true, _ body: (StageSetup, Logger) throws -> Void
    ) -> Never {
        run(name, logLevel: options.logLevel) { logger in
            let stop = try StopSignal()
            try checkDescriptorLimit()
            let environment = Environment.process
            let configuration = try Configuration.load(environment: environment)
            let paths = try Paths(environment: environment, collector: configuration.collector)
            if makesFolders { try paths.prepare() }
            let service = try ServiceNotifier(environment: environment, clock: .system)
            let setup = StageSetup(
                environment: environment, paths: paths, configuration: configuration, stop: stop, service: service)
            try body(setup, logger)
        }
    }

    /// What the help of those says that log in.
    public static let credentialsHelp = """
        CREDENTIALS (environment, or systemd credentials of the same names; never
        arguments)
          IG_API_KEY, IG_USERNAME, IG_PASSWORD
          IG_ACC_NUMBER  the account to use (else the broker's preferred account)
          IG_DEMO        true (default) or false
          IG_REST_URL    another REST base: the simulator, a proxy
          IG_CA_FILE     PEM certificates to trust instead of the system's, for
                         IG_REST_URL


        """

    /// What every daemon's help says about its surroundings.
    public static let environmentHelp = """
        ENVIRONMENT
          CANDLEWICK_RUNTIME_DIR  folder of the sockets (else RUNTIME_DIRECTORY,
                                  XDG_RUNTIME_DIR/candlewick, /tmp/candlewick-UID)
          CANDLEWICK_STATE_DIR    folder of journals and database (else
                                  STATE_DIRECTORY, ~/.local/state/candlewick)
          CANDLEWICK_DATABASE     the database (else candlewick.db in the state
                                  folder), or the URI of a PostgreSQL server,
                                  postgresql://… (\(Document.path("scaling.md")))
          CANDLEWICK_CONFIG       configuration file (\(Document.path("configuration.md")));
                                  optional (else candlewick.yaml in
                                  CONFIGURATION_DIRECTORY, if it exists)
          NOTIFY_SOCKET, WATCHDOG_USEC
                                  set by the supervisor: the socket for ready,
                                  alive and stopping, and the time between two
                                  signs of life

        EXIT CODES
          0 stopped in order, 64 wrong arguments, 65 damaged data, 66 a file to read
          is missing, 69 broker unavailable, 74 disk or socket failed, 75 another
          process holds the lock, 77 the files belong to another user, 78 wrong
          configuration or credentials
        """
}
