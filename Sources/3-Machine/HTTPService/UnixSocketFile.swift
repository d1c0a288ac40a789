internal import Glibc
internal import Host

/// The path of a Unix socket that is about to be listened at. A second server would silently take the path from the first,
/// so the lock beside it comes first.
final class UnixSocketFile: @unchecked Sendable {
    private let path: String
    /// Held until the end; never used otherwise, so that it may be anyone's.
    private let lock: FileLock

    /// - Throws: `Failure` (75) if another process has it; (78) if the path is something else's; (74).
    init(_ path: String) throws {
        self.path = path
        lock = try FileLock(path: "\(path).lock")
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            throw Failure(.configuration, "\(path) is not a socket: remove it, or name another path in web.listen")
        }
        remove()
    }

    /// For the owner and the group, whatever the umask.
    func letGroupConnect() throws {
        guard chmod(path, 0o660) == 0 else { throw Failure(.io, "\(path): \(systemMessage(errno))") }
    }

    func remove() { unlink(path) }
}
