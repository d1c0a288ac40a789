internal import Glibc

/// An exclusive lock on a file, held until the process ends or the lock is released. The file holds the
/// owner's process id, and the note that the owner leaves for the next one.
public final class FileLock {
    private let descriptor: Int32
    public let path: String
    /// The note that the previous owner wrote after its process id.
    public let formerNote: String

    /// - Throws: `Failure` (75) that names the process which holds the lock; (74) for anything else.
    public init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw Failure(.io, "lock \(path) cannot be opened: \(systemMessage(errno))") }
        let former = FileLock.content(descriptor)
        guard FileLock.take(descriptor) else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw Failure(.io, "lock \(path): \(systemMessage(code))") }
            let owner = former.prefix { $0 != "\n" }
            throw Failure(.temporary, "process \(owner) holds \(path): only one process may write here")
        }
        formerNote = former.split(separator: "\n", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
        // The former note stays until the owner has its own: a start that fails must not forget it.
        try write(note: formerNote)
    }

    /// Tries for a tenth of a second: a process that only looks holds it for a moment.
    private static func take(_ descriptor: Int32) -> Bool {
        for _ in 0..<10 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK else { return false }
            poll(nil, 0, 10)
        }
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    /// The process that holds it, also another user's; `nil` where none does.
    public static func owner(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // A stage that starts at this very moment tries again.
        guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
        return String(content(descriptor).prefix { $0 != "\n" })
    }

    /// Replaces the note for the next owner.
    public func write(note: String) throws {
        let text = "\(getpid())\n\(note)"
        // Over the former bytes: on a full disk they are all there is.
        guard pwrite(descriptor, text, text.utf8.count, 0) == text.utf8.count,
            ftruncate(descriptor, off_t(text.utf8.count)) == 0, fdatasync(descriptor) == 0
        else {
            throw Failure(.io, "lock \(path) cannot be written: \(systemMessage(errno))")
        }
    }

    private static func content(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    deinit { close(descriptor) }
}

@available(*, unavailable)
extension FileLock: Sendable {}
