internal import Host
internal import Logging
internal import Streams
internal import Wire

/// Answers requests for stretches of the journals. Source: docs/formats.md § 9.
///
/// - Note: One thread only.
final class JournalAnswers {
    private let paths: Paths
    private let logger: Logger
    /// Readers that clients read on with, the last used one last.
    private var readers: [(stream: Wire.Stream, reader: JournalReader)] = []

    private static let readersMax = 32
    /// A reader goes on over so many records that its client had live.
    private static let skipMax: UInt64 = 1 << 20

    init(_ paths: Paths, _ logger: Logger) { (self.paths, self.logger) = (paths, logger) }

    /// - Parameter bytes: of a request.
    /// - Returns: those of its answer.
    func answer(to bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard let request = RelayRequest(bytes: bytes) else {
            return RelayAnswer.refusal(
                "a request is READ, four zeros, the name of a stream with a journal in 8 bytes, and a position in 8")
        }
        do {
            return try answer(request)
        } catch {
            logger.error(
                "A request cannot be answered", metadata: ["stream": "\(request.stream.rawValue)", "error": "\(error)"])
            return RelayAnswer(.failed, request, next: request.from).head
                + Array("its journal of \(request.stream.rawValue) cannot be read, its log says why".utf8)
        }
    }

    private func answer(_ request: RelayRequest) throws -> [UInt8] {
        if request.from == RelayMessage.endPosition {
            return RelayAnswer(
                .read, request,
                next: try JournalTail.lastPosition(of: request.stream, folder: paths.journal(request.stream)) + 1
            ).head
        }
        if let reader = presentReader(request) { return try read(request, reader) }
        let stream = request.stream
        let folder = paths.journal(stream)
        let oldest = try JournalTail.oldestPosition(recordSize: stream.recordSize, folder: folder) ?? 1
        if request.from > 0, request.from < oldest { return RelayAnswer(.gone, request, next: oldest).head }
        let reader = try JournalReader(
            folder: folder, recordSize: stream.recordSize, from: max(request.from, oldest),
            batch: RelayAnswer.batchRecords(recordSize: stream.recordSize))
        return try read(request, reader)
    }

    /// A reader that stands at the wanted position, or a little before it.
    private func presentReader(_ request: RelayRequest) -> JournalReader? {
        let near = readers.indices.filter {
            readers[$0].stream == request.stream && readers[$0].reader.nextPosition <= request.from
                && request.from - readers[$0].reader.nextPosition <= JournalAnswers.skipMax
        }
        guard let nearest = near.max(by: { readers[$0].reader.nextPosition < readers[$1].reader.nextPosition })
        else { return nil }
        let reader = readers.remove(at: nearest).reader
        reader.skip(to: request.from)
        return reader
    }

    private func read(_ request: RelayRequest, _ reader: JournalReader) throws -> [UInt8] {
        var records: [UInt8] = []
        _ = try reader.readBytes { records = Array($0) }
        if readers.count >= JournalAnswers.readersMax { readers.removeFirst() }
        readers.append((request.stream, reader))
        return RelayAnswer(.read, request, next: reader.nextPosition).head + records
    }
}

@available(*, unavailable)
extension JournalAnswers: Sendable {}
