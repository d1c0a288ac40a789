/// A Parquet file as `ParquetWriter` makes it: its footer, and its values column by column.
///
/// Lengths and offsets are checked before they are used: damaged and foreign files end in a `ParquetError`.
public struct ParquetFile: Sendable {
    /// Rows that a row group has at most.
    public static let maximumRowGroupRows = 1 << 20
    /// Bytes of the end of a file that `footerByteCount` needs.
    public static let endByteCount = 8

    public let schema: ParquetSchema
    public let rowGroups: [RowGroup]
    public var rowCount: Int { rowGroups.reduce(0) { $0 + $1.rowCount } }

    public struct RowGroup: Hashable, Sendable {
        public let rowCount: Int
        /// One for each column of the schema, in its order.
        public let columns: [ColumnChunk]
        /// Where its bytes are in the file.
        public var bytes: Range<Int> { columns[0].bytes.lowerBound..<columns[columns.count - 1].bytes.upperBound }
    }

    public struct ColumnChunk: Hashable, Sendable {
        /// Where its bytes are in the file.
        public let bytes: Range<Int>
        public let statistics: Statistics?
    }

    /// The least and the greatest value. Texts are compared by their UTF-8 bytes.
    public enum Statistics: Hashable, Sendable {
        case integers(ClosedRange<Int64>)
        case texts(minimum: String, maximum: String)
    }

    /// How many bytes at the end of the file hold the footer, the last 8 included.
    /// - Parameter end: the file's last 8 bytes.
    public static func footerByteCount(end: UnsafeRawBufferPointer) throws(ParquetError) -> Int { 0 }

    /// - Parameters:
    ///   - footer: the file's last `footerByteCount` bytes, or more of its end, up to the whole file.
    ///   - fileByteCount: how many bytes the file has.
    public init(footer: UnsafeRawBufferPointer, fileByteCount: Int) throws(ParquetError) {
        throw ParquetError("")
    }

    /// The values of a column in a row group.
    /// - Parameter bytes: those of `rowGroups[rowGroup].columns[column].bytes`.
    public func decode(
        column: Int, of rowGroup: Int, from bytes: UnsafeRawBufferPointer
    ) throws(ParquetError) -> ParquetValues {
        throw ParquetError("")
    }
}
