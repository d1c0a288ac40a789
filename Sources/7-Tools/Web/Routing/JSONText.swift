package import MarketData

/// JSON written by hand, a byte array that only grows: for answers of thousands of numbers, for which JSONEncoder takes
/// too long.
///
/// Commas come by themselves. The caller pairs `begin` and `end`, and gives each member of an object a `key`.
package struct JSONText: Sendable {
    package private(set) var bytes: [UInt8] = []
    /// Whether a value came before the next one in its container.
    private var needsComma = false

    /// - Parameter capacity: about how many bytes it will have.
    package init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    package enum Container: Sendable { case object, array }

    package mutating func begin(_ container: Container) {
        separate()
        bytes.append(UInt8(ascii: container == .object ? "{" : "["))
        needsComma = false
    }

    package mutating func end(_ container: Container) {
        bytes.append(UInt8(ascii: container == .object ? "}" : "]"))
        needsComma = true
    }

    /// The name of the member that comes next, which needs no escape.
    package mutating func key(_ name: StaticString) {
        separate()
        quote(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func null() { raw("null") }

    package mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    package mutating func integer(_ value: some BinaryInteger) {
        separate()
        digits(UInt64(value.magnitude), isNegative: value < 0, fraction: 0...0)
    }

    /// A number with exactly the digits of `Price.formatted`.
    /// - Parameter decimals: at least so many, at most 9.
    package mutating func price(_ price: Price, decimals: Int = 0) {
        separate()
        digits(price.rawValue.magnitude, isNegative: price.rawValue < 0, fraction: decimals...9)
    }

    /// The same as a string, for readers that want prices so.
    package mutating func quotedPrice(_ price: Price, decimals: Int = 0) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        digits(price.rawValue.magnitude, isNegative: price.rawValue < 0, fraction: decimals...9)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Unix seconds with as many decimals as the moment needs.
    package mutating func seconds(_ time: UTCNanos) {
        separate()
        digits(time.rawValue.magnitude, isNegative: time.rawValue < 0, fraction: 0...9)
    }

    package mutating func string(_ text: String) {
        separate()
        var text = text
        text.withUTF8 { utf8 in
            if utf8.contains(where: JSONText.needsEscape) { quoteEscaped(utf8) } else { quote(utf8) }
        }
    }

    /// One JSON value that exists already.
    package mutating func value(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
    }

    private mutating func raw(_ text: StaticString) {
        separate()
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// A comma, if there must be one before the next value.
    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    // MARK: Digits

    /// - Parameters:
    ///   - number: whole if `fraction` ends with 0, else in units of 1e-9.
    ///   - fraction: the fewest and the most places behind the point; zeros beyond the fewest are left out.
    private mutating func digits(_ number: UInt64, isNegative: Bool, fraction: ClosedRange<Int>) {
        var number = number
        var places = fraction.upperBound
        // Most prices have five decimals.
        if places - fraction.lowerBound >= 4, number % 10_000 == 0 { (number, places) = (number / 10_000, places - 4) }
        while places > fraction.lowerBound, number % 10 == 0 { (number, places) = (number / 10, places - 1) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { room in
            var first = room.count
            func put(_ byte: UInt8) {
                first -= 1
                room[first] = byte
            }
            for _ in 0..<places {
                put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
                number /= 10
            }
            if places > 0 { put(UInt8(ascii: ".")) }
            repeat {
                put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
                number /= 10
            } while number > 0
            if isNegative { put(UInt8(ascii: "-")) }
            bytes.append(contentsOf: room[first...])
        }
    }

    // MARK: Strings

    private mutating func quote(_ text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: text)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func quoteEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            if byte < 0x20 {
                let digits = String(byte, radix: 16)
                bytes.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
            } else {
                if JSONText.needsEscape(byte) { bytes.append(UInt8(ascii: "\\")) }
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
}
