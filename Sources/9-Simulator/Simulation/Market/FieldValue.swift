/// The value of one field of an item, without a heap allocation: null, a decimal number or a short text.
struct FieldValue: Hashable, Sendable {
    private enum Kind: UInt8 { case null, number, text }

    private let kind: Kind
    private let decimals: UInt8
    /// The number's mantissa, or up to eight ASCII bytes, the first in the lowest byte.
    private let payload: Int64

    /// No value: `#` on the wire.
    static let null = FieldValue(kind: .null, decimals: 0, payload: 0)

    /// The longest text that `write` makes of any value: sign, 19 digits, point.
    static let bytesMax = 24

    private init(kind: Kind, decimals: UInt8, payload: Int64) {
        self.kind = kind
        self.decimals = decimals
        self.payload = payload
    }

    init(_ integer: Int64) { self.init(kind: .number, decimals: 0, payload: integer) }

    init(_ mantissa: Int64, decimals: UInt8) { self.init(kind: .number, decimals: decimals, payload: mantissa) }

    init(_ price: WirePrice) {
        self = price.isNull ? .null : FieldValue(kind: .number, decimals: price.decimals, payload: price.mantissa)
    }

    /// - Parameter text: at most eight ASCII characters, none of which TLCP must escape.
    init(text: StaticString) {
        precondition(text.utf8CodeUnitCount <= 8, "a field text has at most eight bytes")
        var packed: UInt64 = 0
        text.withUTF8Buffer { for byte in $0.reversed() { packed = packed << 8 | UInt64(byte) } }
        self.init(kind: .text, decimals: 0, payload: Int64(bitPattern: packed))
    }

    /// Reads a TLCP token, so that `write` gives the same again.
    /// - Returns: `nil` for an empty one, and for what is neither a decimal number nor at most eight bytes.
    init?(token: ArraySlice<UInt8>) {
        if token.elementsEqual("#".utf8) {
            self = .null
        } else if token.elementsEqual("$".utf8) {
            self = FieldValue(text: "")
        } else if let number = FieldValue(decimal: token) {
            self = number
        } else {
            guard (1...8).contains(token.count), !token.contains(0) else { return nil }
            let packed = token.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self.init(kind: .text, decimals: 0, payload: Int64(bitPattern: packed))
        }
    }

    private init?(decimal token: ArraySlice<UInt8>) {
        let isNegative = token.first == UInt8(ascii: "-")
        let digits = isNegative ? token.dropFirst() : token
        guard let price = WirePrice(text: digits), !price.isNull, !isNegative || price.mantissa > 0 else { return nil }
        self.init(isNegative ? -price.mantissa : price.mantissa, decimals: price.decimals)
    }

    /// The value of a whole number.
    var integer: Int64? { kind == .number && decimals == 0 ? payload : nil }

    /// Writes the value as a TLCP token and returns the number of bytes.
    /// - Parameter target: has room for `bytesMax` bytes.
    /// Source: TLCP § values of U: `#` is null, `$` the empty string.
    func write(to target: UnsafeMutablePointer<UInt8>) -> Int {
        switch kind {
        case .null:
            target[0] = UInt8(ascii: "#")
            return 1
        case .text:
            guard payload != 0 else {
                target[0] = UInt8(ascii: "$")
                return 1
            }
            var rest = UInt64(bitPattern: payload)
            var count = 0
            while rest != 0 {
                target[count] = UInt8(truncatingIfNeeded: rest)
                rest >>= 8
                count += 1
            }
            return count
        case .number:
            return writeDecimal(payload, decimals: Int(decimals), to: target)
        }
    }

    /// The value as text, as REST and logs show it; `nil` for null.
    var text: String? {
        if kind == .null { return nil }
        if kind == .text, payload == 0 { return "" }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: FieldValue.bytesMax) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            let count = write(to: start)
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }
}

/// Writes `mantissa` with a decimal point `decimals` places from the right; returns the byte count.
/// `target` has room for 24 bytes, `decimals` is at most 19.
func writeDecimal(_ mantissa: Int64, decimals: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
    var start = 0
    if mantissa < 0 {
        target[0] = UInt8(ascii: "-")
        start = 1
    }
    var digits = 1
    var bound: UInt64 = 10
    let magnitude = mantissa.magnitude
    while digits < 19, magnitude >= bound {
        digits += 1
        bound *= 10
    }
    let shown = max(digits, decimals + 1)
    let length = shown + (decimals > 0 ? 1 : 0)
    var rest = magnitude
    var position = start + length
    for index in 0..<shown {
        if index == decimals, decimals > 0 {
            position -= 1
            target[position] = UInt8(ascii: ".")
        }
        position -= 1
        let next = rest / 10
        target[position] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest &- next &* 10)
        rest = next
    }
    return start + length
}
