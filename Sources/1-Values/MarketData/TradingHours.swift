/// When an instrument is traded: a named calendar, or sessions of a week in a time zone. Holidays are not known.
///
/// Every question is answered by the sessions as moments of UTC. An interval that touches no session has no candle.
/// Source: docs/decisions/0035-instrument-names.md.
public struct TradingHours: Hashable, Sendable {
    /// As the configuration has it: a calendar's name, or a mapping of zone and sessions.
    public let text: String
    private let week: Week

    private enum Week: Hashable {
        case always
        /// `TradingWeek`, a form of the sessions that takes no search.
        case currencies
        case sessions(WeeklySessions)
    }

    /// From 1843 to 2255: far from the ends of 64 bits, in nanoseconds too.
    private static let ever = UTCSeconds(rawValue: -4_000_000_000)..<UTCSeconds(rawValue: 9_000_000_000)

    private init(_ text: String, _ week: Week) { (self.text, self.week) = (text, week) }

    /// That of currencies: Sunday 17:00 to Friday 17:00 in New York.
    public static let fx = TradingHours("fx", .currencies)

    /// Without a pause.
    public static let always = TradingHours("always", .always)

    /// The calendars that have a name.
    /// - `crypto`: IG's cryptocurrencies, Saturday 08:00 to Friday 22:00 in London. Source: IG, "Weekend trading",
    ///   ig.com/en-ch/weekend-trading (there in Swiss time).
    /// - `cme`: index, metal and energy futures, Sunday 18:00 to Friday 17:00 in New York with an hour's pause at 17:00.
    ///   Source: CME Group, contract specifications of ES, GC and CL, "Trading hours: CME Globex".
    public static let calendars: [TradingHours] = [
        .fx, .always,
        TradingHours("crypto", zone: "Europe/London", ["Sat 08:00-Fri 22:00"]),
        TradingHours("cme", zone: "America/New_York", ["Sun-Thu 18:00-17:00"]),
    ]

    /// Sessions that are written in the source.
    private init(_ text: String, zone: String, _ sessions: [String]) {
        guard let zone = ZoneRule(zone) else { preconditionFailure("\(zone) is not a zone") }
        self.init(text, TradingHours.week(zone, sessions.map { WeeklySession($0)! }))
    }

    /// - Parameters:
    ///   - name: of the zone, as the configuration has it.
    ///   - sessions: one at least. Those that touch or overlap are one.
    public init(zone: ZoneRule, named name: String, sessions: [WeeklySession]) {
        let texts = sessions.map { "\"\($0.text)\"" }.joined(separator: ", ")
        self.init("{zone: \"\(name)\", sessions: [\(texts)]}", TradingHours.week(zone, sessions))
    }

    private static func week(_ zone: ZoneRule, _ sessions: [WeeklySession]) -> Week {
        WeeklySessions(zone: zone, sessions.flatMap(\.stretches)).map { .sessions($0) } ?? .always
    }

    // MARK: Sessions

    /// The last session that opened at or before a moment, `[opening, close)`.
    public func opened(by moment: UTCSeconds) -> Range<UTCSeconds> {
        switch week {
        case .always: TradingHours.ever
        case .currencies: TradingWeek.opened(by: moment)
        case .sessions(let sessions): sessions.opened(by: moment)
        }
    }

    /// When the first session opens after a moment; `nil`: never, since none closes.
    private func opening(after moment: UTCSeconds) -> UTCSeconds? {
        switch week {
        case .always: nil
        case .currencies: TradingWeek.opening(after: moment)
        case .sessions(let sessions): sessions.opening(after: moment)
        }
    }

    public func isOpen(at moment: UTCSeconds) -> Bool { opened(by: moment).contains(moment) }

    /// Whether any moment of a stretch is open.
    public func isOpen(during stretch: Range<UTCSeconds>) -> Bool {
        opened(by: lastSecond(of: stretch)).overlaps(stretch)
    }

    // MARK: Intervals

    /// The start of the next interval that touches open time.
    public func next(after start: UTCSeconds, _ timeframe: Timeframe) -> UTCSeconds {
        let next = start + timeframe
        if isOpen(during: next..<(next + timeframe)) { return next }
        return opening(after: next).map { timeframe.start(of: $0) } ?? next
    }

    /// The starts of the intervals that touch open time and have ended by a moment: the last `count`, oldest first.
    public func starts(of timeframe: Timeframe, last count: Int, endedBy moment: UTCSeconds) -> [UTCSeconds] {
        var starts: [UTCSeconds] = []
        var start = timeframe.start(of: moment) - timeframe
        while starts.count < count {
            let session = opened(by: lastSecond(of: start..<(start + timeframe)))
            // Over closed time at once.
            start = min(start, timeframe.start(of: lastSecond(of: session)))
            while starts.count < count, start + timeframe > session.lowerBound {
                starts.append(start)
                start = start - timeframe
            }
        }
        return starts.reversed()
    }

    /// The starts of the intervals that touch open time and start in a range, oldest first.
    public func starts(of timeframe: Timeframe, in range: Range<UTCSeconds>) -> [UTCSeconds] {
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
    public func parts(of start: UTCSeconds, _ larger: Timeframe, _ part: Timeframe) -> [UTCSeconds] {
        part.starts(in: start..<(start + larger)).filter { isOpen(during: $0..<($0 + part)) }
    }

    private func lastSecond(of stretch: Range<UTCSeconds>) -> UTCSeconds {
        UTCSeconds(rawValue: stretch.upperBound.rawValue - 1)
    }
}

/// The trading hours of every instrument, by its name: those of the configuration, and FX's for any other.
public struct TradingCalendar: Hashable, Sendable {
    private let own: [Pair: TradingHours]

    public init(_ instruments: [Instrument] = []) {
        let others = instruments.filter { $0.hours != .fx }.map { ($0.pair, $0.hours) }
        own = Dictionary(others) { first, _ in first }
    }

    public subscript(pair: Pair) -> TradingHours { own[pair] ?? .fx }
}
