internal import MarketData

/// Local clocks and the trading week, by arithmetic: no time zone database.
///
/// Sources: US rule since 2007 (second Sunday of March 02:00 to first Sunday of November 02:00 local), UK rule since
/// 1996 (last Sunday of March to last Sunday of October, 01:00 UTC).
enum LocalClock {
    case newYork, london, utc

    /// Hours that local time is ahead of UTC at `second` (since 1970 UTC).
    func offsetHours(at second: Int64) -> Int64 {
        let year = CivilDate(daysSince1970: floorDivide(second, 86_400)).year
        switch self {
        case .utc: return 0
        case .newYork:
            let begin = (firstSunday(from: CivilDate.daysSince1970(year: year, month: 3, day: 8))) * 86_400 + 7 * 3_600
            let end = (firstSunday(from: CivilDate.daysSince1970(year: year, month: 11, day: 1))) * 86_400 + 6 * 3_600
            return second >= begin && second < end ? -4 : -5
        case .london:
            let begin = (firstSunday(from: CivilDate.daysSince1970(year: year, month: 3, day: 25))) * 86_400 + 3_600
            let end = (firstSunday(from: CivilDate.daysSince1970(year: year, month: 10, day: 25))) * 86_400 + 3_600
            return second >= begin && second < end ? 1 : 0
        }
    }

    func localSecond(at second: Int64) -> Int64 { second + offsetHours(at: second) * 3_600 }

    /// The UTC second at which this clock shows `local`; an hour that occurs twice means the first of them.
    func utcSecond(ofLocal local: Int64) -> Int64 {
        let first = local - offsetHours(at: local - 3_600 * 6) * 3_600
        return localSecond(at: first) == local ? first : local - offsetHours(at: first) * 3_600
    }
}

/// The broker's day turns when London shows 22:00. Source: ig-api § 10.
func brokerDay(ofSecond second: Int64) -> Int64 {
    floorDivide(LocalClock.london.localSecond(at: second) + 2 * 3_600, 86_400)
}

/// Sunday 17:00 to Friday 17:00 New York time.
enum TradingWeek {
    static func isOpen(at second: Int64) -> Bool {
        let local = LocalClock.newYork.localSecond(at: second)
        // 1970-01-01 was a Thursday; count from the Sunday before.
        let intoWeek = local + 4 * 86_400 - floorDivide(local + 4 * 86_400, 7 * 86_400) * 7 * 86_400
        return intoWeek >= 17 * 3_600 && intoWeek < 5 * 86_400 + 17 * 3_600
    }

    /// The first second at or after `second`, in whole minutes from it, at which the market is open.
    static func nextOpen(from second: Int64) -> Int64 {
        var candidate = second
        while !isOpen(at: candidate) { candidate += 60 }
        return candidate
    }
}

/// The first Sunday at or after a day.
private func firstSunday(from day: Int64) -> Int64 {
    let weekday = day + 4 - floorDivide(day + 4, 7) * 7
    return day + (7 - weekday) % 7
}
