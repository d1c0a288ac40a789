/// When currencies are traded: Sunday 17:00 to Friday 17:00 in New York, daylight saving included.
/// All times are Unix seconds.
public enum TradingWeek {
    private static let length: Int64 = 5 * 86_400
    private static let week: Int64 = 7 * 86_400
    /// 1970-01-04 was a Sunday.
    private static let firstSunday: Int64 = 3 * 86_400

    /// The last week that opened at or before a moment, `[opening, close)`.
    public static func opened(by second: Int64) -> Range<Int64> {
        let sunday = floorDivide(second - firstSunday, week) * week + firstSunday
        let opening = opening(ofSunday: sunday)
        let latest = opening <= second ? opening : self.opening(ofSunday: sunday - week)
        return latest..<(latest + length)
    }

    public static func isOpen(at second: Int64) -> Bool { opened(by: second).contains(second) }

    /// Whether any moment of a stretch is open.
    public static func isOpen(during seconds: Range<Int64>) -> Bool {
        opened(by: seconds.upperBound - 1).overlaps(seconds)
    }

    /// The start of the next interval that touches open time.
    public static func next(after start: Int64, _ timeframe: Timeframe) -> Int64 {
        let next = start + timeframe.seconds
        if isOpen(during: next..<(next + timeframe.seconds)) { return next }
        // At the latest a week after the present one opened.
        let opening = opened(by: opened(by: next).lowerBound + week + 3_600).lowerBound
        return floorDivide(opening, timeframe.seconds) * timeframe.seconds
    }

    /// The starts of the intervals that touch open time and have ended by a moment: the last `count`, oldest first.
    public static func starts(of timeframe: Timeframe, last count: Int, endedBy second: Int64) -> [Int64] {
        var starts: [Int64] = []
        let length = timeframe.seconds
        var start = floorDivide(second, length) * length - length
        while starts.count < count {
            let week = opened(by: start + length - 1)
            // Over the weekend at once.
            start = min(start, floorDivide(week.upperBound - 1, length) * length)
            while starts.count < count, start + length > week.lowerBound {
                starts.append(start)
                start -= length
            }
        }
        return starts.reversed()
    }

    /// The starts of the intervals that touch open time and start in a range, oldest first.
    public static func starts(of timeframe: Timeframe, in range: Range<Int64>) -> [Int64] {
        var starts: [Int64] = []
        var start = next(after: floorDivide(range.lowerBound - 1, timeframe.seconds) * timeframe.seconds, timeframe)
        while start < range.upperBound {
            starts.append(start)
            start = next(after: start, timeframe)
        }
        return starts
    }

    /// The starts of the parts of a larger interval that touch open time, oldest first.
    /// - Parameter part: divides `larger`.
    public static func parts(of start: Int64, _ larger: Timeframe, _ part: Timeframe) -> [Int64] {
        stride(from: start, to: start + larger.seconds, by: Int(part.seconds)).filter {
            isOpen(during: $0..<($0 + part.seconds))
        }
    }

    /// 17:00 in New York is 21:00 UTC while daylight saving is in force: from the second Sunday of March to the first of
    /// November. A Sunday's change comes before its opening, and no other day has one.
    private static func opening(ofSunday midnight: Int64) -> Int64 {
        let date = CivilDate(daysSince1970: midnight / 86_400)
        let isSummer = (4...10).contains(date.month) || date.month == 3 && date.day >= 8
        return midnight + (isSummer ? 21 : 22) * 3_600
    }
}
