internal import Glibc
public import MarketData

/// When a login was last attempted, over restarts: the time of a file, which a full disk takes too.
public struct LoginMark: Sendable {
    private let path: String

    /// - Parameter stateFolder: of all programs that log in to the account.
    public init(stateFolder: String) { path = "\(stateFolder)/last-login" }

    /// How long ago that was, ns; `nil` before the first. One in the future shows that the clock was set back: it may be
    /// of just now.
    public func age(now: UTCNanos) -> Int64? { time.map { max(0, now.rawValue - $0.rawValue) } }

    /// `nil` before the first.
    public var time: UTCNanos? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return UTCNanos(rawValue: Int64(info.st_mtim.tv_sec) * UTCNanos.perSecond + Int64(info.st_mtim.tv_nsec))
    }

    /// Where it fails the disk takes nothing, and the journal will say so.
    public func set() {
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o640)
        guard file >= 0 else { return }
        futimens(file, nil)
        close(file)
    }
}
