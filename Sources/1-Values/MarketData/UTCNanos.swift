/// A moment: nanoseconds since 1970-01-01 00:00 UTC, without leap seconds.
@frozen
public struct UTCNanos: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: Int64

    @inlinable
    public init(rawValue: Int64) { self.rawValue = rawValue }

    public static let perSecond: Int64 = 1_000_000_000
    /// Before every other moment.
    public static var min: UTCNanos { UTCNanos(rawValue: .min) }
    /// After every other moment.
    public static var max: UTCNanos { UTCNanos(rawValue: .max) }

    public static let perMillisecond: Int64 = 1_000_000

    /// - Returns: `nil` if the moment does not fit 64 bits of nanoseconds (before 1677 or after 2262).
    @inlinable
    public init?(milliseconds: Int64) {
        let (nanos, overflow) = milliseconds.multipliedReportingOverflow(by: UTCNanos.perMillisecond)
        if overflow { return nil }
        self.init(rawValue: nanos)
    }

    @inlinable
    public init(seconds: UTCSeconds) { self.init(rawValue: seconds.rawValue * UTCNanos.perSecond) }

    /// The whole second that holds the moment: rounded down.
    public var seconds: UTCSeconds { UTCSeconds(rawValue: floorDivide(rawValue, UTCNanos.perSecond)) }

    @inlinable
    public static func < (a: UTCNanos, b: UTCNanos) -> Bool { a.rawValue < b.rawValue }

    /// The time from `b` to `a`.
    public static func - (a: UTCNanos, b: UTCNanos) -> Duration { .nanoseconds(a.rawValue - b.rawValue) }

    /// The moment a duration later.
    public static func + (a: UTCNanos, b: Duration) -> UTCNanos { UTCNanos(rawValue: a.rawValue + b.nanoseconds) }

    /// The moment a duration earlier.
    public static func - (a: UTCNanos, b: Duration) -> UTCNanos { UTCNanos(rawValue: a.rawValue - b.nanoseconds) }
}

extension Duration {
    /// Whole nanoseconds. A duration of at most 292 years fits.
    public var nanoseconds: Int64 { components.seconds * UTCNanos.perSecond + components.attoseconds / 1_000_000_000 }

    /// The shortest whole number of seconds that is no shorter.
    public var roundedUpToSeconds: Duration {
        .seconds(components.attoseconds > 0 ? components.seconds + 1 : components.seconds)
    }
}

extension UTCNanos: CustomStringConvertible {
    /// ISO 8601 with milliseconds: `2014-05-01T00:00:00.292Z`.
    public var description: String {
        let millis = floorDivide(rawValue, UTCNanos.perMillisecond)
        return "\(text(separator: "T")).\(padded(millis - floorDivide(millis, 1000) * 1000, 3))Z"
    }

    /// `2014-05-01 00:00:00`, or with another separator between date and time.
    public func text(separator: String = " ") -> String { seconds.text(separator: separator) }
}

extension UTCNanos {
    /// Reads `2026-11-23`, `2026-11-23T14:10`, `2026-11-23 14:10:05.25Z` (always UTC), or Unix seconds.
    /// - Returns: `nil` for anything else, and outside 1970 to 2200.
    public init?(text: some StringProtocol) {
        let latest: Int64 = 7_258_118_400
        if let seconds = Int64(text), !text.contains("-") {
            guard (0..<latest).contains(seconds) else { return nil }
            self.init(seconds: UTCSeconds(rawValue: seconds))
            return
        }
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "T" || $0 == " " }
        guard let day = parts.first.flatMap({ CivilDate(text: $0) }), (1970..<2200).contains(day.year) else {
            return nil
        }
        guard let time = parts.count == 1 ? 0 : nanosOfDay(parts[1].last == "Z" ? parts[1].dropLast() : parts[1]) else {
            return nil
        }
        self.init(rawValue: day.daysSince1970 * 86_400 * UTCNanos.perSecond + time)
    }
}

/// Reads `14:10`, `14:10:05` and `14:10:05.25`.
private func nanosOfDay(_ text: some StringProtocol) -> Int64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fields = parts[0].split(separator: ":", omittingEmptySubsequences: false)
    guard fields.count == 3 || fields.count == 2 && parts.count == 1, fields.allSatisfy({ $0.count == 2 }) else {
        return nil
    }
    let numbers = fields.compactMap { Int64($0) }
    guard numbers.count == fields.count, (0..<24).contains(numbers[0]),
        numbers.dropFirst().allSatisfy({ (0..<60).contains($0) })
    else { return nil }
    var nanos = (numbers[0] * 3_600 + numbers[1] * 60 + (numbers.count == 3 ? numbers[2] : 0)) * UTCNanos.perSecond
    if parts.count == 2 {
        guard (1...9).contains(parts[1].count), parts[1].allSatisfy({ ("0"..."9").contains($0) }),
            let fraction = Int64(parts[1] + String(repeating: "0", count: 9 - parts[1].count))
        else { return nil }
        nanos += fraction
    }
    return nanos
}

/// A day of the proleptic Gregorian calendar.
public struct CivilDate: Hashable, Sendable, CustomStringConvertible {
    public let year: Int64
    public let month: Int64
    public let day: Int64

    /// Source: the era arithmetic of H. Hinnant, "chrono-compatible low-level date algorithms".
    public init(daysSince1970 days: Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// - Returns: `nil` if the day does not exist.
    public init?(year: Int64, month: Int64, day: Int64) {
        guard (1...9_999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        let date = CivilDate(daysSince1970: CivilDate.daysSince1970(year: year, month: month, day: day))
        guard (date.year, date.month, date.day) == (year, month, day) else { return nil }
        self = date
    }

    /// Reads `2026-11-23`.
    /// - Returns: `nil` for anything else, and if the day does not exist.
    public init?(text: some StringProtocol) {
        let fields = text.split(separator: "-", omittingEmptySubsequences: false)
        guard fields.map(\.count) == [4, 2, 2] else { return nil }
        let numbers = fields.compactMap { Int64($0) }
        guard numbers.count == 3 else { return nil }
        self.init(year: numbers[0], month: numbers[1], day: numbers[2])
    }

    public var daysSince1970: Int64 { CivilDate.daysSince1970(year: year, month: month, day: day) }

    /// Days from 1970-01-01 to a date; one that is beyond its month's end counts on. Source: as above.
    public static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    public var description: String { "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))" }
}

/// Division that rounds toward minus infinity, so that times before 1970 fall into the right interval.
@inlinable
public func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
    let quotient = a / b
    return a % b < 0 ? quotient - 1 : quotient
}

func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
