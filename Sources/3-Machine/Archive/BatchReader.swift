internal import Wire

/// The files of a batch together, in the order of positions.
///
/// A window of positions is filled by all files that have records in it: since the positions say where each record
/// belongs, nothing has to be sorted.
final class BatchReader {
    /// By their first positions; from `upcoming` on none was read yet.
    private var parts: [PartReader] = []
    private(set) var current: [PartReader] = []
    private var upcoming = 0

    /// - Parameters:
    ///   - folder: where the paths of the files begin.
    ///   - position: records before it are left out.
    ///   - isWanted: which files are read.
    init(
        _ batch: ArchiveBatch, _ stream: Stream, in folder: String, from position: UInt64 = 0,
        isWanted: (ArchiveBatch.File) -> Bool = { _ in true }
    ) {
        parts = batch.files.filter { $0.lastPosition >= position && isWanted($0) }
            .sorted { $0.firstPosition < $1.firstPosition }
            .map { PartReader($0, stream, in: folder, from: position) }
    }

    /// No record is before this one; `nil` at the end.
    var nextPosition: UInt64? {
        let others = upcoming < parts.count ? parts[upcoming].nextPosition : nil
        return (current.compactMap(\.nextPosition) + (others.map { [$0] } ?? [])).min()
    }

    /// Copies the records of a window to their places in it. Windows must rise.
    /// - Parameters: as `PartReader.fill`.
    /// - Throws: `Failure` (65) that names file and reason.
    func fill(_ window: Range<UInt64>, _ slots: UnsafeMutableRawBufferPointer, _ presence: inout [Bool]) throws {
        while upcoming < parts.count, parts[upcoming].file.firstPosition < window.upperBound {
            current.append(parts[upcoming])
            upcoming += 1
        }
        for part in current { try part.fill(window, slots, &presence) }
        current.removeAll { $0.nextPosition == nil }
    }
}

@available(*, unavailable)
extension BatchReader: Sendable {}
