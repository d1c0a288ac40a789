internal import GRDB
internal import Host
internal import Store

extension StoreError {
    init(_ operation: String, _ path: String, _ error: DatabaseError) {
        let reason = "\(error.message ?? "reason unknown") (SQLite \(error.extendedResultCode.rawValue))"
        let exitCode: ExitCode =
            switch error.resultCode {
            case .SQLITE_NOTADB, .SQLITE_CORRUPT: .badData
            case .SQLITE_BUSY, .SQLITE_LOCKED: .temporary
            default: .io
            }
        self.init(operation, path, reason: reason, exitCode: exitCode)
    }
}
