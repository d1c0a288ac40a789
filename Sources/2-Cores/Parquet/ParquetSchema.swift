/// The columns of a Parquet file: flat, every value present. Source: the Parquet format, `parquet.thrift`.
public struct ParquetSchema: Hashable, Sendable {
    public struct Column: Hashable, Sendable {
        public enum Kind: Hashable, Sendable {
            /// INT32.
            case int32
            /// INT64.
            case int64
            /// INT64, nanoseconds since 1970-01-01 00:00 UTC: TIMESTAMP(NANOS, isAdjustedToUTC).
            case timestamp
            /// BYTE_ARRAY, a STRING.
            case text
        }

        public let name: String
        public let kind: Kind

        public init(_ name: String, _ kind: Kind) { (self.name, self.kind) = (name, kind) }
    }

    public let columns: [Column]
    /// The file's key-value metadata, in this order.
    public let metadata: [Metadata]

    public struct Metadata: Hashable, Sendable {
        public let key: String
        public let value: String

        public init(_ key: String, _ value: String) { (self.key, self.value) = (key, value) }
    }

    public init(columns: [Column], metadata: [Metadata] = []) { (self.columns, self.metadata) = (columns, metadata) }
}

/// The values of one column in one row group.
public enum ParquetValues: Hashable, Sendable {
    /// Of `int32` (its 32 bits, sign extended), `int64` and `timestamp`.
    case integers([Int64])
    /// Of `text`.
    case texts([String])

    public var count: Int {
        switch self {
        case .integers(let values): values.count
        case .texts(let values): values.count
        }
    }
}
