/// Reads what `ThriftWriter` writes, and steps over fields that it does not know.
struct ThriftReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    struct Field {
        let id: Int
        let type: ThriftType
    }

    private static let deepest = 16

    /// The next field of a structure; `nil` at its end.
    /// - Parameter last: the structure's field before; 0 at its beginning.
    mutating func field(after last: inout Int) throws(ParquetError) -> Field? {
        let head = try byte()
        if head == 0 { return nil }
        let type = try type(head & 15)
        let distance = Int(head >> 4)
        let id = distance > 0 ? last + distance : Int(truncatingIfNeeded: unzigzag(try varint()))
        guard (1...Int(Int16.max)).contains(id) else { throw ParquetError("a header has a field \(id)") }
        last = id
        return Field(id: id, type: type)
    }

    mutating func boolean(_ field: Field) throws(ParquetError) -> Bool {
        switch field.type {
        case .yes: return true
        case .no: return false
        default: throw mistyped(field)
        }
    }

    /// An `int32` or `int64` that is 0 or above.
    mutating func count(_ field: Field, _ type: ThriftType) throws(ParquetError) -> Int {
        let value = try integer(field, type)
        guard value >= 0 else { throw ParquetError("a header has a count of \(value)") }
        return value
    }

    /// An `int32` or `int64`.
    mutating func integer(_ field: Field, _ type: ThriftType) throws(ParquetError) -> Int {
        guard field.type == type else { throw mistyped(field) }
        let value = unzigzag(try varint())
        guard type == .int64 || Int32(exactly: value) != nil else {
            throw ParquetError("a number has more than 32 bits")
        }
        return Int(value)
    }

    mutating func binary(_ field: Field) throws(ParquetError) -> UnsafeRawBufferPointer {
        guard field.type == .binary else { throw mistyped(field) }
        return try binary()
    }

    mutating func text(_ field: Field) throws(ParquetError) -> String {
        guard let text = String(utf8: try binary(field)) else { throw ParquetError("a name in the footer is no UTF-8") }
        return text
    }

    /// Begins a structure that is a field.
    mutating func structure(_ field: Field) throws(ParquetError) {
        guard field.type == .structure else { throw mistyped(field) }
    }

    /// Begins a list. Its elements follow; each has at least one byte.
    mutating func list(_ field: Field, of type: ThriftType) throws(ParquetError) -> Int {
        guard field.type == .list else { throw mistyped(field) }
        let (count, element) = try listHead()
        guard element == type || count == 0 else { throw mistyped(field) }
        return count
    }

    /// An element of a list of integers.
    mutating func integerElement() throws(ParquetError) -> Int { Int(unzigzag(try varint())) }

    /// An element of a list of byte strings.
    mutating func textElement() throws(ParquetError) -> String {
        guard let text = String(utf8: try binary()) else { throw ParquetError("a name in the footer is no UTF-8") }
        return text
    }

    mutating func skip(_ field: Field) throws(ParquetError) {
        if field.type != .yes && field.type != .no { try skip(field.type, depth: 0) }
    }

    // MARK: Parts

    private mutating func skip(_ type: ThriftType, depth: Int) throws(ParquetError) {
        guard depth < ThriftReader.deepest else { throw ParquetError("a header is too deep") }
        switch type {
        case .yes, .no, .byte: _ = try byte()
        case .int16, .int32, .int64: _ = try varint()
        case .double: _ = try take(8)
        case .binary: _ = try binary()
        case .list, .set:
            let (count, element) = try listHead()
            for _ in 0..<count { try skip(element, depth: depth + 1) }
        case .map:
            let count = try varint()
            if count == 0 { return }
            guard count <= UInt64(bytes.count - offset) else { throw ended }
            let types = try byte()
            let (key, value) = (try self.type(types >> 4), try self.type(types & 15))
            for _ in 0..<count {
                try skip(key, depth: depth + 1)
                try skip(value, depth: depth + 1)
            }
        case .structure:
            var last = 0
            while let field = try field(after: &last) {
                if field.type != .yes && field.type != .no { try skip(field.type, depth: depth + 1) }
            }
        }
    }

    private mutating func listHead() throws(ParquetError) -> (count: Int, ThriftType) {
        let head = try byte()
        let count = head >> 4 < 15 ? UInt64(head >> 4) : try varint()
        guard count <= UInt64(bytes.count - offset) else { throw ended }
        return (Int(count), try type(head & 15))
    }

    private func type(_ number: UInt8) throws(ParquetError) -> ThriftType {
        guard let type = ThriftType(rawValue: number) else { throw ParquetError("a header has a type \(number)") }
        return type
    }

    private mutating func binary() throws(ParquetError) -> UnsafeRawBufferPointer {
        let count = try varint()
        guard count <= UInt64(bytes.count - offset) else { throw ended }
        return try take(Int(count))
    }

    mutating func take(_ count: Int) throws(ParquetError) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - offset else { throw ended }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }

    private mutating func byte() throws(ParquetError) -> UInt8 {
        guard offset < bytes.count else { throw ended }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// Also reads the varints of DELTA_BINARY_PACKED, which are the same.
    mutating func varint() throws(ParquetError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let next = UInt64(try byte())
            guard shift < 63 || next < 2 else { break }
            value |= (next & 127) << shift
            if next < 128 { return value }
        }
        throw ParquetError("a number has more than 64 bits")
    }

    private var ended: ParquetError { ParquetError("a header ends too early") }

    private func mistyped(_ field: Field) -> ParquetError {
        ParquetError("field \(field.id) of a header has the type \(field.type)")
    }
}

extension String {
    /// `nil` if the bytes are no UTF-8.
    init?(utf8 bytes: UnsafeRawBufferPointer) {
        guard let text = String(validating: bytes.assumingMemoryBound(to: UInt8.self), as: UTF8.self) else {
            return nil
        }
        self = text
    }
}
