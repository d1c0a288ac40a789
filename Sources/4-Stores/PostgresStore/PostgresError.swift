internal import Host
internal import Store

/// What the server or the connection said.
struct PostgresError: Error {
    /// SQLSTATE, five characters; `nil` if the connection was lost.
    let state: String?
    let message: String

    static let invalidPassword = "28P01"
    static let lockNotAvailable = "55P03"
    static let readOnly = "25006"

    /// Nothing is wrong with the installation: a new process finds a server again, and goes on at the position that is
    /// in the database.
    private var isPassing: Bool {
        guard let state else { return true }
        // Connection lost, server stopped or starting, read-only after a failover, serialization, deadlock, a row that came
        // or a month that was dropped meanwhile, lock, limits.
        return state.hasPrefix("08") || state.hasPrefix("57P0")
            || [Self.readOnly, Self.lockNotAvailable, "40001", "40P01", "23505", "23514", "53300"].contains(state)
    }

    var exitCode: ExitCode {
        switch state {
        case _ where isPassing: .temporary
        case .some("42501"): .notPermitted
        case .some(let state) where state.hasPrefix("XX"): .badData
        default: .io
        }
    }
}

extension StoreError {
    init(_ operation: String, _ path: String, _ error: PostgresError) {
        let state = error.state.map { " (SQLSTATE \($0))" } ?? ""
        self.init(operation, path, reason: error.message + state, exitCode: error.exitCode)
    }
}
