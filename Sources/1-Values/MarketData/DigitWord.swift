/// Eight ASCII digits at once, as the bytes of a word whose lowest byte is the first digit.
@frozen
public struct DigitWord {
    @usableFromInline let bytes: UInt64

    @inlinable
    public init(bytes: UInt64) { self.bytes = bytes }

    /// `00000000`.
    @inlinable public static var zeros: UInt64 { 0x3030_3030_3030_3030 }

    /// The number of the digits; `nil` if a byte is not a digit.
    @inlinable
    public var value: UInt64? {
        let digits = bytes &- DigitWord.zeros
        let aboveNine = bytes &+ 0x4646_4646_4646_4646
        guard (digits | aboveNine) & 0x8080_8080_8080_8080 == 0 else { return nil }
        // Neighbours become numbers of two digits, then of four, then of eight.
        let twos = digits &* 10 &+ (digits &>> 8)
        let fours = (twos & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
        let rest = ((twos &>> 16) & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001
        return (fours &+ rest) &>> 32
    }

    /// The number that one to sixteen digits say; `nil` for anything else.
    @inlinable
    public static func number(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard (1...16).contains(text.count) else { return nil }
        guard text.count >= 8 else { return short(text) }
        let head = text.loadUnaligned(as: UInt64.self).littleEndian
        let tail = text.loadUnaligned(fromByteOffset: text.count &- 8, as: UInt64.self).littleEndian
        guard let last = DigitWord(bytes: tail).value else { return nil }
        let unused = UInt64(16 &- text.count) &* 8
        if unused == 64 { return Int64(last) }
        // The first digits alone, behind as many zeros as make a word of them.
        let first = unused == 0 ? head : (head &<< unused) | (zeros &>> (64 &- unused))
        guard let leading = DigitWord(bytes: first).value else { return nil }
        return Int64(leading &* 100_000_000 &+ last)
    }

    /// Of fewer than eight digits.
    @usableFromInline
    static func short(_ text: UnsafeRawBufferPointer) -> Int64? {
        var value: Int64 = 0
        for byte in text {
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return value
    }
}
