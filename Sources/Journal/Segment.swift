internal import Glibc
internal import Wire

/// One file of a journal: a header of 64 bytes, then records of one fixed size, contiguous in position.
/// Source: docs/formats.md § 3.
///
/// | offset | size | field         | meaning                                        |
/// |-------:|-----:|---------------|------------------------------------------------|
/// |      0 |    8 | magic         | ASCII `CWJOURNL`                               |
/// |      8 |    4 | version       | u32, 1                                         |
/// |     12 |    4 | recordSize    | u32, 64 or 192                                 |
/// |     16 |    8 | firstPosition | u64, position of the first record              |
/// |     24 |   36 | reserved      | 0                                              |
/// |     60 |    4 | crc32c        | of bytes 0–59                                  |
/// |     64 |    … | records       | record of position p at 64 + (p − first) · size |
///
/// The file's name is the first position in 20 digits and `.journal`. A jump between the end of one
/// segment and the first position of the next is a recorded skip: those positions were never given.
struct Segment: Hashable {
    let path: String
    let firstPosition: UInt64

    static let headerSize = 64
    static let suffix = ".journal"
    static let version: UInt32 = 1

    init(folder: String, firstPosition: UInt64) {
        let digits = String(firstPosition)
        path = "\(folder)/\(String(repeating: "0", count: 20 - digits.count))\(digits)\(Segment.suffix)"
        self.firstPosition = firstPosition
    }

    /// The segments of a folder, oldest first. A folder that does not exist has none.
    static func all(in folder: String) throws(JournalError) -> [Segment] {
        guard let directory = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw JournalError(.open, folder, errno: errno)
        }
        defer { closedir(directory) }
        var found: [UInt64] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.utf8.count == 28, name.hasSuffix(suffix), let first = UInt64(name.prefix(20)) {
                found.append(first)
            }
        }
        return found.sorted().map { Segment(folder: folder, firstPosition: $0) }
    }

    func header(recordSize: Int) -> [UInt8] {
        var bytes = Array("CWJOURNL".utf8)
        for word in [Segment.version, UInt32(recordSize)] { withUnsafeBytes(of: word) { bytes += $0 } }
        withUnsafeBytes(of: firstPosition) { bytes += $0 }
        bytes += [UInt8](repeating: 0, count: 36)
        let sum = bytes.withUnsafeBytes { checksum(of: $0) }
        withUnsafeBytes(of: sum) { bytes += $0 }
        return bytes
    }

    /// Opens the file for reading and checks its header.
    /// - Returns: the descriptor; `nil` where the header is not written yet (the writer was killed there).
    func openForReading(recordSize: Int) throws(JournalError) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw JournalError(.open, path, errno: errno) }
        var bytes = [UInt8](repeating: 0, count: Segment.headerSize)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        if count == bytes.count, bytes == header(recordSize: recordSize) { return descriptor }
        close(descriptor)
        if (0..<bytes.count).contains(count) { return nil }
        throw JournalError(
            .read, path, reason: "the header is not that of a version 1 journal of \(recordSize)-byte records")
    }
}
