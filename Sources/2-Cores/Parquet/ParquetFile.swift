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
        /// Bytes of the page's header and of its content before compression.
        let contentByteCount: Int
    }

    /// The least and the greatest value. Texts are compared by their UTF-8 bytes.
    public enum Statistics: Hashable, Sendable {
        case integers(ClosedRange<Int64>)
        case texts(minimum: String, maximum: String)
    }

    /// How many bytes at the end of the file hold the footer, the last 8 included.
    /// - Parameters:
    ///   - end: the file's last 8 bytes.
    ///   - fileByteCount: how many bytes the file has.
    public static func footerByteCount(
        end: UnsafeRawBufferPointer, fileByteCount: Int
    ) throws(ParquetError) -> Int {
        guard end.count == endByteCount, end.suffix(4).elementsEqual(Format.magic) else {
            throw ParquetError("the file does not end as a Parquet file")
        }
        let byteCount = Int(UInt32(littleEndian: end.loadUnaligned(as: UInt32.self))) + endByteCount
        guard byteCount <= fileByteCount - Format.magic.count else {
            throw ParquetError("the footer is said to be longer than the file")
        }
        return byteCount
    }

    /// - Parameters:
    ///   - footer: the file's last `footerByteCount` bytes, or more of its end, up to the whole file.
    ///   - fileByteCount: how many bytes the file has.
    public init(footer: UnsafeRawBufferPointer, fileByteCount: Int) throws(ParquetError) {
        precondition(footer.count <= fileByteCount)
        let end = UnsafeRawBufferPointer(rebasing: footer.suffix(ParquetFile.endByteCount))
        let byteCount = try ParquetFile.footerByteCount(end: end, fileByteCount: fileByteCount)
        guard byteCount <= footer.count else { throw ParquetError("the footer's beginning is missing") }
        if footer.count == fileByteCount, !footer.prefix(4).elementsEqual(Format.magic) {
            throw ParquetError("the file does not begin as a Parquet file")
        }
        let bytes = UnsafeRawBufferPointer(rebasing: footer.suffix(byteCount).dropLast(ParquetFile.endByteCount))
        let content = try Footer(bytes, at: fileByteCount - byteCount)
        (schema, rowGroups) = (content.schema, content.rowGroups)
    }

    /// The values of a column in a row group.
    /// - Parameters:
    ///   - column: its place in the schema.
    ///   - bytes: those of `rowGroups[rowGroup].columns[column].bytes`.
    public func decode(
        column: Int, of rowGroup: Int, from bytes: UnsafeRawBufferPointer
    ) throws(ParquetError) -> ParquetValues {
        let (rows, chunk) = (rowGroups[rowGroup].rowCount, rowGroups[rowGroup].columns[column])
        let kind = schema.columns[column].kind
        guard bytes.count == chunk.bytes.count else { throw ParquetError("the file is shorter than its footer says") }
        return try Page.withContent(
            of: bytes, values: rows, encoding: kind.encoding, byteCount: chunk.contentByteCount
        ) { page throws(ParquetError) in
            switch kind {
            case .text: .texts(try Texts.decode(page, count: rows))
            case .int32: .integers(try integers(page, count: rows, as: Int32.self))
            case .int64, .timestamp: .integers(try integers(page, count: rows, as: Int64.self))
            }
        }
    }

    private func integers<Value: FixedWidthInteger & SignedInteger>(
        _ page: UnsafeRawBufferPointer, count: Int, as type: Value.Type
    ) throws(ParquetError) -> [Int64] {
        var failure: ParquetError?
        let values = [Int64](unsafeUninitializedCapacity: count) { values, initialized in
            do throws(ParquetError) {
                let whole = UnsafeMutableBufferPointer(rebasing: values[..<count])
                try DeltaBinaryPacked.decode(page, as: type, to: whole)
                initialized = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }
}

extension ParquetFile.Statistics {
    /// Longest texts that become statistics: each is in the footer.
    private static let longestText = 256

    /// `nil` if a text is too long.
    init?(_ least: some Collection<UInt8>, _ greatest: some Collection<UInt8>) {
        guard max(least.count, greatest.count) <= Self.longestText else { return nil }
        self = .texts(
            minimum: String(decoding: least, as: UTF8.self), maximum: String(decoding: greatest, as: UTF8.self))
    }
}
