/// A file's footer, `FileMetaData` of `parquet.thrift`.
struct Footer {
    let schema: ParquetSchema
    let rowGroups: [ParquetFile.RowGroup]

    static let createdBy = "candlewick"

    var bytes: [UInt8] {
        var thrift = ThriftWriter()
        thrift.structure { footer in
            footer.int32(1, 2)
            appendSchema(to: &footer)
            footer.int64(3, rowGroups.reduce(0) { $0 + $1.rowCount })
            footer.structures(4, rowGroups.enumerated()) { append($1.element, ordinal: $1.offset, to: &$0) }
            footer.structures(5, schema.metadata) {
                $0.binary(1, $1.key.utf8)
                $0.binary(2, $1.value.utf8)
            }
            footer.binary(6, Footer.createdBy.utf8)
            // TypeDefinedOrder: readers may use the statistics.
            footer.structures(7, schema.columns) { order, _ in order.structure(1) }
        }
        return thrift.bytes
    }

    private func appendSchema(to footer: inout ThriftWriter) {
        let columns: [ParquetSchema.Column?] = [nil] + schema.columns
        footer.structures(2, columns) { element, column in
            guard let column else {
                element.binary(4, "schema".utf8)
                element.int32(5, schema.columns.count)
                return
            }
            element.int32(1, column.kind.physicalType)
            element.int32(3, Format.required)
            element.binary(4, column.name.utf8)
            switch column.kind {
            case .int32, .int64: break
            case .text:
                element.int32(6, Format.convertedUTF8)
                element.structure(10) { $0.structure(1) }
            case .timestamp:
                element.structure(10) {
                    $0.structure(8) {
                        $0.boolean(1, true)
                        $0.structure(2) { $0.structure(3) }
                    }
                }
            }
        }
    }

    private func append(_ rowGroup: ParquetFile.RowGroup, ordinal: Int, to thrift: inout ThriftWriter) {
        thrift.structures(1, zip(schema.columns, rowGroup.columns).map { $0 }) { thrift, pair in
            thrift.int64(2, 0)
            thrift.structure(3) { append(pair.0, pair.1, rows: rowGroup.rowCount, to: &$0) }
        }
        thrift.int64(2, rowGroup.columns.reduce(0) { $0 + $1.contentByteCount })
        thrift.int64(3, rowGroup.rowCount)
        thrift.int64(5, rowGroup.bytes.lowerBound)
        thrift.int64(6, rowGroup.bytes.count)
        if ordinal <= Int16.max { thrift.int16(7, ordinal) }
    }

    private func append(
        _ column: ParquetSchema.Column, _ chunk: ParquetFile.ColumnChunk, rows: Int, to thrift: inout ThriftWriter
    ) {
        thrift.int32(1, column.kind.physicalType)
        thrift.int32s(2, [column.kind.encoding])
        thrift.binaries(3, [column.name])
        thrift.int32(4, Format.zstd)
        thrift.int64(5, rows)
        thrift.int64(6, chunk.contentByteCount)
        thrift.int64(7, chunk.bytes.count)
        thrift.int64(9, chunk.bytes.lowerBound)
        guard let statistics = chunk.statistics else { return }
        let (least, greatest) = statistics.bytes(column.kind)
        thrift.structure(12) {
            $0.int64(3, 0)
            $0.binary(5, greatest)
            $0.binary(6, least)
        }
    }
}

extension ParquetSchema.Column.Kind {
    var physicalType: Int {
        switch self {
        case .int32: Format.int32
        case .int64, .timestamp: Format.int64
        case .text: Format.byteArray
        }
    }

    var encoding: Int {
        switch self {
        case .int32, .int64, .timestamp: Format.deltaBinaryPacked
        case .text: Format.plain
        }
    }
}

extension ParquetFile.Statistics {
    /// The least and the greatest value as PLAIN has them, of a text without its length.
    func bytes(_ kind: ParquetSchema.Column.Kind) -> (least: [UInt8], greatest: [UInt8]) {
        switch self {
        case .texts(let minimum, let maximum): (Array(minimum.utf8), Array(maximum.utf8))
        case .integers(let range):
            (Self.bytes(range.lowerBound, kind), Self.bytes(range.upperBound, kind))
        }
    }

    private static func bytes(_ integer: Int64, _ kind: ParquetSchema.Column.Kind) -> [UInt8] {
        withUnsafeBytes(of: integer.littleEndian) { Array($0.prefix(kind == .int32 ? 4 : 8)) }
    }

    /// `nil` if the bytes are no value of the kind, or the least is above the greatest.
    init?(_ kind: ParquetSchema.Column.Kind, least: UnsafeRawBufferPointer, greatest: UnsafeRawBufferPointer) {
        if kind == .text {
            guard !greatest.lexicographicallyPrecedes(least), let minimum = String(utf8: least),
                let maximum = String(utf8: greatest)
            else { return nil }
            self = .texts(minimum: minimum, maximum: maximum)
        } else {
            guard let lower = Self.integer(kind, least), let upper = Self.integer(kind, greatest), lower <= upper else {
                return nil
            }
            self = .integers(lower...upper)
        }
    }

    private static func integer(_ kind: ParquetSchema.Column.Kind, _ bytes: UnsafeRawBufferPointer) -> Int64? {
        switch (kind, bytes.count) {
        case (.int32, 4): Int64(Int32(littleEndian: bytes.loadUnaligned(as: Int32.self)))
        case (.int64, 8), (.timestamp, 8): Int64(littleEndian: bytes.loadUnaligned(as: Int64.self))
        default: nil
        }
    }
}
