/// When currencies are traded: Sunday 17:00 to Friday 17:00 in New York, daylight saving included.
public enum TradingWeek {
    // Seconds.
    private static let length: Int64 = 5 * 86_400
    private static let week: Int64 = 7 * 86_400
    /// 1970-01-04 was a Sunday.
    private static let firstSunday: Int64 = 3 * 86_400

    /// The last week that opened at or before a moment, `[opening, close)`.
    public static func opened(by moment: UTCSeconds) -> Range<UTCSeconds> {
        let second = moment.rawValue
        let sunday = floorDivide(second - firstSunday, week) * week + firstSunday
        let opening = opening(ofSunday: sunday)
        let latest = opening <= second ? opening : self.opening(ofSunday: sunday - week)
        return UTCSeconds(rawValue: latest)..<UTCSeconds(rawValue: latest + length)
    }

    public static func isOpen(at moment: UTCSeconds) -> Bool { opened(by: moment).contains(moment) }

    /// Whether any moment of a stretch is open.
    public static func isOpen(during stretch: Range<UTCSeconds>) -> Bool {
        opened(by: lastSecond(of: stretch)).overlaps(stretch)
    }

    /// The start of the next interval that touches open time.
    public static func next(after start: UTCSeconds, _ timeframe: Timeframe) -> UTCSeconds {
        let next = start + timeframe
        if isOpen(during: next..<(next + timeframe)) { return next }
        // At the latest a week after the present one opened.
        return timeframe.start(of: opened(by: opened(by: next).lowerBound + .seconds(week + 3_600)).lowerBound)
    }

    /// The starts of the intervals that touch open time and have ended by a moment: the last `count`, oldest first.
    public static func starts(of timeframe: Timeframe, last count: Int, endedBy moment: UTCSeconds) -> [UTCSeconds] {
        var starts: [UTCSeconds] = []
        var start = timeframe.start(of: moment) - timeframe
        while starts.count < count {
            let week = opened(by: lastSecond(of: start..<(start + timeframe)))
            // Over the weekend at once.
            start = min(start, timeframe.start(of: lastSecond(of: week)))
            while starts.count < count, start + timeframe > week.lowerBound {
                starts.append(start)
                start = start - timeframe
            }
        }
        return starts.reversed()
    }

    /// The starts of the intervals that touch open time and start in a range, oldest first.
    public static func starts(of timeframe: Timeframe, in range: Range<UTCSeconds>) -> [UTCSeconds] {
        var starts: [UTCSeconds] = []
        var start = next(after: timeframe.start(of: range.lowerBound - .seconds(1)), timeframe)
        while start < range.upperBound {
            starts.append(start)
            start = next(after: start, timeframe)
        }
        return starts
    }

    /// The starts of the parts of a larger interval that touch open time, oldest first.
    /// - Parameter part: divides `larger`.
    public static func parts(of start: UTCSeconds, _ larger: Timeframe, _ part: Timeframe) -> [UTCSeconds] {
        part.starts(in: start..<(start + larger)).filter { isOpen(during: $0..<($0 + part)) }
    }

    private static func lastSecond(of stretch: Range<UTCSeconds>) -> UTCSeconds {
        UTCSeconds(rawValue: stretch.upperBound.rawValue - 1)
    }

    /// 17:00 in New York is 21:00 UTC while daylight saving is in force: from the second Sunday of March to the first of
    /// November. A Sunday's change comes before its opening, and no other day has one.
    private static func opening(ofSunday midnight: Int64) -> Int64 {
        let date = CivilDate(daysSince1970: midnight / 86_400)
        let isSummer = (4...10).contains(date.month) || date.month == 3 && date.day >= 8
        return midnight + (isSummer ? 21 : 22) * 3_600
    }
}
