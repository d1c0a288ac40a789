package import MarketData

/// JSON written by hand, bytes that only grow: for answers of thousands of numbers, for which JSONEncoder takes too long.
///
/// Commas come by themselves. The caller pairs `begin` and `end`, and gives each member of an object a `key`.
package struct JSONText: Sendable {
    /// Written up to `end`; each value is written by one look at the array's storage.
    private var room: [UInt8]
    private var end = 0
    /// Whether a value came before the next one in its container.
    private var needsComma = false

    /// - Parameter capacity: about how many bytes it will have.
    package init(capacity: Int = 256) { room = [UInt8](repeating: 0, count: capacity) }

    /// What was written. Given without a copy: the rest of the room is dropped.
    package var bytes: [UInt8] {
        mutating get {
            room.removeLast(room.count - end)
            return room
        }
    }

    package enum Container: Sendable { case object, array }

    package mutating func begin(_ container: Container) {
        value(1) { $0.put(container == .object ? "{" : "[") }
        needsComma = false
    }

    package mutating func end(_ container: Container) {
        write(1) { $0.put(container == .object ? "}" : "]") }
        needsComma = true
    }

    /// The name of the member that comes next, which needs no escape.
    package mutating func key(_ name: StaticString) {
        let name = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        value(name.count + 3) { place in
            place.put("\"")
            place.put(name)
            place.put("\"")
            place.put(":")
        }
        needsComma = false
    }

    package mutating func null() { raw("null") }

    package mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    package mutating func integer(_ number: some BinaryInteger) {
        value(Decimal.bytesMost) { $0.put(Decimal(number)) }
    }

    /// A number with exactly the digits of `Price.formatted`.
    /// - Parameter decimals: at least so many, at most 9.
    package mutating func price(_ price: Price, decimals: Int = 0) {
        value(Decimal.bytesMost) { $0.put(Decimal(units: price.rawValue, decimals: decimals)) }
    }

    /// An array of a candle's four prices, as `price` writes each.
    package mutating func prices(_ prices: OHLC) {
        value(4 * Decimal.bytesMost + 5) { place in
            place.put("[")
            place.put(Decimal(units: prices.open.rawValue))
            place.put(",")
            place.put(Decimal(units: prices.high.rawValue))
            place.put(",")
            place.put(Decimal(units: prices.low.rawValue))
            place.put(",")
            place.put(Decimal(units: prices.close.rawValue))
            place.put("]")
        }
    }

    /// As `price`, but as a string, for readers that want prices so.
    package mutating func quotedPrice(_ price: Price, decimals: Int = 0) {
        value(Decimal.bytesMost + 2) { place in
            place.put("\"")
            place.put(Decimal(units: price.rawValue, decimals: decimals))
            place.put("\"")
        }
    }

    /// Unix seconds with as many decimals as the moment needs.
    package mutating func seconds(_ time: UTCNanos) {
        value(Decimal.bytesMost) { $0.put(Decimal(units: time.rawValue)) }
    }

    package mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            let escaped = utf8.contains(where: JSONText.needsEscape) ? JSONText.escaped(utf8) : nil
            value((escaped?.count ?? utf8.count) + 2) { place in
                place.put("\"")
                if let escaped { escaped.withUnsafeBufferPointer { place.put($0) } } else { place.put(utf8) }
                place.put("\"")
            }
        }
    }

    /// One JSON value that exists already.
    package mutating func value(_ json: [UInt8]) {
        json.withUnsafeBufferPointer { json in value(json.count) { $0.put(json) } }
    }

    private mutating func raw(_ text: StaticString) {
        let text = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        value(text.count) { $0.put(text) }
    }

    /// A comma, if there must be one, and a value of at most so many bytes.
    @inline(__always)
    private mutating func value(_ bytesMost: Int, _ body: (inout Place) -> Void) {
        let isNext = needsComma
        write(bytesMost + 1) { place in
            if isNext { place.put(",") }
            body(&place)
        }
        needsComma = true
    }

    @inline(__always)
    private mutating func write(_ bytesMost: Int, _ body: (inout Place) -> Void) {
        if room.count - end < bytesMost {
            room.append(contentsOf: repeatElement(0, count: max(room.count, bytesMost)))
        }
        end = room.withUnsafeMutableBufferPointer { room in
            var place = Place(room, end)
            body(&place)
            return place.end
        }
    }

    // MARK: Strings

    private static func escaped(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in text {
            if byte < 0x20 {
                let digits = String(byte, radix: 16)
                bytes.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
            } else {
                if needsEscape(byte) { bytes.append(UInt8(ascii: "\\")) }
                bytes.append(byte)
            }
        }
        return bytes
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
}

/// Where the next byte goes. The caller has made room.
private struct Place {
    private let room: UnsafeMutableBufferPointer<UInt8>
    private(set) var end: Int

    init(_ room: UnsafeMutableBufferPointer<UInt8>, _ end: Int) { (self.room, self.end) = (room, end) }

    @inline(__always)
    mutating func put(_ character: Unicode.Scalar) {
        room[end] = UInt8(ascii: character)
        end += 1
    }

    @inline(__always)
    mutating func put(_ text: UnsafeBufferPointer<UInt8>) {
        _ = UnsafeMutableBufferPointer(rebasing: room[end..<end + text.count]).initialize(from: text)
        end += text.count
    }

    @inline(__always)
    mutating func put(_ decimal: Decimal) {
        if decimal.isNegative { put("-") }
        put(digits: decimal.whole, Place.digitCount(decimal.whole))
        if decimal.places > 0 {
            put(".")
            put(digits: decimal.fraction, decimal.places)
        }
    }

    private static func digitCount(_ number: UInt64) -> Int {
        var (count, rest) = (1, number)
        while rest >= 10 { (count, rest) = (count + 1, rest / 10) }
        return count
    }

    /// Two digits at a time, from behind: a division takes longer than all else.
    @inline(__always)
    private mutating func put(digits number: some FixedWidthInteger, _ count: Int) {
        var (number, last) = (number, end + count)
        while last - end >= 2 {
            let pair = Int(truncatingIfNeeded: number % 100) * 2
            number /= 100
            last -= 2
            room[last] = Place.pairs.utf8Start[pair]
            room[last + 1] = Place.pairs.utf8Start[pair + 1]
        }
        if last > end { room[end] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number) }
        end += count
    }

    private static var pairs: StaticString {
        """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748\
        495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """
    }
}

/// A number as its digits are written.
private struct Decimal {
    /// Of a sign, 20 digits and a point.
    static let bytesMost = 22

    let isNegative: Bool
    let whole: UInt64
    /// What is behind the point, with so many digits.
    let fraction: UInt32
    let places: Int

    /// - Parameters:
    ///   - number: in units of 1e-9.
    ///   - decimals: the fewest places behind the point, at most 9; zeros beyond them are left out.
    @inline(__always)
    init(units number: Int64, decimals: Int = 0) {
        isNegative = number < 0
        let (whole, units) = number.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        var (rest, places) = (UInt32(truncatingIfNeeded: units), 9)
        // Most prices have five decimals.
        if decimals <= 5, rest % 10_000 == 0 { (rest, places) = (rest / 10_000, 5) }
        while places > decimals, rest % 10 == 0 { (rest, places) = (rest / 10, places - 1) }
        (self.whole, fraction, self.places) = (whole, rest, places)
    }

    init(_ number: some BinaryInteger) {
        (isNegative, whole, fraction, places) = (number < 0, UInt64(number.magnitude), 0, 0)
    }
}
