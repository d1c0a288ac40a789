internal import Glibc

/// Cuts a stream of byte chunks into lines. Source: TLCP § Reading lines.
///
/// Lines end with CR-LF; a bare LF is tolerated. Chunks and lines are not aligned: a line may be split
/// anywhere, also inside CR-LF. A line that lies whole in its chunk is handed out where it is; only the
/// parts of a split one are gathered in a buffer.
public struct LineReader: ~Copyable {
    /// One piece of a chunk's content.
    public enum Piece {
        /// A line without its end; the bytes are valid until the next call.
        case line(UnsafeRawBufferPointer)
        /// A line grew beyond the bound here; its bytes are gone, and those that follow up to its end.
        case overlong
    }

    /// The most bytes of a line, without its end.
    public let lengthMax: Int
    /// Lines that were longer.
    public private(set) var overlongCount = 0

    private var storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_024, alignment: 8)
    private var gathered = 0
    private var isSkipping = false

    public init(lengthMax: Int = 1 << 20) {
        self.lengthMax = lengthMax
    }

    deinit { storage.deallocate() }

    /// Forgets an unfinished line: a new connection begins.
    public mutating func reset() {
        gathered = 0
        isSkipping = false
    }

    /// Takes the next line off the front of `chunk`; keeps an unfinished rest for the next chunk.
    /// - Returns: `nil` once the chunk is used up.
    @inline(__always)
    public mutating func next(_ chunk: inout UnsafeRawBufferPointer) -> Piece? {
        let count = chunk.count
        guard count > 0, let base = chunk.baseAddress else { return nil }
        guard gathered == 0, !isSkipping, let found = memchr(base, 0x0A, count) else { return nextSplit(&chunk) }
        var length = UnsafeRawPointer(found) - base
        chunk = UnsafeRawBufferPointer(start: base + (length &+ 1), count: count &- length &- 1)
        if length > 0, base.load(fromByteOffset: length &- 1, as: UInt8.self) == 0x0D { length &-= 1 }
        if length > lengthMax { return countOverlong() }
        return .line(UnsafeRawBufferPointer(start: base, count: length))
    }

    /// The rare case: the line began in an earlier chunk, or does not end in this one.
    @inline(never)
    private mutating func nextSplit(_ chunk: inout UnsafeRawBufferPointer) -> Piece? {
        guard let end = chunk.firstIndex(of: 0x0A) else {
            defer { chunk = UnsafeRawBufferPointer(start: nil, count: 0) }
            return gather(chunk) ? nil : countOverlong()
        }
        let isBounded = gather(UnsafeRawBufferPointer(rebasing: chunk[..<end]))
        chunk = UnsafeRawBufferPointer(rebasing: chunk[(end + 1)...])
        if isSkipping {
            isSkipping = false
            // It was said when the line grew beyond the bound.
            return isBounded ? next(&chunk) : countOverlong()
        }
        var length = gathered
        gathered = 0
        if length > 0, storage[length - 1] == 0x0D { length -= 1 }
        return length > lengthMax ? countOverlong() : .line(UnsafeRawBufferPointer(rebasing: storage[..<length]))
    }

    /// Keeps a part of a split line, at most one byte more than the bound: the CR.
    /// - Returns: false when the line grows beyond the bound; its rest is skipped.
    private mutating func gather(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !isSkipping, let source = bytes.baseAddress, bytes.count > 0 else { return true }
        guard bytes.count <= lengthMax + 1 - gathered else {
            isSkipping = true
            gathered = 0
            return false
        }
        let needed = gathered + bytes.count
        if needed > storage.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: needed * 2, alignment: 8)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[..<gathered]))
            storage.deallocate()
            storage = larger
        }
        storage.baseAddress?.advanced(by: gathered).copyMemory(from: source, byteCount: bytes.count)
        gathered = needed
        return true
    }

    private mutating func countOverlong() -> Piece {
        overlongCount += 1
        return .overlong
    }
}
