internal import MarketData
internal import Wire

/// The records of a batch, run by run: records of contiguous positions, or those that are wanted of a stretch of them.
final class BatchRuns {
    let batch: ArchiveBatch
    private let reader: BatchReader
    private let narrowing: ArchivedStream.Narrowing?
    private let recordSize: Int
    private let slots: UnsafeMutableRawBufferPointer
    private var presence: [Bool]
    /// The positions in `slots`, and how many of them were looked at.
    private var window: Range<UInt64> = 0..<0
    private var taken = 0

    /// - Parameter records: the most in a run.
    init(
        _ batch: ArchiveBatch, _ stream: Stream, in folder: String, from position: UInt64,
        _ narrowing: ArchivedStream.Narrowing?, records: Int
    ) {
        (self.batch, self.narrowing, recordSize) = (batch, narrowing, stream.recordSize)
        reader = BatchReader(batch, stream, in: folder, from: position) { narrowing?.wants($0, of: stream) ?? true }
        slots = .allocate(byteCount: records * recordSize, alignment: 64)
        presence = []
    }

    deinit { slots.deallocate() }

    /// - Returns: `nil` at the batch's end. The bytes stay until the next call.
    /// - Throws: `Failure` (65) that names the damaged file.
    func next() throws -> UnsafeRawBufferPointer? {
        while true {
            if let run = narrowing.map(wanted) ?? contiguous() { return run }
            guard let next = reader.nextPosition, next <= batch.lastPosition else { return nil }
            let count = min(UInt64(slots.count / recordSize), batch.lastPosition - next + 1)
            window = next..<(next + count)
            presence = [Bool](repeating: false, count: Int(count))
            taken = 0
            try reader.fill(window, slots, &presence)
        }
    }

    private func contiguous() -> UnsafeRawBufferPointer? {
        guard let first = presence[taken...].firstIndex(of: true) else { return nil }
        let end = presence[first...].firstIndex(of: false) ?? presence.count
        taken = end
        return UnsafeRawBufferPointer(rebasing: slots[(first * recordSize)..<(end * recordSize)])
    }

    /// All that is wanted of the window, moved together.
    private func wanted(_ narrowing: ArchivedStream.Narrowing) -> UnsafeRawBufferPointer? {
        var end = 0
        for slot in presence.indices[taken...] where presence[slot] {
            let record = UnsafeRawBufferPointer(rebasing: slots[(slot * recordSize)..<((slot + 1) * recordSize)])
            guard narrowing.wants(record) else { continue }
            if end != record.baseAddress! - UnsafeRawPointer(slots.baseAddress!) {
                slots.baseAddress!.advanced(by: end).copyMemory(from: record.baseAddress!, byteCount: recordSize)
            }
            end += recordSize
        }
        taken = presence.count
        return end == 0 ? nil : UnsafeRawBufferPointer(rebasing: slots[..<end])
    }
}

@available(*, unavailable)
extension BatchRuns: Sendable {}
