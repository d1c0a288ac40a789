/// Rows of 64-bit integers in the binary format of `COPY`. Source: PostgreSQL 15, COPY § Binary Format.
///
/// | part    | bytes                                                                                        |
/// |---------|----------------------------------------------------------------------------------------------|
/// | head    | `PGCOPY\n\377\r\n\0`, flags (4 bytes, 0), length of an extension (4 bytes, 0)                |
/// | a row   | number of columns (2 bytes), then each: its length (4 bytes, 8), its value; all big-endian   |
/// | the end | -1 (2 bytes)                                                                                 |
struct CopyBytes {
    private var bytes: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)

    mutating func append(_ row: [Int64]) {
        append(Int16(row.count))
        for value in row {
            append(Int32(8))
            append(value)
        }
    }

    /// With the end.
    var ended: [UInt8] { bytes + [0xFF, 0xFF] }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes += $0 }
    }
}
