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
/// A segment takes `segment_records` records and at most a day of the stream's own time.
struct Segment: Hashable {
    let path: String
    let firstPosition: UInt64

    static let headerSize = 64
    static let suffix = ".journal"
    static let version: UInt32 = 1
    /// No journal reaches this position: a writer never gives a larger number as a name.
    static let positionMax: UInt64 = 1 << 62

    init(folder: String, firstPosition: UInt64) {
        path = "\(folder)/\(positionDigits(firstPosition))\(Segment.suffix)"
        self.firstPosition = firstPosition
    }

    /// All that has the name of a segment in a folder, oldest first. A folder that does not exist has none.
    static func all(in folder: String) throws(JournalError) -> [Segment] {
        let found = try fileNames(in: folder).compactMap { name in
            name.utf8.count == 28 && name.hasSuffix(suffix) ? UInt64(name.prefix(20)) : nil
        }
        return found.sorted().map { Segment(folder: folder, firstPosition: $0) }
    }

    /// The same without what is misplaced.
    static func inPlace(in folder: String, recordSize: Int) throws(JournalError) -> [Segment] {
        var segments: [Segment] = []
        for segment in try all(in: folder) where try segment.misplacement(recordSize: recordSize) == nil {
            segments.append(segment)
        }
        return segments
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

    /// Opens the file for reading and checks its header. A header whose own checksum is wrong does not
    /// matter: name and stream say all that it says, and every record has a checksum.
    /// - Returns: the descriptor; `nil` if the header is not written yet (the writer was killed there), if the segment
    ///   has just been dropped by age, or if it is misplaced.
    /// - Throws: `JournalError`, also if a later version wrote it.
    func openForReading(recordSize: Int) throws(JournalError) -> Int32? {
        guard let (descriptor, bytes) = try openHeader() else { return nil }
        if bytes.count == Segment.headerSize, try misplacement(bytes, recordSize: recordSize) == nil {
            return descriptor
        }
        close(descriptor)
        return nil
    }

    /// What the header says of a file that does not belong under its name; `nil` if it does.
    /// - Throws: `JournalError`, also if a later version wrote it.
    func misplacement(recordSize: Int) throws(JournalError) -> Misplacement? {
        guard let (descriptor, bytes) = try openHeader() else { return nil }
        close(descriptor)
        return try misplacement(bytes, recordSize: recordSize)
    }

    /// - Returns: the file and its first bytes, as many as there are of a header; `nil` if there is no file.
    private func openHeader() throws(JournalError) -> (descriptor: Int32, bytes: [UInt8])? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw JournalError(.open, path, errno: errno)
        }
        var bytes = [UInt8](repeating: 0, count: Segment.headerSize)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else {
            let code = errno
            close(descriptor)
            throw JournalError(.read, path, errno: code)
        }
        return (descriptor, Array(bytes.prefix(count)))
    }

    private func misplacement(_ bytes: [UInt8], recordSize: Int) throws(JournalError) -> Misplacement? {
        let header = Misplacement(header: bytes)
        if let header, header.version > Segment.version {
            throw JournalError(
                .read, path, reason: "its version is \(header.version), this program reads version \(Segment.version)"
            )
        }
        guard (1..<Segment.positionMax).contains(firstPosition) else { return header ?? .unknown }
        let belongs =
            bytes.count < Segment.headerSize || !Segment.isHeaderWhole(bytes)
            || bytes == self.header(recordSize: recordSize)
        return belongs ? nil : header ?? .unknown
    }

    /// Renames the file so that readers and writers pass over it; its content stays.
    /// - Returns: its new path.
    func setAside() throws(JournalError) -> String {
        var target = "\(path).misplaced"
        var number = 2
        while access(target, F_OK) == 0 {
            target = "\(path).misplaced-\(number)"
            number += 1
        }
        guard rename(path, target) == 0 else { throw JournalError(.repair, path, errno: errno) }
        return target
    }

    /// Writes the header again where it is damaged.
    /// - Returns: whether it was.
    func repairHeader(recordSize: Int) throws(JournalError) -> Bool {
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw JournalError(.open, path, errno: errno) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: Segment.headerSize)
        guard pread(file, &bytes, bytes.count, 0) == bytes.count, !Segment.isHeaderWhole(bytes) else { return false }
        let header = header(recordSize: recordSize)
        guard pwrite(file, header, header.count, 0) == header.count, fdatasync(file) == 0 else {
            throw JournalError(.repair, path, errno: errno)
        }
        return true
    }

    static func isHeaderWhole(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes {
            checksum(of: UnsafeRawBufferPointer(rebasing: $0[..<60]))
                == $0.loadUnaligned(fromByteOffset: 60, as: UInt32.self)
        }
    }

    /// The slot of a position that is not before the segment; `nil` if no file is so long.
    func slot(of position: UInt64) -> Int? {
        let slot = position - firstPosition
        return slot < 1 << 48 ? Int(slot) : nil
    }

    /// Where the record in a slot begins in the file; slot 0 holds `firstPosition`.
    static func offset(slot: Int, recordSize: Int) -> Int { headerSize + slot * recordSize }

    /// Hands out the slots from one on, in order, each with whether it holds its record whole, until `body`
    /// returns false or the whole slots of the file end.
    func eachSlot(
        from slot: Int, _ descriptor: Int32, recordSize: Int, _ body: (Int, Bool, UnsafeRawBufferPointer) -> Bool
    ) throws(JournalError) {
        var chunk = [UInt8](repeating: 0, count: 1_024 * recordSize)
        var next = slot
        while true {
            let offset = Segment.offset(slot: next, recordSize: recordSize)
            let count = pread(descriptor, &chunk, chunk.count, off_t(offset))
            guard count >= 0 else { throw JournalError(.read, path, errno: errno) }
            let wantsMore = chunk.withUnsafeBytes { bytes in
                for start in stride(from: 0, through: count - recordSize, by: recordSize) {
                    let record = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + recordSize)])
                    let isValid =
                        RecordBytes.isValid(record) && RecordBytes.position(record) == firstPosition + UInt64(next)
                    if !body(next, isValid, record) { return false }
                    next += 1
                }
                return true
            }
            if !wantsMore || count < chunk.count { return }
        }
    }

    /// The first slot at or after one that holds its record whole.
    func firstValidSlot(from slot: Int, _ descriptor: Int32, recordSize: Int) throws(JournalError) -> Int? {
        var found: Int?
        try eachSlot(from: slot, descriptor, recordSize: recordSize) { slot, isValid, _ in
            if isValid { found = slot }
            return !isValid
        }
        return found
    }
}

/// What a whole header says of its file, if that is not what name and stream say.
struct Misplacement: Hashable {
    var version: UInt32 = 0
    /// 0: unknown.
    var recordSize = 0
    var firstPosition: UInt64 = 0

    /// The header is not one of ours.
    static let unknown = Misplacement()

    private init() {}

    /// - Returns: `nil` if the header is not whole, or not that of a journal.
    init?(header: [UInt8]) {
        guard header.count == Segment.headerSize, header.starts(with: "CWJOURNL".utf8), Segment.isHeaderWhole(header)
        else {
            return nil
        }
        (version, recordSize, firstPosition) = header.withUnsafeBytes {
            (
                $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self),
                Int($0.loadUnaligned(fromByteOffset: 12, as: UInt32.self)),
                $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            )
        }
    }
}

/// A position in 20 digits, as in the names of files.
public func positionDigits(_ position: UInt64) -> String {
    let digits = String(position)
    return String(repeating: "0", count: 20 - digits.count) + digits
}
