/// A price in whole units of 1e-9 of the quote currency: exact, never rounded, never floating point.
@frozen
public struct Price: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: Int64

    @inlinable
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// `unitsPerOne` units make 1.
    public static let unitsPerOne: Int64 = 1_000_000_000

    /// The largest price: bid + ask must fit 64 bits too.
    public static let unitsMax = Int64.max / 2

    /// The most decimals a price may have. One fewer than units have, so that mid, (bid + ask) / 2,
    /// is exact too. (FX prices have at most 6.)
    public static let decimalsMax = 8

    @inlinable
    public static func < (a: Price, b: Price) -> Bool { a.rawValue < b.rawValue }

    /// Parses a broker's decimal such as `1.08412` or `161.204`, exactly.
    ///
    /// - Parameters:
    ///   - text: digits with at most one `.`, a digit on at least one side of it.
    ///   - pointShift: how many places the real price's decimal point stands left of the text's: 0 for
    ///     decimal epics, 4 (2 for JPY) for epics quoted in points (`ig-api` § 6).
    /// - Returns: `nil` for anything else: a sign, an exponent, more than `decimalsMax` decimals that
    ///   are not zero, or a price that does not fit.
    @inlinable
    public init?(decimal text: UnsafeRawBufferPointer, pointShift: Int = 0) {
        if let short = Price.short(text, pointShift) {
            self.init(rawValue: short)
            return
        }
        var value: Int64 = 0
        var decimals = pointShift
        var digits = 0
        var pastPoint = false
        for byte in text {
            let digit = byte &- UInt8(ascii: "0")
            if digit <= 9 {
                digits &+= 1
                if pastPoint {
                    if decimals == Price.decimalsMax {
                        if digit != 0 { return nil }
                        continue
                    }
                    decimals &+= 1
                }
                // Ten times as much has no room even with all decimals behind the point.
                if value >= 100_000_000_000_000_000 { return nil }
                value = value &* 10 &+ Int64(digit)
            } else if byte == UInt8(ascii: "."), !pastPoint {
                pastPoint = true
            } else {
                return nil
            }
        }
        guard digits > 0, decimals <= Price.decimalsMax else { return nil }
        let (units, overflow) = value.multipliedReportingOverflow(by: Price.powersOfTen[9 &- decimals])
        if overflow || units > Price.unitsMax { return nil }
        self.init(rawValue: units)
    }

    /// The units of a price of four to eight bytes, as nearly all are: its digits are read at once, the point is taken
    /// out of the word before.
    /// - Returns: `nil` if it must be looked at byte by byte.
    @inlinable
    @inline(__always)
    static func short(_ text: UnsafeRawBufferPointer, _ pointShift: Int) -> Int64? {
        guard text.count >= 4, text.count <= 8, let base = text.baseAddress else { return nil }
        let unused = UInt64(8 &- text.count) &* 8
        let head = UInt64(base.loadUnaligned(as: UInt32.self).littleEndian)
        let tail = UInt64(base.loadUnaligned(fromByteOffset: text.count &- 4, as: UInt32.self).littleEndian)
        var word = (head &<< unused) | (tail &<< 32)
        if unused > 0 { word |= DigitWord.zeros &>> (64 &- unused) }
        let difference = word ^ 0x2E2E_2E2E_2E2E_2E2E
        let points = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
        var decimals = pointShift
        if points != 0 {
            let bits = UInt64(points.trailingZeroBitCount &- 7)
            let before = word & ((1 &<< bits) &- 1)
            let behind = bits == 56 ? 0 : (word &>> (bits &+ 8)) &<< (bits &+ 8)
            word = behind | (before &<< 8) | UInt64(UInt8(ascii: "0"))
            decimals &+= 7 &- Int(bits / 8)
        }
        guard decimals <= decimalsMax, let value = DigitWord(bytes: word).value else { return nil }
        let (units, overflow) = Int64(value).multipliedReportingOverflow(by: powersOfTen[9 &- decimals])
        return overflow || units > unitsMax ? nil : units
    }

    /// Parses a decimal from text; see `init(decimal:pointShift:)`.
    public init?(_ text: some StringProtocol, pointShift: Int = 0) {
        var text = String(text)
        let parsed = text.withUTF8 { Price(decimal: UnsafeRawBufferPointer($0), pointShift: pointShift) }
        guard let parsed else { return nil }
        self = parsed
    }

    @usableFromInline
    static let powersOfTen: [10 of Int64] = [
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
    ]

    /// The price as a decimal with at least `decimals` places and no more than it needs.
    public func formatted(decimals: Int = 0) -> String {
        let whole = rawValue.magnitude / UInt64(Price.unitsPerOne)
        let part = String(rawValue.magnitude % UInt64(Price.unitsPerOne))
        var fraction = String(repeating: "0", count: 9 - part.count) + part
        while fraction.utf8.count > decimals, fraction.utf8.last == UInt8(ascii: "0") { fraction.removeLast() }
        let sign = rawValue < 0 ? "-" : ""
        return fraction.isEmpty ? "\(sign)\(whole)" : "\(sign)\(whole).\(fraction)"
    }
}

extension Price: CustomStringConvertible {
    public var description: String { formatted() }
}
