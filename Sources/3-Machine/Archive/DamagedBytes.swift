internal import Host
internal import Streams
internal import Wire

/// What of the segments of a batch is no whole record at its place, as it stands there: damaged slots, a header that is
/// not sound, what follows the last slot, records of positions that an earlier segment holds.
/// A file of stretches: the segment's first position, the offset in the segment and the length (u64 each), then the bytes.
final class DamageWriter {
    let path: String
    private let place: String
    private var sum = RunningChecksum()
    private var written = 0
    private var pending: (segment: UInt64, offset: Int, bytes: [UInt8])?

    private static var stretchMax: Int { 1 << 20 }

    /// - Parameter folder: where `path` begins.
    init(path: String, in folder: String) { (self.path, place) = (path, "\(folder)/\(path)") }

    static func path(_ stream: Stream, firstPosition: UInt64) -> String {
        "damage/\(stream.rawValue)/part-\(positionDigits(firstPosition)).bytes"
    }

    /// Adds bytes; those behind the last ones make their stretch longer.
    func append(_ bytes: UnsafeRawBufferPointer, segment: UInt64, offset: Int) throws {
        if let last = pending,
            last.segment != segment || last.offset + last.bytes.count != offset
                || last.bytes.count >= Self.stretchMax
        {
            try flush()
        }
        if pending == nil { pending = (segment, offset, []) }
        pending?.bytes.append(contentsOf: bytes)
    }

    private func flush() throws {
        guard let (segment, offset, content) = pending else { return }
        if written == 0 { try makeFolder(parentFolder(of: place)) }
        var bytes: [UInt8] = []
        for number in [segment, UInt64(offset), UInt64(content.count)] { withUnsafeBytes(of: number) { bytes += $0 } }
        bytes += content
        try Files.append(bytes, to: place)
        bytes.withUnsafeBytes { sum.add($0) }
        written += bytes.count
        pending = nil
    }

    /// - Returns: the file; `nil` if there was nothing to write.
    func finish() throws -> ArchiveBatch.Damage? {
        try flush()
        guard written > 0 else { return nil }
        return ArchiveBatch.Damage(path: path, bytes: written, crc32c: hexadecimal(sum.value))
    }
}

@available(*, unavailable)
extension DamageWriter: Sendable {}

/// Puts those bytes back.
struct DamagedBytes {
    private struct Stretch {
        let segment: UInt64
        let bytes: Range<Int>
        /// In the file of stretches.
        let place: Int
    }

    private let file: ReadFile?
    private let stretches: [Stretch]

    /// Of a batch without damage.
    init() { (file, stretches) = (nil, []) }

    /// - Parameter folder: where the file's path begins.
    /// - Throws: `ArchiveDamage`, `Failure` (74).
    init(_ damage: ArchiveBatch.Damage, in folder: String) throws {
        guard let file = try ReadFile("\(folder)/\(damage.path)") else { throw ArchiveDamage("it is missing") }
        try file.expect(bytes: damage.bytes, crc32c: damage.crc32c)
        var stretches: [Stretch] = []
        var offset = 0
        let end = file.byteCount
        while offset < end {
            let head = try file.bytes(offset..<(offset + 24))
            guard head.count == 24 else { throw ArchiveDamage("it ends inside a stretch") }
            let numbers = head.withUnsafeBytes { bytes in
                [0, 8, 16].map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self) }
            }
            guard numbers[1] < 1 << 48, numbers[2] <= UInt64(end - offset - 24) else {
                throw ArchiveDamage("a stretch reaches beyond its end")
            }
            let range = Int(numbers[1])..<(Int(numbers[1]) + Int(numbers[2]))
            stretches.append(Stretch(segment: numbers[0], bytes: range, place: offset + 24))
            offset += 24 + range.count
        }
        (self.file, self.stretches) = (file, stretches)
    }

    /// Puts the stretches of a segment into a part of it that begins at `offset`.
    func put(into part: UnsafeMutableRawBufferPointer, segment: UInt64, offset: Int) throws {
        guard let file else { return }
        let range = offset..<(offset + part.count)
        for stretch in stretches where stretch.segment == segment && stretch.bytes.overlaps(range) {
            let common = stretch.bytes.clamped(to: range)
            let target = UnsafeMutableRawBufferPointer(
                rebasing: part[(common.lowerBound - offset)..<(common.upperBound - offset)])
            _ = try file.read(target, at: stretch.place + common.lowerBound - stretch.bytes.lowerBound)
        }
    }
}
