internal import CZlib
internal import Host

/// The bytes of a zip file that holds one deflated file, always the same for the same contents: dated 1980-01-01.
/// Source: PKWARE, APPNOTE 6.3.10 §§ 4.3.7, 4.3.12, 4.3.16.
/// - Precondition: contents and name fit the format's 32 and 16 bits.
/// - Throws: `Failure` (74) if zlib has no memory.
func zipFile(of contents: [UInt8], named name: String) throws -> [UInt8] {
    let deflated = try deflate(contents)
    let name = Array(name.utf8)
    // Needs version 2.0, no flags, deflated, the date; then checksum, sizes, length of the name, nothing extra.
    var facts: [UInt8] = []
    for word: UInt16 in [20, 0, 8, 0, 33] { facts += word.bytes }
    for number in [checksum(contents), UInt32(deflated.count), UInt32(contents.count)] { facts += number.bytes }
    for word in [UInt16(name.count), 0] { facts += word.bytes }

    let local = UInt32(0x0403_4B50).bytes + facts + name + deflated
    // Made by version 2.0; no comment, the first disk, no attributes, the local header at 0.
    let entry = UInt32(0x0201_4B50).bytes + UInt16(20).bytes + facts + [UInt8](repeating: 0, count: 14) + name
    let sizes = UInt32(entry.count).bytes + UInt32(local.count).bytes
    let end = UInt32(0x0605_4B50).bytes + [0, 0, 0, 0, 1, 0, 1, 0] + sizes + [0, 0]
    return local + entry + end
}

private func checksum(_ bytes: [UInt8]) -> UInt32 {
    UInt32(bytes.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) })
}

/// Without a header.
private func deflate(_ bytes: [UInt8]) throws -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    guard deflateInit2_(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK else {
        throw Failure(.io, "a file cannot be compressed: no memory")
    }
    defer { deflateEnd(&stream) }
    var input = bytes
    return input.withUnsafeMutableBufferPointer { input in
        [UInt8](unsafeUninitializedCapacity: Int(deflateBound(&stream, UInt(input.count)))) { output, count in
            (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
            (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
            let outcome = CZlib.deflate(&stream, Z_FINISH)
            precondition(outcome == Z_STREAM_END, "deflateBound gives room for all")
            count = Int(stream.total_out)
        }
    }
}

extension FixedWidthInteger {
    fileprivate var bytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}
