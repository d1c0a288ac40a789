/// A currency pair in market convention, such as `EUR_USD`: the price of one EUR in USD.
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

    /// Reads `EUR_USD`, `EURUSD` and `EUR/USD`, in either case.
    /// - Returns: `nil` unless the text is two codes of three letters.
    public init?(_ text: some StringProtocol) {
        var letters: [UInt8] = []
        for (index, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): letters.append(byte)
            case UInt8(ascii: "a")...UInt8(ascii: "z"): letters.append(byte - 32)
            case UInt8(ascii: "_"), UInt8(ascii: "/"):
                guard index == 3 else { return nil }
            default: return nil
            }
        }
        guard letters.count == 6, text.utf8.count <= 7 else { return nil }
        letters.insert(UInt8(ascii: "_"), at: 3)
        var words: (UInt32, UInt64) = (0, 0)
        for index in (0..<4).reversed() { words.0 = words.0 << 8 | UInt32(letters[index]) }
        for index in (4..<7).reversed() { words.1 = words.1 << 8 | UInt64(letters[index]) }
        self.init(head: words.0, tail: words.1)
    }

    /// The 12 bytes, in order.
    public var bytes: [UInt8] {
        withUnsafeBytes(of: head.littleEndian) { Array($0) } + withUnsafeBytes(of: tail.littleEndian) { Array($0) }
    }

    /// The first currency of the pair, such as `EUR`.
    public var base: String { String(description.prefix(3)) }

    /// The currency in which the price is quoted, such as `USD`.
    public var quote: String { String(description.suffix(3)) }
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
