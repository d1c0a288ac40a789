internal import CLibpq

/// A result and its rows. Columns are in PostgreSQL's binary format: integers of 2, 4 or 8 bytes, big-endian, or texts.
final class SQLRows: RandomAccessCollection {
    private let result: OpaquePointer?

    /// - Parameter result: freed with this object.
    init(_ result: OpaquePointer?) { self.result = result }

    deinit { PQclear(result) }

    var startIndex: Int { 0 }
    var endIndex: Int { Int(PQntuples(result)) }
    subscript(row: Int) -> SQLRow { SQLRow(rows: self, index: Int32(row)) }

    /// How many rows a statement inserted, changed or deleted.
    var changedCount: Int { PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0 }

    /// The word that PostgreSQL ends a statement with: `COMMIT`, `INSERT 0 5`.
    var tag: String { PQcmdStatus(result).map { String(cString: $0) } ?? "" }

    fileprivate func isNull(_ row: Int32, _ column: Int) -> Bool { PQgetisnull(result, row, Int32(column)) == 1 }

    fileprivate func bytes(_ row: Int32, _ column: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, Int32(column)), count: Int(PQgetlength(result, row, Int32(column))))
    }
}

/// One row; it keeps its result.
struct SQLRow {
    fileprivate let rows: SQLRows
    fileprivate let index: Int32

    /// An integer; 0 for NULL.
    subscript(column: Int) -> Int64 {
        let bytes = rows.bytes(index, column)
        switch bytes.count {
        case 8: return Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        case 4: return Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 2: return Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        default: return 0
        }
    }

    func isNull(_ column: Int) -> Bool { rows.isNull(index, column) }

    func optional(_ column: Int) -> Int64? { isNull(column) ? nil : self[column] }

    func text(_ column: Int) -> String { String(decoding: rows.bytes(index, column), as: UTF8.self) }
}
