internal import Host
internal import Streams
internal import Wire

/// Reads a segment's file once, from its first to its last byte, and says what is a record in its place.
struct SegmentScan {
    let segment: ClosedSegment

    enum Part {
        /// Whole, with the position of its slot, above those that were had before.
        case record
        /// Anything else.
        case bytes
    }

    /// - Parameters:
    ///   - last: the last position that was had before: an earlier segment may hold records of the same positions.
    ///   - body: takes each part of the file with its offset.
    /// - Returns: the segment as the manifest names it.
    /// - Throws: `Failure` (74), `JournalError`.
    func read(after last: UInt64, _ body: (Part, UnsafeRawBufferPointer, _ offset: Int) throws -> Void) throws
        -> ArchiveBatch.Segment
    {
        guard let file = try ReadFile(segment.path) else {
            throw Failure(.temporary, "\(segment.path) was dropped while it was being archived: run it again")
        }
        let (size, end) = (segment.recordSize, file.byteCount)
        let sound = ClosedSegment.header(firstPosition: segment.firstPosition, recordSize: size)
        let header = try file.bytes(0..<min(end, sound.count))
        var sum = RunningChecksum()
        try header.withUnsafeBytes { bytes in
            sum.add(bytes)
            if header != sound { try body(.bytes, bytes, 0) }
        }
        var buffer = [UInt8](repeating: 0, count: SegmentRebuilder.slotsAtOnce * size)
        var offset = header.count
        while offset < end {
            let wanted = min(buffer.count, end - offset)
            let count = try buffer.withUnsafeMutableBytes {
                try file.read(UnsafeMutableRawBufferPointer(rebasing: $0[..<wanted]), at: offset)
            }
            guard count == wanted else { throw Failure(.io, "\(segment.path) became shorter while it was read") }
            try buffer[..<count].withUnsafeBytes { bytes in
                sum.add(bytes)
                try cut(bytes, at: offset, after: last, body)
            }
            offset += count
        }
        return ArchiveBatch.Segment(
            firstPosition: segment.firstPosition, slots: max(0, end - sound.count) / size, bytes: end,
            crc32c: hexadecimal(sum.value))
    }

    private func cut(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, after last: UInt64,
        _ body: (Part, UnsafeRawBufferPointer, _ offset: Int) throws -> Void
    ) throws {
        let size = segment.recordSize
        var position = segment.firstPosition + UInt64((offset - ClosedSegment.headerSize) / size)
        for start in stride(from: 0, to: bytes.count, by: size) {
            let slot = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + size, bytes.count)])
            let isRecord =
                slot.count == size && position > last && RecordBytes.isValid(slot)
                && RecordBytes.position(slot) == position
            try body(isRecord ? .record : .bytes, slot, offset + start)
            position += 1
        }
    }
}
