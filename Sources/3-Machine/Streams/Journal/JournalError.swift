public import Host

/// A journal file that cannot be used: what was being done, to which file, where and why.
public struct JournalError: ExitCodeProviding, CustomStringConvertible {
    public enum Operation: String, Sendable {
        case open, append, sync, read, cut, drop, mark, repair
    }

    public let operation: Operation
    public let path: String
    public let reason: String
    public let isDamage: Bool
    /// It is closed to this user.
    private let isClosed: Bool

    init(_ operation: Operation, _ path: String, errno code: Int32) {
        self.operation = operation
        self.path = path
        let closed = ClosedPath(path, .read)
        reason = closed?.description ?? systemMessage(code)
        isClosed = closed != nil
        isDamage = false
    }

    /// Damage: the file is there and readable, its content is wrong.
    init(_ operation: Operation, _ path: String, reason: String) {
        self.operation = operation
        self.path = path
        self.reason = reason
        isClosed = false
        isDamage = true
    }

    public var exitCode: ExitCode { isDamage ? .badData : isClosed ? .notPermitted : .io }

    public var description: String { "journal \(path): \(operation.rawValue) failed: \(reason)" }
}
