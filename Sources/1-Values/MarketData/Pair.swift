/// The name of an instrument: 1 to 12 of `A–Z 0–9 _`. A currency pair is named in market convention, such as `EUR_USD`:
/// the price of one EUR in USD. Any other instrument has a name of the user's choice, such as `DE40`.
///
/// Held as the 12 bytes that stand in every record: ASCII, padded with NUL, little-endian in two
/// words. All NUL (`Pair.none`) is "the whole feed".
@frozen
public struct Pair: Hashable, Sendable {
    /// Bytes 0–3 of the name.
    public let head: UInt32
    /// Bytes 4–11 of the name.
    public let tail: UInt64

    @inlinable
    public init(head: UInt32, tail: UInt64) {
        self.head = head
        self.tail = tail
    }

    /// No pair: the record is about the whole feed.
    public static let none = Pair(head: 0, tail: 0)

    /// The longest name, in bytes.
    public static let lengthMax = 12

    /// Reads a name, in either case. Two codes of three letters may be written with `/`, and without anything between
    /// them if the second one is a currency: `EUR/USD`, `EURUSD` and `XAUUSD` are `EUR_USD` and `XAU_USD`, `NASDAQ` is
    /// itself. Source: docs/decisions/0035-instrument-names.md.
    /// - Returns: `nil` unless the text is 1 to 12 letters, digits and `_`, not only `_`.
    public init?(_ text: some StringProtocol) {
        guard (1...Pair.lengthMax).contains(text.utf8.count) else { return nil }
        var name = text.utf8.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) ? $0 - 32 : $0 }
        if name.count == 7, name[3] == UInt8(ascii: "/") {
            name[3] = Pair.underscore
            guard Pair.isTwoCodes(name) else { return nil }
        } else if name.count == 6, Pair.isCurrency(name[3...]) {
            let codes = name[..<3] + [Pair.underscore] + name[3...]
            if Pair.isTwoCodes(codes) { name = Array(codes) }
        }
        guard name.allSatisfy({ Pair.isLetter($0) || Pair.isDigit($0) || $0 == Pair.underscore }),
            name.contains(where: { $0 != Pair.underscore })
        else { return nil }
        self.init(name: name)
    }

    /// - Precondition: at most 12 bytes.
    private init(name: [UInt8]) {
        var words: (UInt32, UInt64) = (0, 0)
        for index in name.indices.prefix(4).reversed() { words.0 = words.0 << 8 | UInt32(name[index]) }
        for index in name.indices.dropFirst(4).reversed() { words.1 = words.1 << 8 | UInt64(name[index]) }
        self.init(head: words.0, tail: words.1)
    }

    /// The 12 bytes, in order.
    public var bytes: [UInt8] {
        withUnsafeBytes(of: head.littleEndian) { Array($0) } + withUnsafeBytes(of: tail.littleEndian) { Array($0) }
    }

    /// What is priced, such as `EUR`, if the name is two codes of three letters; else the whole name.
    public var base: String { isTwoCodes ? String(description.prefix(3)) : description }

    /// What it is priced in, such as `USD`, if the name is two codes of three letters; else empty.
    public var quote: String { isTwoCodes ? String(description.suffix(3)) : "" }

    /// Whether it is the price of one currency in another, such as `EUR_USD`; not `XAU_USD` or `DE40`.
    public var isCurrencyPair: Bool { Pair.isCurrency(base.utf8) && Pair.isCurrency(quote.utf8) }

    private var isTwoCodes: Bool { Pair.isTwoCodes(bytes.prefix { $0 != 0 }) }

    /// Whether a name is two codes of three letters with `_` between them.
    private static func isTwoCodes(_ name: some Collection<UInt8>) -> Bool {
        name.count == 7 && name.enumerated().allSatisfy { $0 == 3 ? $1 == underscore : isLetter($1) }
    }

    private static let underscore = UInt8(ascii: "_")
    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isCurrency(_ code: some Sequence<UInt8>) -> Bool {
        currencies.contains(String(decoding: Array(code), as: UTF8.self))
    }
}

extension Pair: CustomStringConvertible {
    public var description: String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
}

extension Pair: Comparable {
    /// Alphabetical: the byte order of the names.
    public static func < (a: Pair, b: Pair) -> Bool {
        (a.head.byteSwapped, a.tail.byteSwapped) < (b.head.byteSwapped, b.tail.byteSwapped)
    }
}

extension Pair {
    /// The 28 crosses of EUR, GBP, AUD, NZD, USD, CAD, CHF and JPY in market convention.
    public static let crosses: [Pair] = {
        let byRank = ["EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY"]
        return byRank.indices.flatMap { first in
            byRank[(first + 1)...].map { quote in Pair(byRank[first] + quote)! }
        }
    }()
}

extension Pair {
    /// The currencies of states. Source: ISO 4217, active codes without metals, funds and test codes; and `CNH`, the
    /// renminbi that is traded outside China.
    private static let currencies = Set(
        """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
        CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
        MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
        SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES
        VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
        """.split(whereSeparator: \.isWhitespace).map(String.init))
}
