/// How the clocks of a place differ from UTC, by the rule in force today: its standard time, and when daylight saving
/// begins and ends each year. Changes of the rule itself are not known.
///
/// The rule is a function of its text alone, so that the same journal gives the same candles on every machine. Source:
/// docs/decisions/0035-instrument-names.md; the text is that of `TZ` in POSIX.1-2017, Base Definitions § 8.3, with changes
/// in the form `Mm.w.d`.
public struct ZoneRule: Hashable, Sendable {
    /// Seconds ahead of UTC.
    private let standard: Int64
    private let daylight: Daylight?

    fileprivate struct Daylight: Hashable {
        /// Seconds ahead of UTC.
        var offset: Int64
        var begin: Change
        var end: Change
    }

    /// When the clocks are changed, by the clock before the change.
    fileprivate struct Change: Hashable {
        var month: Int64
        /// 1 to 5; 5: the last one.
        var week: Int64
        /// 0 is Sunday.
        var weekday: Int64
        /// Seconds after midnight.
        var second: Int64
    }

    /// The rules of the places of the larger exchanges, by the names of the IANA time zone database; `tzdata` 2025b.
    public static let named: [String: String] = [
        "UTC": "UTC0",
        "Africa/Johannesburg": "SAST-2",
        "America/Chicago": "CST6CDT,M3.2.0,M11.1.0",
        "America/New_York": "EST5EDT,M3.2.0,M11.1.0",
        "America/Toronto": "EST5EDT,M3.2.0,M11.1.0",
        "Asia/Hong_Kong": "HKT-8",
        "Asia/Kolkata": "IST-5:30",
        "Asia/Shanghai": "CST-8",
        "Asia/Singapore": "<+08>-8",
        "Asia/Tokyo": "JST-9",
        "Australia/Sydney": "AEST-10AEDT,M10.1.0,M4.1.0/3",
        "Europe/Amsterdam": "CET-1CEST,M3.5.0,M10.5.0/3",
        "Europe/Berlin": "CET-1CEST,M3.5.0,M10.5.0/3",
        "Europe/London": "GMT0BST,M3.5.0/1,M10.5.0",
        "Europe/Madrid": "CET-1CEST,M3.5.0,M10.5.0/3",
        "Europe/Paris": "CET-1CEST,M3.5.0,M10.5.0/3",
        "Europe/Stockholm": "CET-1CEST,M3.5.0,M10.5.0/3",
        "Europe/Zurich": "CET-1CEST,M3.5.0,M10.5.0/3",
    ]

    /// - Parameter text: a name of `named`, or a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
    /// - Returns: `nil` for anything else.
    public init?(_ text: String) {
        var parser = Parser(ZoneRule.named[text] ?? text)
        guard parser.skipName(), let west = parser.time() else { return nil }
        standard = -west
        guard !parser.isAtEnd else {
            daylight = nil
            return
        }
        guard parser.skipName() else { return nil }
        let later: Int64? = parser.peek(",") ? standard + 3_600 : parser.time().map { -$0 }
        guard let offset = later, offset != standard, let begin = parser.change(), let end = parser.change(),
            parser.isAtEnd
        else { return nil }
        daylight = Daylight(offset: offset, begin: begin, end: end)
    }

    /// Seconds ahead of UTC at a moment of UTC, in seconds since 1970.
    func offset(at moment: Int64) -> Int64 {
        guard let daylight else { return standard }
        let year = CivilDate(daysSince1970: floorDivide(moment + standard, 86_400)).year
        let (begin, end) = changes(of: daylight, in: year)
        // In the south daylight saving lasts over the new year.
        let isDaylight = begin < end ? begin <= moment && moment < end : !(end <= moment && moment < begin)
        return isDaylight ? daylight.offset : standard
    }

    /// The moment of UTC at which the clocks show a local time, both in seconds since 1970: the first one if they show it
    /// twice, and the moment of the change if they skip it.
    func moment(of local: Int64) -> Int64 {
        guard let daylight else { return local - standard }
        let first = local - max(standard, daylight.offset)
        if first + offset(at: first) == local { return first }
        let second = local - min(standard, daylight.offset)
        if second + offset(at: second) == local { return second }
        let (begin, end) = changes(of: daylight, in: CivilDate(daysSince1970: floorDivide(local, 86_400)).year)
        return daylight.offset > standard ? begin : end
    }

    /// When daylight saving begins and ends in a year, in seconds since 1970, UTC.
    private func changes(of daylight: Daylight, in year: Int64) -> (begin: Int64, end: Int64) {
        (daylight.begin.local(in: year) - standard, daylight.end.local(in: year) - daylight.offset)
    }
}

extension ZoneRule.Change {
    /// The local time of the change in a year, in seconds since 1970 as if that were UTC.
    fileprivate func local(in year: Int64) -> Int64 {
        let first = CivilDate.daysSince1970(year: year, month: month, day: 1)
        // 1970-01-01 was a Thursday.
        let weekdayOfFirst = first + 4 - floorDivide(first + 4, 7) * 7
        var day = first + (weekday - weekdayOfFirst + 7) % 7 + (week - 1) * 7
        let next = CivilDate.daysSince1970(year: month == 12 ? year + 1 : year, month: month % 12 + 1, day: 1)
        if day >= next { day -= 7 }
        return day * 86_400 + second
    }
}

extension ZoneRule {
    /// Reads a rule from its beginning to its end.
    private struct Parser {
        private var rest: Substring.UTF8View

        init(_ text: String) { rest = text[...].utf8 }

        var isAtEnd: Bool { rest.isEmpty }

        func peek(_ character: Character) -> Bool { rest.first == character.asciiValue }

        private mutating func take(_ character: Character) -> Bool {
            guard peek(character) else { return false }
            rest.removeFirst()
            return true
        }

        /// The zone's abbreviation: three letters or more, or digits and signs too in `<` and `>`.
        mutating func skipName() -> Bool {
            let isQuoted = take("<")
            let name = rest.prefix { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || isQuoted && (UInt8(ascii: "+")...UInt8(ascii: "9")).contains(byte)
            }
            rest = rest.dropFirst(name.count)
            return name.count >= 3 && (!isQuoted || take(">"))
        }

        private mutating func number(_ range: ClosedRange<Int64>) -> Int64? {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard (1...3).contains(digits.count), let number = Int64(String(decoding: digits, as: UTF8.self)),
                range.contains(number)
            else { return nil }
            rest = rest.dropFirst(digits.count)
            return number
        }

        /// `5`, `-5:30`, `+5:30:15`, in seconds. The hours may be up to 167.
        mutating func time() -> Int64? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard var seconds = number(0...167).map({ $0 * 3_600 }) else { return nil }
            for unit in [Int64(60), 1] where take(":") {
                guard let part = number(0...59) else { return nil }
                seconds += part * unit
            }
            return isNegative ? -seconds : seconds
        }

        /// `,M3.2.0` or `,M3.2.0/1:30`.
        mutating func change() -> Change? {
            guard take(","), take("M"), let month = number(1...12), take("."), let week = number(1...5), take("."),
                let weekday = number(0...6)
            else { return nil }
            // 02:00 unless it says otherwise.
            guard let second = take("/") ? time() : 7_200 else { return nil }
            return Change(month: month, week: week, weekday: weekday, second: second)
        }
    }
}
