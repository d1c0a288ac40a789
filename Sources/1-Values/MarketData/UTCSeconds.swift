/// A moment: whole seconds since 1970-01-01 00:00 UTC, without leap seconds.
@frozen
public struct UTCSeconds: RawRepresentable, Hashable, Comparable, Codable, Sendable {
    public let rawValue: Int64

    @inlinable
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// Before every other moment.
    public static var min: UTCSeconds { UTCSeconds(rawValue: .min) }
    /// After every other moment.
    public static var max: UTCSeconds { UTCSeconds(rawValue: .max) }

    @inlinable
    public static func < (a: UTCSeconds, b: UTCSeconds) -> Bool { a.rawValue < b.rawValue }

    /// The time from `b` to `a`.
    public static func - (a: UTCSeconds, b: UTCSeconds) -> Duration { .seconds(a.rawValue - b.rawValue) }

    /// The moment a duration later; its fraction of a second does not count.
    public static func + (a: UTCSeconds, b: Duration) -> UTCSeconds {
        UTCSeconds(rawValue: a.rawValue + b.components.seconds)
    }

    /// The moment a duration earlier; its fraction of a second does not count.
    public static func - (a: UTCSeconds, b: Duration) -> UTCSeconds {
        UTCSeconds(rawValue: a.rawValue - b.components.seconds)
    }

    /// The end of the interval that starts at `a`.
    @inlinable
    public static func + (a: UTCSeconds, b: Timeframe) -> UTCSeconds { UTCSeconds(rawValue: a.rawValue + b.seconds) }

    /// The start of the interval that ends at `a`.
    @inlinable
    public static func - (a: UTCSeconds, b: Timeframe) -> UTCSeconds { UTCSeconds(rawValue: a.rawValue - b.seconds) }
}

extension UTCSeconds: CustomStringConvertible {
    /// The number of seconds: `1398902400`.
    public var description: String { String(rawValue) }

    /// `2014-05-01 00:00:00`, or with another separator between date and time.
    public func text(separator: String = " ") -> String {
        let days = floorDivide(rawValue, 86_400)
        let rest = rawValue - days * 86_400
        let date = CivilDate(daysSince1970: days)
        return "\(date)\(separator)\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2))"
    }
}
