public import Host
internal import Streams
public import Wire

/// Makes the segments of a journal again out of the archive.
public enum ArchiveRestore {
    /// Writes the segments that hold positions of a range, each under its name, byte for byte as it was. What is in the
    /// folder stays.
    /// - Returns: the paths of the segments.
    /// - Throws: `Failure` (69) if the archive has none of them, (64) if a file is there already, (65) that names the
    ///   damaged file: its segment is not made, (74).
    public static func restore(
        _ stream: Stream, _ paths: Paths, positions: ClosedRange<UInt64>, into folder: String
    ) throws -> [String] {
        try makeFolder(folder)
        var made: [String] = []
        for batch in try ArchiveManifest(stream, paths).batches {
            let wanted = batch.segments.filter { $0.overlaps(positions) }
            guard let first = wanted.first else { continue }
            let rebuilder = try SegmentRebuilder(batch, stream, in: paths.archive, from: first.firstPosition)
            for segment in wanted { made.append(try write(segment, rebuilder, folder)) }
        }
        guard !made.isEmpty else {
            throw Failure(
                .unavailable,
                "\(paths.archive) has no segment of \(stream.rawValue) with these positions: see candlewick archive list"
            )
        }
        try Files.sync(folder)
        return made
    }

    private static func write(
        _ segment: ArchiveBatch.Segment, _ rebuilder: SegmentRebuilder, _ folder: String
    ) throws -> String {
        let path = "\(folder)/\(ClosedSegment.name(firstPosition: segment.firstPosition))"
        let file = try NewFile(path: path)
        guard try rebuilder.rebuild(segment, { try file.write(Array($0)) }) else {
            throw Failure(.badData, "\(path) cannot be made: its checksum is not that of the manifest")
        }
        try file.publish()
        return path
    }
}

extension ArchiveBatch.Segment {
    /// One without a record belongs to its first position.
    fileprivate func overlaps(_ positions: ClosedRange<UInt64>) -> Bool {
        firstPosition <= positions.upperBound && firstPosition + UInt64(max(slots, 1)) > positions.lowerBound
    }
}
