internal import Glibc

/// Which file a path names: another one after it was moved away or restored.
public struct FileIdentity: Equatable, Sendable {
    private let device: dev_t
    private let inode: ino_t

    /// - Returns: `nil` if the path names none.
    public init?(_ path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        (device, inode) = (info.st_dev, info.st_ino)
    }
}
