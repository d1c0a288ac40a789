/// `ColumnMetaData` of the footer, as it was read.
struct Chunk {
    private var type: Int?
    private var encodings: [Int] = []
    private var path: [String] = []
    private var codec: Int?
    private var values: Int?
    private var contentByteCount = 0
    private var byteCount = 0
    private var offset = 0
    private var hasDictionary = false
    private var least: UnsafeRawBufferPointer?
    private var greatest: UnsafeRawBufferPointer?

    init() {}

    init(_ thrift: inout ThriftReader) throws(ParquetError) {
        var last = 0
        while let field = try thrift.field(after: &last) {
            switch field.id {
            case 1: type = try thrift.integer(field, .int32)
            case 2: for _ in 0..<(try thrift.list(field, of: .int32)) { encodings.append(try thrift.integerElement()) }
            case 3: for _ in 0..<(try thrift.list(field, of: .binary)) { path.append(try thrift.textElement()) }
            case 4: codec = try thrift.integer(field, .int32)
            case 5: values = try thrift.count(field, .int64)
            case 6: contentByteCount = try thrift.count(field, .int64)
            case 7: byteCount = try thrift.count(field, .int64)
            case 9: offset = try thrift.count(field, .int64)
            case 11:
                hasDictionary = true
                try thrift.skip(field)
            case 12:
                try thrift.structure(field)
                try readStatistics(&thrift)
            default: try thrift.skip(field)
            }
        }
    }

    private mutating func readStatistics(_ thrift: inout ThriftReader) throws(ParquetError) {
        var last = 0
        while let field = try thrift.field(after: &last) {
            switch field.id {
            case 5: greatest = try thrift.binary(field)
            case 6: least = try thrift.binary(field)
            default: try thrift.skip(field)
            }
        }
    }

    /// The chunk of this column, if it is one that `ParquetWriter` writes.
    func checked(_ column: ParquetSchema.Column, rows: Int) throws(ParquetError) -> ParquetFile.ColumnChunk {
        guard type == column.kind.physicalType, path == [column.name], values == rows else {
            throw ParquetError("the column \(column.name) is not what the schema says")
        }
        guard encodings == [column.kind.encoding], !hasDictionary else {
            throw ParquetError("the column \(column.name) has encodings that candlewick does not write")
        }
        guard codec == Format.zstd else { throw ParquetError("the column \(column.name) is not compressed by zstd") }
        let (end, isTooFar) = offset.addingReportingOverflow(byteCount)
        guard !isTooFar else { throw ParquetError("the column \(column.name) ends beyond the file") }
        var statistics: ParquetFile.Statistics?
        if let least, let greatest {
            statistics = ParquetFile.Statistics(column.kind, least: least, greatest: greatest)
            guard statistics != nil else { throw ParquetError("the statistics of \(column.name) are not values of it") }
        }
        return ParquetFile.ColumnChunk(
            bytes: offset..<end, statistics: statistics, contentByteCount: contentByteCount)
    }
}
