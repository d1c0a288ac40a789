internal import Glibc
internal import Host
internal import Wire

/// An open file, read in parts.
final class ReadFile {
    private let descriptor: Int32
    let path: String

    /// - Returns: `nil` if it does not exist.
    /// - Throws: `Failure` (77) if it is closed to this user, (74).
    init?(_ path: String) throws {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        self.path = path
        guard descriptor >= 0 else {
            let code = errno
            if code == ENOENT { return nil }
            try expectAccess(to: path)
            throw Failure(.io, "\(path) cannot be read: \(systemMessage(code))")
        }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.io, "\(path) is not a file")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    var byteCount: Int { Int(lseek(descriptor, 0, SEEK_END)) }

    /// Fills a buffer from an offset on.
    /// - Returns: how many bytes there were.
    func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        var count = 0
        while count < buffer.count {
            let got = pread(descriptor, buffer.baseAddress! + count, buffer.count - count, off_t(offset + count))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw Failure(.io, "\(path) cannot be read: \(systemMessage(errno))") }
            if got == 0 { break }
            count += got
        }
        return count
    }

    /// The bytes of a stretch; fewer where the file ends.
    func bytes(_ range: Range<Int>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        let count = try bytes.withUnsafeMutableBytes { try read($0, at: range.lowerBound) }
        bytes.removeLast(range.count - count)
        return bytes
    }

    /// CRC-32C of the whole file.
    func checksum() throws -> UInt32 {
        var sum = RunningChecksum()
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var offset = 0
        while true {
            let count = try buffer.withUnsafeMutableBytes { try read($0, at: offset) }
            buffer[..<count].withUnsafeBytes { sum.add($0) }
            offset += count
            if count < buffer.count { return sum.value }
        }
    }
}

/// What the archive does with files and folders. Everything throws `Failure` (74) with the path and the system's reason.
enum Files {
    /// Adds bytes to a file, which is made if it is missing.
    /// - Parameter durably: they are on the disk afterwards.
    static func append(_ bytes: [UInt8], to path: String, durably: Bool = false) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw failure(path, "made") }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(path, "written") }
            rest = rest.dropFirst(count)
        }
        if durably, fsync(file) != 0 { throw failure(path, "written") }
    }

    /// Forces a file, or the names in a folder, to the disk.
    static func sync(_ path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        defer { if file >= 0 { close(file) } }
        guard file >= 0, fsync(file) == 0 else { throw failure(path, "forced to the disk") }
    }

    static func rename(_ path: String, to target: String) throws {
        guard Glibc.rename(path, target) == 0 else { throw failure(target, "made") }
    }

    static func cut(_ path: String, to byteCount: Int) throws {
        guard truncate(path, off_t(byteCount)) == 0 else { throw failure(path, "cut") }
        try sync(path)
    }

    /// Removes a file; one that is missing is no error.
    static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure(path, "removed") }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The names in a folder, sorted; none if it is missing.
    static func names(in folder: String) throws -> [String] {
        guard let directory = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw failure(folder, "read")
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The files in a folder and those below it, by their paths from it on.
    static func all(below folder: String) throws -> [String] {
        try names(in: folder).flatMap { name in
            isFolder("\(folder)/\(name)") ? try all(below: "\(folder)/\(name)").map { "\(name)/\($0)" } : [name]
        }
    }

    static func isFolder(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    /// Removes a folder with all that is in it.
    static func removeFolder(_ folder: String) throws {
        for name in try names(in: folder) {
            let path = "\(folder)/\(name)"
            if isFolder(path) { try removeFolder(path) } else { try remove(path) }
        }
        guard rmdir(folder) == 0 || errno == ENOENT else { throw failure(folder, "removed") }
    }

    private static func failure(_ path: String, _ what: String) -> Failure {
        Failure(.io, "\(path) cannot be \(what): \(systemMessage(errno))")
    }
}
