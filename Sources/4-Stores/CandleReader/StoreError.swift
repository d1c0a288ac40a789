package import GRDB
public import Host

/// A database operation that failed: what was being done, to which file, and SQLite's reason.
public struct StoreError: ExitCodeProviding, CustomStringConvertible {
    public let operation: String
    public let path: String
    public let reason: String
    public let exitCode: ExitCode

    package init(_ operation: String, _ path: String, _ error: DatabaseError) {
        self.operation = operation
        self.path = path
        reason = "\(error.message ?? "reason unknown") (SQLite \(error.extendedResultCode.rawValue))"
        switch error.resultCode {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT: exitCode = .badData
        case .SQLITE_BUSY, .SQLITE_LOCKED: exitCode = .temporary
        default: exitCode = .io
        }
    }

    public var description: String { "database \(path): \(operation) failed: \(reason)" }
}
