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
                let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
                let (sum, carry) = scaled.addingReportingOverflow(Int64(digit))
                if overflow || carry { return nil }
                value = sum
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
