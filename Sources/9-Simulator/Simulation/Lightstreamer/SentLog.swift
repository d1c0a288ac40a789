internal import NIOCore

/// The data notifications that were sent, kept for recovery within a limit of bytes.
///
/// Data notifications are counted from 1 over the life of a session. Source: TLCP § Recovery after a cut.
struct SentLog {
    private struct Chunk {
        var bytes: ByteBuffer
        var lines: Int
    }

    /// Whole lines, oldest first.
    private var chunks: [Chunk] = []
    /// Chunks before this index are dropped already.
    private var head = 0
    private var bytes = 0
    private let bytesMax: Int
    /// Data sent at once joins the chunk before it up to this size: a buffer of its own holds 16,384 bytes
    /// even for one line, and a session that sends every 2 ms would keep 160 times the limit.
    private let chunkBytes: Int
    /// Notifications that are no longer kept.
    private(set) var dropped = 0
    /// The number of the last notification sent.
    private(set) var last = 0

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
        chunkBytes = min(65_536, bytesMax / 16)
    }

    /// The bytes of memory that the kept lines take, with what their buffers hold in reserve.
    var capacity: Int { chunks[head...].reduce(0) { $0 + $1.bytes.capacity } }

    /// - Parameter buffer: whole lines, `lines` of them.
    mutating func append(_ buffer: ByteBuffer, lines: Int) {
        guard lines > 0 else { return }
        join(buffer, lines: lines)
        bytes += buffer.readableBytes
        last += lines
        while bytes > bytesMax, head < chunks.count {
            guard chunks.count - head > 1 else {
                trimLastChunk()
                break
            }
            bytes -= chunks[head].bytes.readableBytes
            dropped += chunks[head].lines
            chunks[head].bytes = ByteBuffer()
            head += 1
        }
        if head > 1_024, head > chunks.count / 2 {
            chunks.removeFirst(head)
            head = 0
        }
    }

    /// Copies the lines: the buffer itself is larger than what it holds.
    private mutating func join(_ buffer: ByteBuffer, lines: Int) {
        let end = chunks.count - 1
        if end >= head, chunks[end].bytes.readableBytes + buffer.readableBytes <= chunkBytes {
            chunks[end].bytes.writeImmutableBuffer(buffer)
            chunks[end].lines += lines
        } else {
            var copy = ByteBuffer()
            copy.reserveCapacity(max(buffer.readableBytes, min(chunkBytes, 4_096)))
            copy.writeImmutableBuffer(buffer)
            chunks.append(Chunk(bytes: copy, lines: lines))
        }
    }

    /// One chunk alone is above the limit: keeps its last lines only.
    private mutating func trimLastChunk() {
        guard let chunk = chunks.last else { return }
        var rest = chunk.bytes
        var lines = chunk.lines
        while rest.readableBytes > bytesMax, skipLine(&rest) {
            lines -= 1
            dropped += 1
        }
        chunks = [Chunk(bytes: rest, lines: lines)]
        head = 0
        bytes = rest.readableBytes
    }

    /// The lines after notification `position`, as they were sent.
    /// - Returns: `nil` if they are not all kept, or `position` was never reached.
    func lines(after position: Int) -> [ByteBuffer]? {
        guard position >= dropped, position <= last else { return nil }
        var result: [ByteBuffer] = []
        var before = dropped
        for chunk in chunks[head...] {
            defer { before += chunk.lines }
            guard before + chunk.lines > position else { continue }
            var rest = chunk.bytes
            for _ in 0..<max(0, position - before) { _ = skipLine(&rest) }
            result.append(rest)
        }
        return result
    }
}

/// Moves past the next line; `false` at the end.
private func skipLine(_ buffer: inout ByteBuffer) -> Bool {
    guard let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return false }
    buffer.moveReaderIndex(to: end + 1)
    return true
}
