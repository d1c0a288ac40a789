/// Makes the bytes of one Parquet file: flat required columns, one page a column and row group, zstd with checksums.
/// Integers are DELTA_BINARY_PACKED, texts PLAIN. Source: the Parquet format, `parquet.thrift`, `Encodings.md`.
///
///     file:   PAR1, row groups, footer (FileMetaData), the footer's size (u32), PAR1
///     chunk:  of one column in a row group: the page's header, the page as a zstd frame
///
///     var writer = ParquetWriter(schema: schema)
///     var file = writer.rowGroup(columns)   // any number of row groups, also none
///     file += writer.finish()               // now the file is whole
public struct ParquetWriter: Sendable {
    public let schema: ParquetSchema

    private var byteCount = 0
    private var rowGroups: [ParquetFile.RowGroup] = []

    /// - Parameter schema: has at least one column.
    public init(schema: ParquetSchema) {
        precondition(!schema.columns.isEmpty, "a file of no columns")
        self.schema = schema
    }

    /// The bytes of the next row group, to append to the file; the first call also gives the file's magic.
    ///
    /// Zero rows give no row group. A page of many rows is smaller: see docs/decisions/0041-archive-in-parquet.md.
    /// - Parameter columns: one entry a column of the schema, in its order and of its kind, all with the same number of
    ///   values, at most `ParquetFile.maximumRowGroupRows`; values of `int32` fit 32 bits; the texts of one column have
    ///   at most 256 MiB.
    public mutating func rowGroup(_ columns: [ParquetValues]) -> [UInt8] {
        precondition(columns.count == schema.columns.count, "another number of columns than the schema's")
        let rowCount = columns[0].count
        precondition(rowCount <= ParquetFile.maximumRowGroupRows, "too many rows for a row group")
        precondition(columns.allSatisfy { $0.count == rowCount }, "columns of different lengths")
        var bytes = byteCount == 0 ? Format.magic : []
        if rowCount > 0 {
            let compressor = Compressor()
            var chunks: [ParquetFile.ColumnChunk] = []
            for (column, values) in zip(schema.columns, columns) {
                chunks.append(append(column.kind, values, by: compressor, to: &bytes))
            }
            rowGroups.append(ParquetFile.RowGroup(rowCount: rowCount, columns: chunks))
        }
        byteCount += bytes.count
        return bytes
    }

    /// The bytes of the footer, the last of the file. The writer makes nothing afterwards.
    public mutating func finish() -> [UInt8] {
        var bytes = byteCount == 0 ? Format.magic : []
        let footer = Footer(schema: schema, rowGroups: rowGroups).bytes
        bytes += footer
        withUnsafeBytes(of: UInt32(footer.count).littleEndian) { bytes += $0 }
        bytes += Format.magic
        byteCount += bytes.count
        return bytes
    }

    private func append(
        _ kind: ParquetSchema.Column.Kind, _ values: ParquetValues, by compressor: Compressor, to bytes: inout [UInt8]
    ) -> ParquetFile.ColumnChunk {
        let first = bytes.count
        let contentByteCount: Int
        let statistics: ParquetFile.Statistics?
        switch (kind, values) {
        case (.text, .texts(let texts)):
            let (content, least, greatest) = Texts.encode(texts)
            contentByteCount = content.withUnsafeBytes {
                Page.append($0, values: texts.count, encoding: Format.plain, by: compressor, to: &bytes)
            }
            statistics = ParquetFile.Statistics(least, greatest)
        case (.int32, .integers(let integers)):
            contentByteCount = append(integers, as: Int32.self, by: compressor, to: &bytes)
            let range = rangeOf(integers)
            precondition(
                Int32(exactly: range.lowerBound) != nil && Int32(exactly: range.upperBound) != nil, "not 32 bits")
            statistics = .integers(range)
        case (.int64, .integers(let integers)), (.timestamp, .integers(let integers)):
            contentByteCount = append(integers, as: Int64.self, by: compressor, to: &bytes)
            statistics = .integers(rangeOf(integers))
        default: preconditionFailure("a column of another kind than the schema's")
        }
        return ParquetFile.ColumnChunk(
            bytes: (byteCount + first)..<(byteCount + bytes.count), statistics: statistics,
            contentByteCount: contentByteCount)
    }

    private func append<Value: FixedWidthInteger & SignedInteger>(
        _ integers: [Int64], as type: Value.Type, by compressor: Compressor, to bytes: inout [UInt8]
    ) -> Int {
        let capacity = DeltaBinaryPacked.byteCount(values: integers.count, type) + DeltaBinaryPacked.slack
        let page = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        defer { page.deallocate() }
        let count = integers.withUnsafeBufferPointer { DeltaBinaryPacked.encode($0, as: type, to: page) }
        return Page.append(
            UnsafeRawBufferPointer(rebasing: page[..<count]), values: integers.count,
            encoding: Format.deltaBinaryPacked, by: compressor, to: &bytes)
    }
}

/// - Parameter integers: at least one.
private func rangeOf(_ integers: [Int64]) -> ClosedRange<Int64> {
    var (least, greatest) = (Int64.max, Int64.min)
    for integer in integers {
        least = min(least, integer)
        greatest = max(greatest, integer)
    }
    return least...greatest
}
