/// The messages of `candlewick-relay`, all little-endian. Source: docs/formats.md § 9.
///
/// Live: 8 bytes with the stream's name, NUL-padded, then the record, or of `status` the `STAT` message.
///
/// | offset | size | request  | meaning                                                                      |
/// |-------:|-----:|----------|------------------------------------------------------------------------------|
/// |      0 |    4 | kind     | ASCII `READ`                                                                 |
/// |      4 |    4 | reserved | 0                                                                            |
/// |      8 |    8 | stream   | its name, NUL-padded                                                         |
/// |     16 |    8 | from     | u64: the first wanted position; 0: the oldest there is; 2^64 − 1: only `next` |
///
/// | offset | size | answer     | meaning                                                                    |
/// |-------:|-----:|------------|----------------------------------------------------------------------------|
/// |      0 |    4 | kind       | `READ`; `GONE`: gone before `next`; `FAIL`: a sentence stands for records  |
/// |      4 |    4 | recordSize | u32; 0 in a `FAIL`                                                         |
/// |      8 |    8 | stream     | as in the request                                                          |
/// |     16 |    8 | from       | as in the request                                                          |
/// |     24 |    8 | next       | u64: the position to ask for next                                          |
/// |     32 |    … | records    | contiguous; the first may be later than `from`: no journal has those before |
public enum RelayMessage {
    /// What stands before each live record.
    public static let topicSize = 8

    /// A stream's name as a topic.
    public static func topic(_ name: String) -> [UInt8] {
        let bytes = Array(name.utf8.prefix(topicSize))
        return bytes + [UInt8](repeating: 0, count: topicSize - bytes.count)
    }

    /// The stream that a request or an answer names; `nil` unless it has a journal.
    fileprivate static func stream(_ bytes: UnsafeRawBufferPointer) -> Stream? {
        Stream.journaled.first { topic($0.rawValue).elementsEqual(bytes[8..<16]) }
    }

    /// The name under which the stages' status is sent.
    public static let statusName = "status"

    /// Wants to know only where the stream ends.
    public static let endPosition = UInt64.max
}

/// A request for a stretch of a stream.
public struct RelayRequest: Hashable, Sendable {
    public static let byteCount = 24
    static let kind = Array("READ".utf8)

    public let stream: Stream
    /// 0: the oldest there is; `RelayMessage.endPosition`: none, only where the stream ends.
    public let from: UInt64

    public init(_ stream: Stream, from: UInt64) { (self.stream, self.from) = (stream, from) }

    /// - Returns: `nil` unless the bytes are a request for a stream that has a journal.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == RelayRequest.byteCount, bytes.prefix(4).elementsEqual(RelayRequest.kind),
            let stream = RelayMessage.stream(bytes)
        else { return nil }
        self.init(stream, from: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    }

    public var bytes: [UInt8] {
        RelayRequest.kind + [0, 0, 0, 0] + RelayMessage.topic(stream.rawValue) + littleEndian(from)
    }
}

/// The head of an answer; the records follow it.
public struct RelayAnswer: Hashable, Sendable {
    public static let headSize = 32

    /// The most records of one answer: 64 KiB.
    public static func batchRecords(recordSize: Int) -> Int { 65_536 / recordSize }

    public enum Kind: String, CaseIterable, Sendable {
        case read = "READ"
        /// The journal has nothing before `next` any more.
        case gone = "GONE"
        /// A sentence follows in place of records.
        case failed = "FAIL"
    }

    public let kind: Kind
    public let request: RelayRequest
    public let next: UInt64

    public init(_ kind: Kind, _ request: RelayRequest, next: UInt64) {
        (self.kind, self.request, self.next) = (kind, request, next)
    }

    /// - Returns: `nil` unless the bytes are an answer, with whole records.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= RelayAnswer.headSize,
            let kind = Kind(rawValue: String(decoding: bytes.prefix(4), as: UTF8.self)),
            let stream = RelayMessage.stream(bytes)
        else { return nil }
        let from = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        let next = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        self.init(kind, RelayRequest(stream, from: from), next: next)
        guard kind == .failed || bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self) == UInt32(stream.recordSize),
            kind == .failed || (bytes.count - RelayAnswer.headSize) % stream.recordSize == 0
        else { return nil }
    }

    public var head: [UInt8] {
        let size = kind == .failed ? 0 : UInt32(request.stream.recordSize)
        return Array(kind.rawValue.utf8) + littleEndian(size) + RelayMessage.topic(request.stream.rawValue)
            + littleEndian(request.from) + littleEndian(next)
    }

    /// The answer to what is no request.
    public static func refusal(_ sentence: String) -> [UInt8] {
        Array(Kind.failed.rawValue.utf8) + [UInt8](repeating: 0, count: headSize - 4) + Array(sentence.utf8)
    }
}

private func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
}
