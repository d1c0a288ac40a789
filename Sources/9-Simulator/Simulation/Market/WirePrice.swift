/// A price as the broker writes it: whole `mantissa` with a decimal point `decimals` places from its
/// right end, so that `1.10` and `1.1` stay different texts and nothing is rounded.
struct WirePrice: Hashable, Sendable {
    var mantissa: Int64
    var decimals: UInt8

    /// No price: the wire shows `#`.
    static let null = WirePrice(mantissa: .min, decimals: 0)

    /// The most digits before and after the point together: any such number fits 64 bits.
    static let digitsMax = 18

    var isNull: Bool { mantissa == .min }

    /// Reads `1.38676` or `102`: digits with at most one point between digits, no needless leading zero,
    /// so that writing gives the same text again. An empty text is `null`.
    init?(text: some Collection<UInt8>) {
        if text.isEmpty {
            self = .null
            return
        }
        var mantissa: Int64 = 0
        var digits = 0
        var decimals: UInt8?
        for byte in text {
            let digit = byte &- UInt8(ascii: "0")
            if digit <= 9 {
                if digits == 1, mantissa == 0, decimals == nil { return nil }
                digits += 1
                guard digits <= WirePrice.digitsMax else { return nil }
                mantissa = mantissa * 10 + Int64(digit)
                decimals = decimals.map { $0 + 1 }
            } else {
                guard byte == UInt8(ascii: "."), decimals == nil, digits > 0 else { return nil }
                decimals = 0
            }
        }
        guard decimals != 0 else { return nil }
        self.init(mantissa: mantissa, decimals: decimals ?? 0)
    }

    init(mantissa: Int64, decimals: UInt8) {
        self.mantissa = mantissa
        self.decimals = decimals
    }

    /// The same price in points: the decimal point `places` further right, at least one decimal left
    /// (points prices show one). Source: ig-api § 6.
    func inPoints(shiftedBy places: UInt8) -> WirePrice {
        guard places > 0, !isNull else { return self }
        if decimals > places { return WirePrice(mantissa: mantissa, decimals: decimals - places) }
        let missing = Int(places) + 1 - Int(decimals)
        return WirePrice(mantissa: mantissa &* powerOfTen(missing), decimals: 1)
    }

    /// The same number in its shortest form: `1.10` is `1.1`, and `13359.0` is `13359`. Source: ig-api § 14.
    var withoutTrailingZeros: WirePrice {
        var shortest = self
        while !isNull, shortest.decimals > 0, shortest.mantissa % 10 == 0 {
            shortest.mantissa /= 10
            shortest.decimals -= 1
        }
        return shortest
    }

    /// The mantissa with exactly `places` decimals; digits beyond are cut off.
    func units(decimals places: UInt8) -> Int64 {
        if decimals <= places { return mantissa &* powerOfTen(Int(places - decimals)) }
        return mantissa / powerOfTen(Int(decimals - places))
    }
}

/// One change of bid or ask.
struct MarketTick: Hashable, Sendable {
    /// Nanoseconds since 1970 UTC.
    var time: Int64
    var bid: WirePrice
    var ask: WirePrice
}

/// 10 to the power of `exponent`, 0 … 18.
func powerOfTen(_ exponent: Int) -> Int64 {
    var power: Int64 = 1
    for _ in 0..<max(0, min(18, exponent)) { power *= 10 }
    return power
}
