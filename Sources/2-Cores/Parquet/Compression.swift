import CZstd

/// zstd: one frame with its content's checksum.
///
/// Level 5 with matches of three bytes, by measurement of ticks: docs/decisions/0041-archive-in-parquet.md.
final class Compressor {
    private let context: OpaquePointer

    init() {
        guard let context = ZSTD_createCCtx() else { preconditionFailure("no memory for zstd") }
        self.context = context
        for (parameter, value) in [
            (ZSTD_c_compressionLevel, 5), (ZSTD_c_minMatch, 3), (ZSTD_c_checksumFlag, 1),
        ] as [(ZSTD_cParameter, CInt)] {
            precondition(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0)
        }
    }

    deinit { ZSTD_freeCCtx(context) }

    func compress(_ content: UnsafeRawBufferPointer) -> [UInt8] {
        let bound = ZSTD_compressBound(content.count)
        return [UInt8](unsafeUninitializedCapacity: bound) { frame, count in
            count = ZSTD_compress2(context, frame.baseAddress, bound, content.baseAddress, content.count)
            precondition(ZSTD_isError(count) == 0, "zstd cannot compress")
        }
    }
}

/// - Parameter content: of exactly the frame's size.
func decompress(_ frame: UnsafeRawBufferPointer, to content: UnsafeMutableRawBufferPointer) throws(ParquetError) {
    let count = ZSTD_decompress(content.baseAddress, content.count, frame.baseAddress, frame.count)
    guard ZSTD_isError(count) == 0 else {
        throw ParquetError("a page is damaged: zstd says \(String(cString: ZSTD_getErrorName(count)))")
    }
    guard count == content.count else { throw ParquetError("a page has another size than its header says") }
}

/// The size of a frame's content as the frame says; `nil` if the bytes are no frame, or the frame does not say it.
func contentByteCount(of frame: UnsafeRawBufferPointer) -> UInt64? {
    let count = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    return count > UInt64.max - 2 ? nil : count
}

/// CRC-32 as gzip has it: polynomial 0x04C11DB7 (reflected 0xEDB88320), initial value and final XOR 0xFFFFFFFF. Of ASCII
/// `123456789` it is 0xCBF43926.
func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    crc32Tables.withUnsafeBufferPointer { table in
        var crc = UInt32.max
        var index = 0
        while bytes.count - index >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ UInt64(crc)
            crc = 0
            for byte in 0..<8 {
                crc ^= table[(7 - byte) * 256 + Int(truncatingIfNeeded: word >> UInt64(byte * 8) & 255)]
            }
            index += 8
        }
        while index < bytes.count {
            crc = crc >> 8 ^ table[Int(truncatingIfNeeded: crc & 255) ^ Int(bytes[index])]
            index += 1
        }
        return ~crc
    }
}

/// Eight tables of 256: what a byte makes of the sum, 0 to 7 bytes later.
private let crc32Tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
        var sum = UInt32(byte)
        for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        tables[byte] = sum
    }
    for index in 256..<tables.count {
        let before = tables[index - 256]
        tables[index] = before >> 8 ^ tables[Int(before & 255)]
    }
    return tables
}()
