internal import MarketData

/// How far the times that prices are asked by stand ahead of UTC: the account's local time, whose zone the broker never
/// names. Learnt from what came of a question, for each trading week: clocks change while markets are shut.
/// Source: `ig-api` § 3.4.
public struct AccountClock: Sendable {
    /// Seconds by the opening of the week.
    private var offsets: [Int64: Int64] = [:]
    private let guess: Int64

    /// - Parameter guess: seconds, what the login said of the present week.
    public init(guess: Int64) { self.guess = guess }

    public func isKnown(at second: Int64) -> Bool { offsets[week(second)] != nil }

    /// What stands on the account's clock at a moment, as seconds since 1970 as if that were UTC. In a week that is not
    /// known yet, as in the nearest one that is.
    public func local(_ second: Int64) -> Int64 {
        let week = week(second)
        let nearest = offsets.min { abs($0.key - week) < abs($1.key - week) }
        return second + (offsets[week] ?? nearest?.value ?? guess)
    }

    /// The offset that a question shows which asked for the candle of one local moment and got that of `second`;
    /// `nil` where that is no zone's: whole quarters of an hour, up to fourteen of them.
    public static func offset(asked: Int64, got second: Int64) -> Int64? {
        let offset = asked - second
        return offset % 900 == 0 && abs(offset) <= 14 * 3_600 ? offset : nil
    }

    public mutating func learn(_ offset: Int64, at second: Int64) { offsets[week(second)] = offset }

    /// What came was of other times than were asked for: the account may be another one.
    public mutating func forget(at second: Int64) { offsets[week(second)] = nil }

    private func week(_ second: Int64) -> Int64 { TradingWeek.opened(by: second).lowerBound }
}
