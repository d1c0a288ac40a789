/// Eight ASCII digits at once, as the bytes of a word whose lowest byte is the first digit.
@frozen
public struct DigitWord {
    @usableFromInline let bytes: UInt64

    @inlinable
    public init(bytes: UInt64) { self.bytes = bytes }

    /// `00000000`.
    @inlinable public static var zeros: UInt64 { 0x3030_3030_3030_3030 }

    /// The number that the digits say; `nil` where a byte is no digit.
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
}
