public import Host

/// That a database's file is not there, and the next step.
public func missingDatabase(_ path: String) -> Failure {
    Failure(
        .unavailable,
        """
        the database \(path) does not exist: start the pipeline, or name the folder of another one with \
        CANDLEWICK_STATE_DIR
        """)
}

/// A database operation that failed: what was being done, to which database, and the engine's reason.
public struct StoreError: ExitCodeProviding, CustomStringConvertible {
    public let operation: String
    /// The file, or another name of the database.
    public let path: String
    public let reason: String
    public let exitCode: ExitCode

    public init(_ operation: String, _ path: String, reason: String, exitCode: ExitCode) {
        (self.operation, self.path, self.reason, self.exitCode) = (operation, path, reason, exitCode)
    }

    public var description: String { "database \(path): \(operation) failed: \(reason)" }
}
