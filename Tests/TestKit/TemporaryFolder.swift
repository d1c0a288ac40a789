import Glibc

/// A fresh folder, removed with all it holds at the end.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() {
        var template = Array("/tmp/cw-test-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no temporary folder: \(String(cString: strerror(errno)))")
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit { removeTree(path) }

    /// Writes a file into the folder.
    /// - Returns: its path.
    @discardableResult
    public func write(_ bytes: some Collection<UInt8>, to name: String) -> String {
        let file = "\(path)/\(name)"
        TemporaryFolder.overwrite(file, Array(bytes))
        return file
    }
}

/// The whole content of a file; empty if it is missing.
public func fileBytes(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 { content += buffer[..<count] }
    return content
}

/// The names in a folder, sorted.
public func folderNames(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

private func removeTree(_ path: String) {
    var info = stat()
    guard lstat(path, &info) == 0 else { return }
    guard info.st_mode & S_IFMT == S_IFDIR else {
        unlink(path)
        return
    }
    for name in folderNames(path) { removeTree("\(path)/\(name)") }
    rmdir(path)
}

extension TemporaryFolder {
    /// Replaces a file's content.
    public static func overwrite(_ path: String, _ bytes: [UInt8]) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        precondition(descriptor >= 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
    }
}

extension TemporaryFolder {
    /// Removes the segments of a journal but the newest, as retention does.
    /// - Parameter last: only those that end before a later position.
    public static func dropClosedSegments(of journal: String, through last: UInt64 = .max) {
        let names = folderNames(journal).filter { $0.hasSuffix(".journal") }
        for (name, next) in zip(names, names.dropFirst()) where UInt64(next.prefix(20)).map({ $0 - 1 <= last }) ?? false
        {
            unlink("\(journal)/\(name)")
        }
    }
}
