internal import Glibc
public import Wire

/// How far a consumer has taken a stream: a file `<consumer>.taken` beside the segments with the position in
/// 20 digits. It holds retention back, and nothing else depends on it: a consumer knows its own place better.
/// Removing the file of a consumer that is gone for good lets the journal forget. Source: docs/formats.md § 3.
///
/// - Note: One thread only.
public final class ConsumerMark {
    /// One consumer's mark.
    struct Taken: Hashable, Sendable {
        let consumer: String
        let position: UInt64
    }

    private let folder: String
    private let path: String
    private var descriptor: Int32 = -1
    private var noted: UInt64?

    private static let suffix = ".taken"

    public init(folder: String, consumer: Consumer) {
        self.folder = folder
        path = "\(folder)/\(consumer.rawValue)\(ConsumerMark.suffix)"
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Notes the last position that will not be asked for again. Does nothing before the journal exists.
    /// - Throws: `JournalError`.
    public func note(_ position: UInt64) throws {
        guard position != noted else { return }
        if descriptor < 0 {
            descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o640)
            if descriptor < 0, errno == ENOENT { return }
        }
        let text = positionDigits(position) + "\n"
        guard descriptor >= 0, pwrite(descriptor, text, text.utf8.count, 0) == text.utf8.count else {
            throw JournalError(.mark, path, errno: errno)
        }
        noted = position
    }

    /// The last position that a consumer noted; `nil` without a mark.
    /// - Throws: `JournalError`.
    public static func position(of consumer: Consumer, in folder: String) throws -> UInt64? {
        try all(in: folder).first { $0.consumer == consumer.rawValue }?.position
    }

    /// The marks in a journal's folder, by name. One that cannot be read counts as nothing taken.
    static func all(in folder: String) throws(JournalError) -> [Taken] {
        try fileNames(in: folder).filter { $0.hasSuffix(suffix) }.sorted().map { name in
            let file = open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC)
            defer { if file >= 0 { close(file) } }
            var bytes = [UInt8](repeating: 0, count: 20)
            let count = file >= 0 ? pread(file, &bytes, bytes.count, 0) : 0
            let position = UInt64(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)) ?? 0
            return Taken(consumer: String(name.dropLast(suffix.count)), position: position)
        }
    }
}

@available(*, unavailable)
extension ConsumerMark: Sendable {}

/// The names in a folder, in no order; none where it does not exist.
func fileNames(in folder: String) throws(JournalError) -> [String] {
    guard let directory = opendir(folder) else {
        if errno == ENOENT { return [] }
        throw JournalError(.open, folder, errno: errno)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        names.append(
            withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
}
