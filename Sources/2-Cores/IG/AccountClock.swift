public import MarketData

/// How far the times that prices are asked by stand ahead of UTC: the account's local time, whose zone the broker never
/// names. Learnt from what came of a question, for each trading week: clocks change while markets are shut.
/// Source: `ig-api` § 3.4.
public struct AccountClock: Sendable {
    /// Seconds by the opening of the week.
    private var offsets: [UTCSeconds: Int64] = [:]
    private let guess: Int64

    /// - Parameter guess: seconds, what the login said of the present week.
    public init(guess: Int64) { self.guess = guess }

    public func isKnown(at moment: UTCSeconds) -> Bool { offsets[week(moment)] != nil }

    /// What stands on the account's clock at a moment, as seconds since 1970 as if that were UTC. In a week that is not
    /// known yet, as in the nearest one that is.
    public func local(_ moment: UTCSeconds) -> Int64 {
        let week = week(moment)
        func distance(_ other: UTCSeconds) -> Int64 { abs(other.rawValue - week.rawValue) }
        let nearest = offsets.min { distance($0.key) < distance($1.key) }
        return moment.rawValue + (offsets[week] ?? nearest?.value ?? guess)
    }

    /// The offset that a question shows which asked for the candle of one local moment and got that of another;
    /// `nil` where that is no zone's: whole quarters of an hour, up to fourteen of them.
    public static func offset(asked: Int64, got moment: UTCSeconds) -> Int64? {
        let offset = asked - moment.rawValue
        return offset % 900 == 0 && abs(offset) <= 14 * 3_600 ? offset : nil
    }

    public mutating func learn(_ offset: Int64, at moment: UTCSeconds) { offsets[week(moment)] = offset }

    /// What came was of other times than were asked for: the account may be another one.
    public mutating func forget(at moment: UTCSeconds) { offsets[week(moment)] = nil }

    private func week(_ moment: UTCSeconds) -> UTCSeconds { AccountClock.week(of: moment).lowerBound }

    /// The week for which one offset is learned. It is that of currencies, whatever the instrument: zones change their
    /// clocks on weekends.
    public static func week(of moment: UTCSeconds) -> Range<UTCSeconds> { TradingWeek.opened(by: moment) }
}
