public import MarketData

/// Tests write moments as plain numbers of seconds since 1970.
extension UTCSeconds: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) { self.init(rawValue: value) }

    /// The moment so many seconds later.
    public static func + (a: UTCSeconds, seconds: Int64) -> UTCSeconds { UTCSeconds(rawValue: a.rawValue + seconds) }
    public static func + (a: UTCSeconds, seconds: Int) -> UTCSeconds { a + Int64(seconds) }

    /// The moment so many seconds earlier.
    public static func - (a: UTCSeconds, seconds: Int64) -> UTCSeconds { UTCSeconds(rawValue: a.rawValue - seconds) }
    public static func - (a: UTCSeconds, seconds: Int) -> UTCSeconds { a - Int64(seconds) }
}
