internal import FoundationEssentials
internal import Glibc

/// A file that appears under its name only when it is whole.
public final class NewFile {
    private let path: String
    private let draft: String
    private var descriptor: Int32

    /// - Parameter replacing: whether it takes the place of a file of this name.
    /// - Throws: `Failure` (64) if it is there already, (74) if it cannot be made.
    public init(path: String, replacing: Bool = false) throws {
        self.path = path
        draft = "\(path).part"
        guard replacing || access(path, F_OK) != 0 else { throw Failure(.usage, "\(path) exists: name another file") }
        descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw Failure(.io, "\(draft) cannot be made: \(systemMessage(errno))") }
    }

    /// - Throws: `Failure` (74).
    public func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// - Throws: `Failure` (74).
    public func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(.io, "\(draft) cannot be written: \(systemMessage(errno))") }
            rest = rest.dropFirst(count)
        }
    }

    /// Puts it in its place, on the disk.
    /// - Throws: `Failure` (74).
    public func publish() throws {
        guard fsync(descriptor) == 0, rename(draft, path) == 0 else {
            throw Failure(.io, "\(path) cannot be made: \(systemMessage(errno))")
        }
        close(descriptor)
        descriptor = -1
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(draft)
    }
}

@available(*, unavailable)
extension NewFile: Sendable {}

/// Replaces a file by another whole one: a reader sees the one or the other.
/// - Throws: `Failure` (74).
public func replaceFile(_ path: String, with text: String) throws {
    do {
        try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
        throw Failure(.io, "\(path) cannot be written: \(error)")
    }
}

/// Replaces a file by another whole one, on the disk: whatever ends the machine, it has the one or the other.
/// - Throws: `Failure` (74).
public func replaceFile(_ path: String, durablyWith bytes: [UInt8]) throws {
    let file = try NewFile(path: path, replacing: true)
    try file.write(bytes)
    try file.publish()
    let folder = open(parentFolder(of: path), O_RDONLY | O_CLOEXEC)
    defer { if folder >= 0 { close(folder) } }
    guard folder >= 0, fsync(folder) == 0 else {
        throw Failure(.io, "\(path) cannot be made durable: \(systemMessage(errno))")
    }
}

/// The whole content of a file.
/// - Returns: `nil` if it cannot be read.
public func readFile(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var info = stat()
    // The end of a folder would be a number without sense.
    guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
    let size = Int(info.st_size)
    var isWhole = true
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { room, count in
        while isWhole, count < size {
            let read = pread(file, room.baseAddress! + count, size - count, off_t(count))
            isWhole = read > 0
            count += max(0, read)
        }
    }
    return isWhole ? bytes : nil
}

/// The folder of a file: what is before the last `/`; `.` without one.
public func parentFolder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
