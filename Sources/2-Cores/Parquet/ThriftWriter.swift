/// Thrift's compact protocol, as far as Parquet's headers need it. Source: `thrift-compact-protocol.md`.
///
/// A field is a byte (the distance from the field before in the high half, the type in the low half), then the value.
/// Integers are zigzag varints; byte strings and lists have their count before them; a structure ends with a zero byte.
struct ThriftWriter {
    private(set) var bytes: [UInt8] = []
    private var field: UInt8 = 0

    mutating func boolean(_ id: UInt8, _ value: Bool) { begin(id, value ? .yes : .no) }

    mutating func int16(_ id: UInt8, _ value: Int) { integer(id, .int16, value) }
    mutating func int32(_ id: UInt8, _ value: Int) { integer(id, .int32, value) }
    mutating func int64(_ id: UInt8, _ value: Int) { integer(id, .int64, value) }

    mutating func binary(_ id: UInt8, _ value: some Collection<UInt8>) {
        begin(id, .binary)
        append(value)
    }

    mutating func structure(_ id: UInt8, _ content: (inout ThriftWriter) -> Void = { _ in }) {
        begin(id, .structure)
        structure(content)
    }

    mutating func structures<Elements: Collection>(
        _ id: UInt8, _ elements: Elements, _ content: (inout ThriftWriter, Elements.Element) -> Void
    ) {
        beginList(id, .structure, elements.count)
        for element in elements { structure { content(&$0, element) } }
    }

    mutating func int32s(_ id: UInt8, _ elements: [Int]) {
        beginList(id, .int32, elements.count)
        for element in elements { varint(zigzag(Int64(element))) }
    }

    mutating func binaries(_ id: UInt8, _ elements: [String]) {
        beginList(id, .binary, elements.count)
        for element in elements { append(element.utf8) }
    }

    /// A structure that is no field: an element of a list, or the outermost one.
    mutating func structure(_ content: (inout ThriftWriter) -> Void) {
        let outer = field
        field = 0
        content(&self)
        bytes.append(0)
        field = outer
    }

    private mutating func integer(_ id: UInt8, _ type: ThriftType, _ value: Int) {
        begin(id, type)
        varint(zigzag(Int64(value)))
    }

    private mutating func begin(_ id: UInt8, _ type: ThriftType) {
        precondition(id > field && id - field < 16, "fields ascend")
        bytes.append((id - field) << 4 | type.rawValue)
        field = id
    }

    private mutating func beginList(_ id: UInt8, _ type: ThriftType, _ count: Int) {
        begin(id, .list)
        bytes.append(UInt8(min(count, 15)) << 4 | type.rawValue)
        if count >= 15 { varint(UInt64(count)) }
    }

    private mutating func append(_ value: some Collection<UInt8>) {
        varint(UInt64(value.count))
        bytes += value
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 128 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

enum ThriftType: UInt8 {
    case yes = 1
    case no = 2
    case byte = 3
    case int16 = 4
    case int32 = 5
    case int64 = 6
    case double = 7
    case binary = 8
    case list = 9
    case set = 10
    case map = 11
    case structure = 12
}

/// Small numbers of either sign as small unsigned ones: 0, −1, 1, −2 become 0, 1, 2, 3.
func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }

func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
