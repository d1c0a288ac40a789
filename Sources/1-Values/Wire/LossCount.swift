/// A number of lost updates. It saturates: what a broker declares lost can make a sum large, never small.
@frozen
public struct LossCount: RawRepresentable, Hashable, Sendable, Comparable {
    public let rawValue: UInt32

    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    @inlinable
    public init(clamping count: some BinaryInteger) { self.init(rawValue: UInt32(clamping: count)) }

    @inlinable public static var zero: LossCount { LossCount(rawValue: 0) }

    @inlinable
    public static func < (a: LossCount, b: LossCount) -> Bool { a.rawValue < b.rawValue }

    @inlinable
    public static func + (a: LossCount, b: LossCount) -> LossCount {
        let (sum, isTooLarge) = a.rawValue.addingReportingOverflow(b.rawValue)
        return LossCount(rawValue: isTooLarge ? .max : sum)
    }

    @inlinable
    public static func += (a: inout LossCount, b: LossCount) { a = a + b }
}

extension LossCount: ExpressibleByIntegerLiteral {
    @inlinable
    public init(integerLiteral value: UInt32) { self.init(rawValue: value) }
}

extension LossCount: CustomStringConvertible {
    public var description: String { String(rawValue) }
}
