/// The fold's state on its way to bytes: integers little-endian, one after the other; before a list its count (u32),
/// before a value that may be missing 1 or 0 (u8). Source: docs/formats.md § 7.1.
struct StateWriter {
    private let room: UnsafeMutableRawBufferPointer
    private var count = 0
    /// Something found no room.
    private var isOverfull = false

    private init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

    /// What `body` writes. It is called again with more room if there is not enough.
    /// - Parameter capacity: how many bytes to make room for at first.
    static func bytes(capacity: Int, _ body: (inout StateWriter) -> Void) -> [UInt8] {
        var capacity = capacity
        while true {
            var isWhole = false
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { room, count in
                var writer = StateWriter(UnsafeMutableRawBufferPointer(room))
                body(&writer)
                (count, isWhole) = (writer.count, !writer.isOverfull)
            }
            if isWhole { return bytes }
            capacity *= 2
        }
    }

    @inline(__always)
    mutating func put(_ value: some StateValue) { value.write(to: &self) }

    @inline(__always)
    fileprivate mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        let end = count &+ MemoryLayout<Value>.size
        guard end <= room.count else {
            isOverfull = true
            return
        }
        room.storeBytes(of: value.littleEndian, toByteOffset: count, as: Value.self)
        count = end
    }

    mutating func put(count: Int) { append(UInt32(count)) }
}

/// The bytes do not hold a state.
struct StateDamage: Error {}

/// The way back. Whatever the bytes are, reading them ends in a value or in `StateDamage`.
struct StateReader {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private var rest: Int { bytes.count &- place }
    var isAtEnd: Bool { rest == 0 }

    @inline(__always)
    mutating func take<Value: StateValue>() throws(StateDamage) -> Value { try Value(from: &self) }

    @inline(__always)
    fileprivate mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>() throws(StateDamage) -> Value {
        guard rest >= MemoryLayout<Value>.size else { throw StateDamage() }
        let value = bytes.loadUnaligned(fromByteOffset: place, as: Value.self)
        place &+= MemoryLayout<Value>.size
        return Value(littleEndian: value)
    }

    /// Of a list. Each of its elements takes a byte at least.
    mutating func count() throws(StateDamage) -> Int {
        let count: UInt32 = try integer()
        guard count <= rest else { throw StateDamage() }
        return Int(count)
    }

    /// How many elements of a list to make room for: no more than there can be of the smallest that come in numbers.
    func room(for count: Int) -> Int { min(count, rest / 8) }
}

/// A value of the fold's state.
protocol StateValue {
    func write(to bytes: inout StateWriter)
    init(from bytes: inout StateReader) throws(StateDamage)
}

extension StateValue where Self: FixedWidthInteger & BitwiseCopyable {
    @inline(__always)
    func write(to bytes: inout StateWriter) { bytes.append(self) }
    @inline(__always)
    init(from bytes: inout StateReader) throws(StateDamage) { self = try bytes.integer() }
}

extension Int64: StateValue {}
extension UInt64: StateValue {}
extension UInt32: StateValue {}
extension UInt16: StateValue {}
extension UInt8: StateValue {}

extension StateValue where Self: RawRepresentable, RawValue: StateValue {
    @inline(__always)
    func write(to bytes: inout StateWriter) { bytes.put(rawValue) }
    @inline(__always)
    init(from bytes: inout StateReader) throws(StateDamage) {
        guard let value = Self(rawValue: try bytes.take()) else { throw StateDamage() }
        self = value
    }
}

extension Bool: StateValue {
    @inline(__always)
    func write(to bytes: inout StateWriter) { bytes.append(self ? 1 as UInt8 : 0) }
    @inline(__always)
    init(from bytes: inout StateReader) throws(StateDamage) {
        let byte: UInt8 = try bytes.take()
        guard byte < 2 else { throw StateDamage() }
        self = byte == 1
    }
}

extension Optional: StateValue where Wrapped: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(self != nil)
        if let self { bytes.put(self) }
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        let isThere: Bool = try bytes.take()
        self = isThere ? .some(try bytes.take()) : nil
    }
}

extension Array: StateValue where Element: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(count: count)
        for element in self { bytes.put(element) }
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        let count = try bytes.count()
        self.init()
        reserveCapacity(bytes.room(for: count))
        for _ in 0..<count { append(try bytes.take()) }
    }
}

extension Dictionary: StateValue where Key: StateValue, Value: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(count: count)
        for (key, value) in self {
            bytes.put(key)
            bytes.put(value)
        }
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        let count = try bytes.count()
        self.init(minimumCapacity: bytes.room(for: count))
        for _ in 0..<count {
            let key: Key = try bytes.take()
            guard updateValue(try bytes.take(), forKey: key) == nil else { throw StateDamage() }
        }
    }
}

extension Set: StateValue where Element: StateValue {
    func write(to bytes: inout StateWriter) { bytes.put(Array(self)) }

    init(from bytes: inout StateReader) throws(StateDamage) {
        let elements: [Element] = try bytes.take()
        self.init(elements)
        guard count == elements.count else { throw StateDamage() }
    }
}
