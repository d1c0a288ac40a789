/// When currencies are traded: Sunday 17:00 to Friday 17:00 in New York, daylight saving included. `TradingHours.fx` is
/// made of it; what belongs to one instrument asks that instrument's hours.
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

    /// When the first week opens after a moment.
    static func opening(after moment: UTCSeconds) -> UTCSeconds {
        // Openings lie a week apart, or an hour more or less.
        opened(by: opened(by: moment).lowerBound + .seconds(week + 3_600)).lowerBound
    }

    /// 17:00 in New York is 21:00 UTC while daylight saving is in force: from the second Sunday of March to the first of
    /// November. A Sunday's change comes before its opening, and no other day has one.
    private static func opening(ofSunday midnight: Int64) -> Int64 {
        let date = CivilDate(daysSince1970: midnight / 86_400)
        let isSummer = (4...10).contains(date.month) || date.month == 3 && date.day >= 8
        return midnight + (isSummer ? 21 : 22) * 3_600
    }
}
