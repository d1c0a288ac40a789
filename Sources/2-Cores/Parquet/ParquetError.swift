/// Why bytes are no Parquet file that this module can read.
public struct ParquetError: Error, Hashable, CustomStringConvertible {
    /// One clause, such as `the footer ends too early`.
    public let description: String

    init(_ description: String) { self.description = description }
}
