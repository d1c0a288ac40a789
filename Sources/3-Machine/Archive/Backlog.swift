internal import Glibc
public import Host
public import MarketData
internal import Streams
public import Wire

extension Archiver {
    /// A stream whose segments wait for the archiver.
    public struct Backlog: Hashable, Sendable {
        public let stream: Stream
        /// When the oldest of them was closed, by its file.
        public let since: UTCNanos

        public init(_ stream: Stream, since: UTCNanos) { (self.stream, self.since) = (stream, since) }
    }

    /// What waits longest of the streams whose retention waits for the archiver; `nil` if nothing does.
    /// - Throws: `JournalError`; `Failure` (65) if a manifest is damaged, (74).
    public static func backlog(_ paths: Paths) throws -> Backlog? {
        let waiting = try Stream.journaled.compactMap { stream -> Backlog? in
            guard try ConsumerMark.position(of: .archiver, in: paths.journal(stream)) != nil else { return nil }
            let archived = try ArchiveManifest(stream, paths).batches.last?.segments.last?.firstPosition ?? 0
            let oldest = try ClosedSegment.all(in: paths.journal(stream), recordSize: stream.recordSize)
                .first { $0.firstPosition > archived }
            return oldest.flatMap { closingTime($0.path) }.map { Backlog(stream, since: $0) }
        }
        return waiting.min { $0.since < $1.since }
    }

    private static func closingTime(_ path: String) -> UTCNanos? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return UTCNanos(rawValue: Int64(info.st_mtim.tv_sec) * UTCNanos.perSecond + Int64(info.st_mtim.tv_nsec))
    }
}
