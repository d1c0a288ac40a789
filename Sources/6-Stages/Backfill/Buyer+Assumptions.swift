internal import Assumptions
internal import Host
internal import IG
internal import MarketData

/// Counts how often the assumptions about the broker's replies hold and fail. Source: `Assumption`.
extension Buyer {
    private static let weeklyPoints = 10_000
    private static let weekSeconds = 7 * 86_400

    func watch(_ limits: ApplicationLimits?) {
        note(.loginLimits, limits != nil, "no answer that could be read")
    }

    /// - Parameter isOfOtherTimes: it holds candles that were not asked for, though the account's clock is known.
    func watch(_ reply: PricesReply, isOfOtherTimes: Bool) {
        note(.candlesAsked, !isOfOtherTimes, "\(reply.rows.count) candles")
        for row in reply.rows {
            note(
                .candlePrices, row.bid?.isConsistent == true && row.ask?.isConsistent == true,
                "start \(row.start?.rawValue ?? 0)")
        }
        guard let allowance = reply.allowance else {
            remaining = nil
            return
        }
        note(.weeklyPoints, allowance.total == Self.weeklyPoints, "\(allowance.total) points")
        note(
            .renewalWithinWeek, allowance.expiry.map { $0 <= Self.weekSeconds } ?? false,
            "in \(allowance.expiry ?? 0) s")
        if let remaining, allowance.remaining <= remaining {
            let cost = remaining - allowance.remaining
            note(.pointPerCandle, cost == reply.rows.count, "\(cost) points for \(reply.rows.count) candles")
        }
        remaining = allowance.remaining
    }

    private func note(_ assumption: Assumption, _ holds: Bool, _ what: @autoclosure () -> String) {
        assumptions.note(assumption, holds: holds, at: clock.now(), what())
    }
}
