public import MarketData

/// Points for a task: never more than `limit`; the reserve is left alone, except for intervals that ended lately when
/// the task may use it for these.
public struct Spending: Hashable, Sendable {
    /// Points that are left alone.
    public let reserve: Int
    /// Intervals that end after it may use the reserve.
    public let reserveOpensAfter: UTCSeconds
    /// Points that may be spent in all.
    public let limit: Int

    public init(reserve: Int, reserveOpensAfter: UTCSeconds = .max, limit: Int = .max) {
        (self.reserve, self.reserveOpensAfter, self.limit) = (reserve, reserveOpensAfter, limit)
    }

    /// How many intervals can be paid, from the first of them on.
    /// - Parameters:
    ///   - ends: of the wanted intervals, newest first.
    ///   - points: the number that can be paid if `reserve` points are left alone.
    public func affordable(_ ends: some Collection<UTCSeconds>, _ points: (_ reserve: Int) -> Int) -> Int {
        let recent = ends.prefix { $0 > reserveOpensAfter }.count
        return max(0, min(limit, max(min(ends.count, points(reserve)), min(recent, points(0)))))
    }
}

/// The bounds of repair, in points.
public struct RepairBounds: Hashable, Sendable {
    /// Of one run.
    public let run: Int
    /// Of a week.
    public let week: Int
    /// Points that repair spent in the last seven days, by the local clock.
    public let spentInWeek: Int

    public init(run: Int, week: Int, spentInWeek: Int) {
        (self.run, self.week, self.spentInWeek) = (run, week, spentInWeek)
    }

    /// Points that it may still spend.
    /// - Parameter spent: in this run, so far.
    public func left(spent: Int) -> Int { max(0, min(run - spent, week - spentInWeek)) }
}
