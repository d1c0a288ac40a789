internal import Glibc
public import MarketData

/// A moment that outlasts the process: the time of an empty file, which a full disk takes too.
public struct TimeMark: Sendable {
    private let path: String

    public init(path: String) { self.path = path }

    /// When it was set last; `nil` if it is not set.
    public var time: UTCNanos? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return UTCNanos(rawValue: Int64(info.st_mtim.tv_sec) * UTCNanos.perSecond + Int64(info.st_mtim.tv_nsec))
    }

    /// Sets it to now.
    /// - Returns: whether it could: if not, the disk takes nothing, or the folder belongs to another user.
    @discardableResult
    public func set() -> Bool {
        let file = openFile()
        guard file >= 0 else { return false }
        defer { close(file) }
        return futimens(file, nil) == 0
    }

    /// A file of another user's is replaced.
    private func openFile() -> Int32 {
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o640)
        if file < 0, errno == EACCES, unlink(path) == 0 { return openFile() }
        return file
    }

    public func remove() { unlink(path) }
}

extension TimeMark {
    /// The last attempt to log in, of all programs that log in to the account.
    public static func lastLogin(stateFolder: String) -> TimeMark { TimeMark(path: "\(stateFolder)/last-login") }

    /// Set while the broker's last answer to `ingest-stream` was that no login will succeed.
    public static func loginRefused(stateFolder: String) -> TimeMark { TimeMark(path: "\(stateFolder)/login-refused") }

    /// The last backup of the database.
    public static func lastBackup(stateFolder: String) -> TimeMark { TimeMark(path: "\(stateFolder)/last-backup") }
}
