/// Makes the bytes of one Parquet file: flat required columns, one page a column and row group, zstd with checksums.
/// Integers as DELTA_BINARY_PACKED, texts PLAIN. Source: the Parquet format, `parquet.thrift`, `Encodings.md`.
///
///     var writer = ParquetWriter(schema: schema)
///     var file = writer.rowGroup(columns)   // any number of row groups, also none
///     file += writer.finish()               // now the file is whole
public struct ParquetWriter {
    public let schema: ParquetSchema

    public init(schema: ParquetSchema) { self.schema = schema }

    /// The bytes of the next row group, to append to the file; the first call also gives the file's magic.
    /// - Parameter columns: one entry a column of the schema, in its order and of its kind, all with the same number of
    ///   values, at most `ParquetFile.maximumRowGroupRows`; values of `int32` fit 32 bits. Zero rows give no row group.
    public mutating func rowGroup(_ columns: [ParquetValues]) -> [UInt8] { [] }

    /// The bytes of the footer, the last of the file. The writer makes nothing afterwards.
    public mutating func finish() -> [UInt8] { [] }
}
