/// A session as a person writes it: `Mon-Fri 08:00-16:30` is one on each of these days, until the next day if its end is
/// not behind its beginning (`Sun-Thu 18:00-17:00`); `Sun 17:00-Fri 17:00` is one over several days. `24:00` is the end
/// of a day.
public struct WeeklySession: Hashable, Sendable {
    public let text: String
    /// `[opening, close)`, in seconds since Monday 00:00; at most a week long.
    let stretches: [Range<Int64>]

    fileprivate static let day: Int64 = 86_400
    fileprivate static let week: Int64 = 7 * day
    private static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    /// - Returns: `nil` for anything else.
    public init?(_ text: String) {
        let words = text.split(separator: " ")
        self.text = words.joined(separator: " ")
        let found =
            switch words.count {
            case 2: WeeklySession.daily(words[0], words[1])
            case 3: WeeklySession.long(words[0], words[1], words[2])
            default: nil as [Range<Int64>]?
            }
        guard let found else { return nil }
        stretches = found
    }

    /// `Mon-Fri` and `08:00-16:30`, or `Sat` and `08:00-16:30`.
    private static func daily(_ days: Substring, _ times: Substring) -> [Range<Int64>]? {
        let names = days.split(separator: "-", omittingEmptySubsequences: false)
        guard let times = pair(times), let opening = second(times.0), let close = second(times.1), opening < day,
            (1...2).contains(names.count), let first = number(names[0]), let last = number(names[names.count - 1])
        else { return nil }
        let length = close > opening ? close - opening : close + day - opening
        return (0...(last - first + 7) % 7).map { step in
            let start = (first + step) % 7 * day + opening
            return start..<(start + length)
        }
    }

    /// `Sun`, `17:00-Fri` and `17:00`.
    private static func long(_ first: Substring, _ middle: Substring, _ last: Substring) -> [Range<Int64>]? {
        guard let (opening, final) = pair(middle), let firstDay = number(first), let lastDay = number(final),
            let start = second(opening), let end = second(last), start < day
        else { return nil }
        let from = firstDay * day + start
        let until = lastDay * day + end
        return [from..<(until > from ? until : until + week)]
    }

    private static func pair(_ text: Substring) -> (Substring, Substring)? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2 ? (parts[0], parts[1]) : nil
    }

    private static func number(_ day: Substring) -> Int64? { days.firstIndex(of: day.lowercased()).map(Int64.init) }

    /// `08:00`, up to `24:00`, in seconds.
    private static func second(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isWholeNumber) }),
            let hour = Int64(parts[0]), let minute = Int64(parts[1]), minute < 60, hour * 60 + minute <= 1_440
        else { return nil }
        return hour * 3_600 + minute * 60
    }
}

/// Sessions that come again each week, by the clocks of a place.
struct WeeklySessions: Hashable {
    private let zone: ZoneRule
    /// Seconds since Monday 00:00, by their opening, apart from each other.
    private let sessions: [Range<Int64>]

    private static var week: Int64 { WeeklySession.week }
    /// 1970-01-05 was a Monday.
    private static let firstMonday: Int64 = 4 * WeeklySession.day

    /// - Parameter stretches: one at least, in seconds since Monday 00:00. Those that touch or overlap become one.
    /// - Returns: `nil` if they leave no pause.
    init?(zone: ZoneRule, _ stretches: [Range<Int64>]) {
        self.zone = zone
        var sessions: [Range<Int64>] = []
        for next in stretches.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = sessions.last, next.lowerBound <= last.upperBound {
                sessions[sessions.count - 1] = last.lowerBound..<max(last.upperBound, next.upperBound)
            } else {
                sessions.append(next)
            }
        }
        // The last one may reach into the next week.
        while sessions.count > 1, let first = sessions.first, let last = sessions.last,
            last.upperBound >= first.lowerBound + Self.week
        {
            sessions[sessions.count - 1] = last.lowerBound..<max(last.upperBound, first.upperBound + Self.week)
            sessions.removeFirst()
        }
        if sessions.contains(where: { $0.upperBound - $0.lowerBound >= Self.week }) { return nil }
        self.sessions = sessions
    }

    /// The last session that opened at or before a moment.
    func opened(by moment: UTCSeconds) -> Range<UTCSeconds> {
        var monday = monday(of: moment)
        while true {
            for session in sessions.reversed() {
                let opening = zone.moment(of: monday + session.lowerBound)
                guard opening <= moment.rawValue else { continue }
                let close = max(opening, zone.moment(of: monday + session.upperBound))
                return UTCSeconds(rawValue: opening)..<UTCSeconds(rawValue: close)
            }
            monday -= Self.week
        }
    }

    /// When the first session opens after a moment.
    func opening(after moment: UTCSeconds) -> UTCSeconds {
        var monday = monday(of: moment)
        while true {
            for session in sessions {
                let opening = zone.moment(of: monday + session.lowerBound)
                if opening > moment.rawValue { return UTCSeconds(rawValue: opening) }
            }
            monday += Self.week
        }
    }

    /// The local midnight that began the week of a moment, in seconds since 1970 as if that were UTC.
    private func monday(of moment: UTCSeconds) -> Int64 {
        let local = moment.rawValue + zone.offset(at: moment.rawValue)
        return floorDivide(local - Self.firstMonday, Self.week) * Self.week + Self.firstMonday
    }
}
