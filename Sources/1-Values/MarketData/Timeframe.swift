/// The length of a candle's interval: a whole number of minutes that divides a day.
@frozen
public struct Timeframe: Hashable, Comparable, Sendable {
    /// 60 … 86,400.
    public let seconds: Int64

    /// - Returns: `nil` unless `minutes` divides a day.
    public init?(minutes: Int) {
        guard minutes > 0, 1_440 % minutes == 0 else { return nil }
        seconds = Int64(minutes) * 60
    }

    /// Reads `5`, `5m`, `1h` and `1d`.
    public init?(_ text: some StringProtocol) {
        let factors: [Character: Int] = ["m": 1, "h": 60, "d": 1_440]
        let factor = text.last.flatMap { factors[$0] }
        guard let number = Int(factor == nil ? String(text) : String(text.dropLast())), (1...1_440).contains(number)
        else { return nil }
        self.init(minutes: number * (factor ?? 1))
    }

    /// Why a text is no timeframe and how to write one: `'M15' is not a timeframe: write 15m`.
    public static func refusal(of text: some StringProtocol) -> String {
        let way = meant(by: text).map { "write \($0)" } ?? "write minutes, hours or a day that divide a day: 5m, 1h, 1d"
        return "'\(text.prefix(40))\(text.count > 40 ? "…" : "")' is not a timeframe: \(way)"
    }

    /// What other programs' spellings stand for: `15M`, `5min`, `1 hour`, `H1`, `M15`. They are refused all the same,
    /// since `M` is a month to some of them.
    private static func meant(by text: some StringProtocol) -> Timeframe? {
        let word = text.lowercased().filter { $0 != " " }
        let (digits, letters) = (word.filter(\.isWholeNumber), word.filter { !$0.isWholeNumber })
        guard word == digits + letters || word == letters + digits else { return nil }
        let units = [
            "m": ["m", "min", "mins", "minute", "minutes"], "h": ["h", "hr", "hour", "hours"], "d": ["d", "day"],
        ]
        return units.first { $0.value.contains(letters) }.flatMap { Timeframe(digits + $0.key) }
    }

    public static let fiveMinutes = Timeframe(minutes: 5)!
    public static let fifteenMinutes = Timeframe(minutes: 15)!

    public var minutes: Int { Int(seconds / 60) }
    public var nanos: Int64 { seconds * UTCNanos.perSecond }

    /// Of which timeframe the candles of this one are made: the largest of `timeframes` that is smaller and divides it.
    /// One only, so that what is derived does not depend on what is known first.
    public func part(among timeframes: [Timeframe]) -> Timeframe? {
        timeframes.filter { $0 < self && seconds % $0.seconds == 0 }.max()
    }

    /// The start of the interval that holds `moment`: aligned to the epoch, `[start, start + timeframe)`.
    public func start(of moment: UTCNanos) -> UTCNanos {
        UTCNanos(rawValue: floorDivide(moment.rawValue, nanos) * nanos)
    }

    /// The start of the interval that holds a whole second.
    public func start(of moment: UTCSeconds) -> UTCSeconds {
        UTCSeconds(rawValue: floorDivide(moment.rawValue, seconds) * seconds)
    }

    /// The starts of the intervals of an aligned stretch, oldest first.
    public func starts(in stretch: Range<UTCSeconds>) -> [UTCSeconds] {
        stride(from: stretch.lowerBound.rawValue, to: stretch.upperBound.rawValue, by: Int(seconds)).map {
            UTCSeconds(rawValue: $0)
        }
    }

    public static func < (a: Timeframe, b: Timeframe) -> Bool { a.seconds < b.seconds }
}

extension Timeframe: CustomStringConvertible {
    /// `5m`, `1h`, `1d`.
    public var description: String {
        if minutes % 1_440 == 0 { return "\(minutes / 1_440)d" }
        return minutes % 60 == 0 ? "\(minutes / 60)h" : "\(minutes)m"
    }
}
