internal import Glibc
internal import Synchronization

/// The highest position that a journal ever gave, in a file beside its folder: a folder that is shortened, or that
/// comes back out of a copy, does not take it back. Source: docs/formats.md § 3, docs/decisions/0023.
///
/// | offset | size | field    | meaning                             |
/// |-------:|-----:|----------|-------------------------------------|
/// |      0 |    8 | magic    | ASCII `CWHIGHST`                    |
/// |      8 |    4 | version  | u32, 1                              |
/// |     12 |    4 | reserved | 0                                   |
/// |     16 |    8 | position | u64, the highest position           |
/// |     24 |    8 | inverse  | its bits inverted                   |
/// |     32 |   16 | copy     | position and inverse a second time  |
/// |     48 |   16 | reserved | 0                                   |
///
/// The file is mapped: raising the mark is a few stores in memory. They survive the death of the process; the
/// journal's syncer makes them durable.
///
/// - Note: Data thread only.
final class HighWaterMark {
    enum Content: Hashable {
        /// The journal is of a version that kept no mark, or it never began.
        case absent
        /// Neither of the two copies is whole.
        case unreadable
        case position(UInt64)
    }

    static let byteCount = 64
    private static let copies = [16, 32]

    let descriptor: Int32
    private let bytes: UnsafeMutableRawPointer

    static func path(of folder: String) -> String { "\(folder).highest" }

    /// What a file says; may run beside its writer.
    /// - Throws: `JournalError` when it is there and cannot be opened.
    static func content(of folder: String) throws(JournalError) -> Content {
        let path = path(of: folder)
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return .absent }
            throw JournalError(.mark, path, errno: errno)
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: byteCount)
        guard pread(file, &bytes, bytes.count, 0) == bytes.count else { return .unreadable }
        let positions = bytes.withUnsafeBytes { bytes in
            copies.compactMap { offset -> UInt64? in
                let position = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                let inverse = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
                return position == ~inverse && position < Segment.positionMax ? position : nil
            }
        }
        return positions.max().map { .position($0) } ?? .unreadable
    }

    /// Opens the mark, or makes it, at a position.
    /// - Throws: `JournalError`.
    init(folder: String, position: UInt64) throws(JournalError) {
        let path = HighWaterMark.path(of: folder)
        if case .position = try HighWaterMark.content(of: folder) {} else { try HighWaterMark.make(path, position) }
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw JournalError(.mark, path, errno: errno) }
        let mapped = mmap(nil, HighWaterMark.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let mapped, mapped != MAP_FAILED else {
            let code = errno
            close(file)
            throw JournalError(.mark, path, errno: code)
        }
        (descriptor, bytes) = (file, mapped)
        raise(to: position)
        guard fdatasync(file) == 0 else { throw JournalError(.mark, path, errno: errno) }
    }

    deinit {
        munmap(bytes, HighWaterMark.byteCount)
        close(descriptor)
    }

    /// One copy after the other: whatever ends the process in between, one of them is whole.
    func raise(to position: UInt64) {
        for offset in HighWaterMark.copies {
            bytes.storeBytes(of: position, toByteOffset: offset, as: UInt64.self)
            bytes.storeBytes(of: ~position, toByteOffset: offset + 8, as: UInt64.self)
            atomicMemoryFence(ordering: .releasing)
        }
    }

    /// Written in full before it is mapped: a store into a mapped file whose block the disk has no room for would end
    /// the process.
    private static func make(_ path: String, _ position: UInt64) throws(JournalError) {
        var bytes = Array("CWHIGHST".utf8)
        withUnsafeBytes(of: UInt64(1)) { bytes += $0 }
        for word in [position, ~position, position, ~position, 0, 0] { withUnsafeBytes(of: word) { bytes += $0 } }
        let draft = "\(path).part"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw JournalError(.mark, draft, errno: errno) }
        defer { close(file) }
        guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0, rename(draft, path) == 0 else {
            throw JournalError(.mark, draft, errno: errno)
        }
        let slash = path.lastIndex(of: "/")
        try syncFolder(slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".")
    }
}

@available(*, unavailable)
extension HighWaterMark: Sendable {}
