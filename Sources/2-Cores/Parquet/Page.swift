/// The numbers of `parquet.thrift` that candlewick's files use.
enum Format {
    static let magic = Array("PAR1".utf8)

    static let dataPage = 0
    static let zstd = 6
    static let required = 0
    static let convertedUTF8 = 0
    /// Encodings.
    static let (plain, rle, deltaBinaryPacked) = (0, 3, 5)
    /// Physical types.
    static let (int32, int64, byteArray) = (1, 2, 6)
}

/// A data page of version 1: its header, then its content as a zstd frame. No levels, since every value is present.
enum Page {
    /// The most bytes of a page's content.
    static let maximumContentByteCount = 1 << 28

    struct Header {
        var contentByteCount = 0
        var frameByteCount = 0
        var crc: UInt32 = 0
        var valueCount = 0
        var encoding = 0
    }

    /// Appends a page.
    /// - Returns: the bytes of its header and of its content.
    static func append(
        _ content: UnsafeRawBufferPointer, values: Int, encoding: Int, by compressor: Compressor,
        to bytes: inout [UInt8]
    ) -> Int {
        precondition(content.count <= maximumContentByteCount, "a column of a row group has more than 256 MiB")
        let frame = compressor.compress(content)
        var thrift = ThriftWriter()
        thrift.structure {
            $0.int32(1, Format.dataPage)
            $0.int32(2, content.count)
            $0.int32(3, frame.count)
            $0.int32(4, Int(Int32(bitPattern: frame.withUnsafeBytes { crc32($0) })))
            $0.structure(5) {
                $0.int32(1, values)
                $0.int32(2, encoding)
                $0.int32(3, Format.rle)
                $0.int32(4, Format.rle)
            }
        }
        bytes += thrift.bytes
        bytes += frame
        return thrift.bytes.count + content.count
    }

    /// The content of the one page of a column chunk, in memory with the slack behind it.
    /// - Parameters:
    ///   - body: gets the content, without the slack.
    static func withContent<Result>(
        of chunk: UnsafeRawBufferPointer, values: Int, encoding: Int, byteCount: Int,
        _ body: (UnsafeRawBufferPointer) throws(ParquetError) -> Result
    ) throws(ParquetError) -> Result {
        let (header, headerByteCount) = try readHeader(chunk)
        guard header.valueCount == values else { throw ParquetError("a page has another number of values") }
        guard header.encoding == encoding else { throw ParquetError("a page has the encoding \(header.encoding)") }
        guard header.frameByteCount == chunk.count - headerByteCount,
            header.contentByteCount == byteCount - headerByteCount
        else { throw ParquetError("a page has another size than the footer says") }
        let frame = UnsafeRawBufferPointer(rebasing: chunk[headerByteCount...])
        guard crc32(frame) == header.crc else { throw ParquetError("a page is damaged: its checksum is wrong") }
        guard header.contentByteCount <= maximumContentByteCount,
            contentByteCount(of: frame) == UInt64(header.contentByteCount)
        else { throw ParquetError("a page has another size than its header says") }
        let content = UnsafeMutableRawBufferPointer.allocate(
            byteCount: header.contentByteCount + DeltaBinaryPacked.slack, alignment: 16)
        defer { content.deallocate() }
        let page = UnsafeMutableRawBufferPointer(rebasing: content[..<header.contentByteCount])
        try decompress(frame, to: page)
        return try body(UnsafeRawBufferPointer(page))
    }

    /// Strict, since this header has no checksum.
    private static func readHeader(
        _ chunk: UnsafeRawBufferPointer
    ) throws(ParquetError) -> (Header, byteCount: Int) {
        var (thrift, last, header, isDataPage) = (ThriftReader(chunk), 0, Header(), false)
        while let field = try thrift.field(after: &last) {
            switch field.id {
            case 1: isDataPage = try thrift.integer(field, .int32) == Format.dataPage
            case 2: header.contentByteCount = try thrift.count(field, .int32)
            case 3: header.frameByteCount = try thrift.count(field, .int32)
            case 4: header.crc = UInt32(bitPattern: Int32(try thrift.integer(field, .int32)))
            case 5:
                guard isDataPage else { throw ParquetError("a page is no data page of version 1") }
                try thrift.structure(field)
                try readDataPage(&thrift, &header)
            default: throw unknown(field)
            }
        }
        return (header, thrift.offset)
    }

    private static func readDataPage(_ thrift: inout ThriftReader, _ header: inout Header) throws(ParquetError) {
        var last = 0
        while let field = try thrift.field(after: &last) {
            switch field.id {
            case 1: header.valueCount = try thrift.count(field, .int32)
            case 2: header.encoding = try thrift.integer(field, .int32)
            case 3, 4:
                guard try thrift.integer(field, .int32) == Format.rle else {
                    throw ParquetError("a page has levels that candlewick does not write")
                }
            default: throw unknown(field)
            }
        }
    }

    private static func unknown(_ field: ThriftReader.Field) -> ParquetError {
        ParquetError("a page's header has a field that candlewick does not write: \(field.id)")
    }
}
