internal import Host
internal import Streams
internal import Wire

/// Makes the segments of a batch again, byte for byte. Segments must be asked for in the batch's order.
final class SegmentRebuilder {
    private let stream: Stream
    private let reader: BatchReader
    private let damage: DamagedBytes
    private let chunk: UnsafeMutableRawBufferPointer

    /// In a part that is handed out at once.
    static var slotsAtOnce: Int { 4_096 }

    /// - Parameters:
    ///   - folder: where the paths of the batch's files begin.
    ///   - position: the segments before it are not asked for.
    /// - Throws: `Failure` (65) that names file and reason, (74).
    init(_ batch: ArchiveBatch, _ stream: Stream, in folder: String, from position: UInt64 = 0) throws {
        self.stream = stream
        reader = BatchReader(batch, stream, in: folder, from: position)
        chunk = .allocate(byteCount: Self.slotsAtOnce * stream.recordSize, alignment: 64)
        do {
            damage = try batch.damage.map { try DamagedBytes($0, in: folder) } ?? DamagedBytes()
        } catch let problem as ArchiveDamage {
            chunk.deallocate()
            throw Failure(.badData, "archive file \(folder)/\(batch.damage?.path ?? "") is damaged: \(problem)")
        }
    }

    deinit { chunk.deallocate() }

    /// Hands out the bytes of a segment in order, part by part.
    /// - Returns: whether they are those that were archived, by their checksum.
    func rebuild(_ segment: ArchiveBatch.Segment, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        var sum = RunningChecksum()
        let header = ClosedSegment.header(firstPosition: segment.firstPosition, recordSize: stream.recordSize)
        var offset = 0
        while offset < segment.bytes {
            let count = offset == 0 ? min(header.count, segment.bytes) : min(chunk.count, segment.bytes - offset)
            let part = UnsafeMutableRawBufferPointer(rebasing: chunk[..<count])
            if offset == 0 {
                part.copyBytes(from: header.prefix(count))
            } else {
                try fill(part, segment, offset)
            }
            try damage.put(into: part, segment: segment.firstPosition, offset: offset)
            sum.add(UnsafeRawBufferPointer(part))
            try body(UnsafeRawBufferPointer(part))
            offset += count
        }
        return hexadecimal(sum.value) == segment.crc32c
    }

    /// The records that belong into a part; what has no record is 0.
    private func fill(_ part: UnsafeMutableRawBufferPointer, _ segment: ArchiveBatch.Segment, _ offset: Int) throws {
        part.initializeMemory(as: UInt8.self, repeating: 0)
        let slots = part.count / stream.recordSize
        guard slots > 0 else { return }
        let first = segment.firstPosition + UInt64((offset - ClosedSegment.headerSize) / stream.recordSize)
        var presence = [Bool](repeating: false, count: slots)
        try reader.fill(first..<(first + UInt64(slots)), part, &presence)
    }
}

@available(*, unavailable)
extension SegmentRebuilder: Sendable {}
